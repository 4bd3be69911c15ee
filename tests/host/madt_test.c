/* The MADT's entries: which are kept, how many, and which are refused. */
#include "tests/host/acpi_fixture.h"

static struct acpi_info info;

static void begin(void)
{
	good_tables(RSDP_OTHER, 0, 1);
	madt_begin(0xfee00000);
}

static const char *finish(void)
{
	const char *why;

	madt_end();
	mem_forget();
	why = acpi_parse(RSDP_OTHER, mem_read, &info);
	assert_info_sane(why, &info);
	assert_int_equal(stray_reads, 0);
	return why;
}

static void assert_refused(const char *why, const char *part)
{
	if (!why || !strstr(why, part))
		fail_msg("want a sentence with '%s', got: %s", part, why ? why : "no complaint");
}

static void test_cpus(void **state)
{
	begin();
	madt_cpu(1, 7, 0); /* an empty socket */
	madt_cpu(2, 4, 1);
	madt_x2apic(0x30000, 254, 1);
	madt_cpu(3, 5, 2);    /* can be plugged in */
	madt_x2apic(5, 6, 2); /* so can this */
	madt_x2apic(4, 9, 3); /* enabled: the other bit means nothing */
	madt_x2apic(7, 10, 0);
	madt_cpu(6, 0, 0xfffffffd);
	assert_null(finish());
	assert_int_equal(info.nr_cpus, 4);
	assert_int_equal(info.enabled_cpus, 4);
	assert_int_equal(info.hotplug_cpus, 2);
	assert_true(info.cpus[0].uid == 2 && info.cpus[0].apic_id == 4);
	assert_true(info.cpus[1].uid == 0x30000 && info.cpus[1].apic_id == 254);
	assert_true(info.cpus[2].uid == 4 && info.cpus[2].apic_id == 9);
	assert_true(info.cpus[3].uid == 6 && info.cpus[3].apic_id == 0);
}

/* More than we have room for are counted; a processor in both forms, or twice in one, is one. */
static void test_many_cpus(void **state)
{
	begin();
	for (u8 i = 0; i < 40; i++)
		madt_cpu(i, i, 1);
	for (u8 i = 0; i < 40; i++) {
		madt_x2apic(i, i, 1);
		madt_cpu(i, i, 1);
	}
	assert_null(finish());
	assert_int_equal(info.nr_cpus, ACPI_MAX_CPUS);
	assert_int_equal(info.enabled_cpus, 40);
	for (unsigned i = 0; i < ACPI_MAX_CPUS; i++)
		assert_int_equal(info.cpus[i].apic_id, i);
}

/* Ids that an xAPIC can't send to are counted and not kept. */
static void test_big_ids(void **state)
{
	begin();
	madt_cpu(1, 255, 1);
	madt_x2apic(2, 255, 1);
	madt_x2apic(3, 256, 1);
	madt_x2apic(4, 0xffffffff, 1);
	madt_x2apic(5, 3, 1);
	assert_null(finish());
	assert_int_equal(info.nr_cpus, 1);
	assert_int_equal(info.cpus[0].apic_id, 3);
	assert_int_equal(info.enabled_cpus, 4);
	begin();
	madt_x2apic(3, 256, 1);
	madt_cpu(1, 255, 1);
	madt_cpu(1, 2, 2);
	assert_refused(finish(), "no processor that could run");
	begin();
	assert_refused(finish(), "no processor that could run");
}

static void test_interrupts(void **state)
{
	begin();
	madt_cpu(0, 0, 1);
	for (u8 i = 0; i < 20; i++) {
		madt_ioapic(i, 0xfec00000 + i * 0x1000u, i * 24u);
		madt_override(i, i + 100u, i);
		madt_nmi(i, i, i % 2);
	}
	assert_null(finish());
	assert_int_equal(info.nr_ioapics, ACPI_MAX_IOAPICS);
	assert_int_equal(info.nr_overrides, ACPI_MAX_OVERRIDES);
	assert_int_equal(info.nr_nmis, ACPI_MAX_NMIS);
	assert_int_equal(info.dropped, 60 - ACPI_MAX_IOAPICS - ACPI_MAX_OVERRIDES - ACPI_MAX_NMIS);
	for (u8 i = 0; i < ACPI_MAX_IOAPICS; i++)
		assert_true(info.ioapics[i].id == i && info.ioapics[i].first_gsi == i * 24u &&
			    info.ioapics[i].address == 0xfec00000 + i * 0x1000u);
	for (u8 i = 0; i < ACPI_MAX_OVERRIDES; i++)
		assert_true(info.overrides[i].source == i && info.overrides[i].gsi == i + 100u &&
			    info.overrides[i].flags == i);
	for (u8 i = 0; i < ACPI_MAX_NMIS; i++)
		assert_true(info.nmis[i].uid == i && info.nmis[i].flags == i && info.nmis[i].lint == i % 2);
	begin();
	madt_cpu(0, 0, 1);
	madt_nmi(0, 0, 2);
	assert_refused(finish(), "local interrupt input");
}

static void test_local_apic(void **state)
{
	static const u64 bad[] = { 0, 0xfee00001, 0xfee00800, 1ull << 52, UINT64_MAX, 1ull << 63 };

	begin();
	madt_cpu(0, 0, 1);
	madt_local_apic(0xc0ffee000);
	assert_null(finish());
	assert_int_equal(info.local_apic, 0xc0ffee000);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		begin();
		madt_cpu(0, 0, 1);
		madt_local_apic(bad[i]);
		assert_refused(finish(), "address of the local APIC");
		begin();
		madt_begin((u32)bad[i] | (bad[i] >= 1ull << 52));
		madt_cpu(0, 0, 1);
		assert_refused(finish(), "address of the local APIC");
	}
}

/* Each type with each length: long enough and within the table, or refused. */
static void test_entry_lengths(void **state)
{
	static const u8 needed[256] = { [0] = 8, [1] = 12, [2] = 10, [4] = 6, [5] = 12, [9] = 16 };

	for (unsigned type = 0; type < 256; type++) {
		for (unsigned length = 0; length < 256; length++) {
			const char *why;
			u64 at;

			begin();
			madt_cpu(0, 0, 1);
			at = madt_entry((u8)type, (u8)max(length, 2u));
			put8(at + 1, (u8)length);
			if (type == 5 && length >= 12)
				put64(at + 4, 0xfee00000);
			madt_ioapic(77, 0xfec00000, 0);
			why = finish();
			if (length < 2) {
				assert_refused(why, "without length");
			} else if (length < needed[type]) {
				assert_refused(why, "too short for its type");
			} else {
				assert_null(why);
				assert_int_equal(info.ioapics[info.nr_ioapics - 1].id, 77);
			}
		}
	}
}

/* The last entry claims more than is left; or not even its head is there. */
static void test_entry_past_end(void **state)
{
	for (unsigned type = 0; type < 256; type++) {
		for (unsigned there = 1; there < 20; there++) {
			u64 at;

			begin();
			madt_cpu(0, 0, 1);
			at = madt_entry((u8)type, (u8)there);
			put8(at + 1, (u8)(there + 1));
			assert_refused(finish(), "ends inside an entry");
			put8(at + 1, 255);
			assert_refused(finish(), "ends inside an entry");
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_cpus),	       cmocka_unit_test(test_many_cpus),
	cmocka_unit_test(test_big_ids),	       cmocka_unit_test(test_interrupts),
	cmocka_unit_test(test_local_apic),     cmocka_unit_test(test_entry_lengths),
	cmocka_unit_test(test_entry_past_end),
};
HOST_TEST_MAIN(tests)
