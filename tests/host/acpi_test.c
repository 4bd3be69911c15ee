/* ACPI tables: what good ones give, and the sentence for each way to be bad. */
#include "tests/host/acpi_fixture.h"

static struct acpi_info info;

/* Also: a good answer or none at all, and nothing read that wasn't ours to read. */
static const char *parse(u64 hint)
{
	const char *why;

	memset(&info, 0xa5, sizeof(info));
	mem_forget();
	why = acpi_parse(hint, mem_read, &info);
	assert_info_sane(why, &info);
	return why;
}

static void assert_refused(const char *why, const char *part)
{
	if (!why || !strstr(why, part))
		fail_msg("want a sentence with '%s', got: %s", part, why ? why : "no complaint");
}

static void assert_good(const char *why, unsigned cpus)
{
	if (why)
		fail_msg("refused: %s", why);
	assert_int_equal(stray_reads, 0);
	assert_int_equal(info.local_apic, 0xfee00000);
	assert_int_equal(info.nr_cpus, cpus);
	assert_int_equal(info.enabled_cpus, cpus);
	for (unsigned i = 0; i < cpus; i++) {
		assert_int_equal(info.cpus[i].apic_id, i * 2);
		assert_int_equal(info.cpus[i].uid, i + 10);
	}
	assert_int_equal(info.nr_ioapics, 1);
	assert_true(info.ioapics[0].id == 3 && info.ioapics[0].address == 0xfec00000);
	assert_int_equal(info.nr_overrides, 2);
	assert_true(info.overrides[0].source == 0 && info.overrides[0].gsi == 2);
	assert_true(info.overrides[1].source == 9 && info.overrides[1].flags == 0xd);
	assert_int_equal(info.nr_nmis, 1);
	assert_true(info.nmis[0].uid == ACPI_ALL_CPUS && info.nmis[0].lint == 1 && info.nmis[0].flags == 5);
	assert_true(info.hotplug_cpus == 0 && info.dropped == 0);
}

static void test_good(void **state)
{
	for (unsigned cpus = 1; cpus <= 8; cpus++) {
		for (u8 revision = 0; revision <= 3; revision++) {
			good_tables(RSDP_OTHER, revision, cpus);
			assert_good(parse(RSDP_OTHER), cpus);
			assert_true(reads < 100); /* told where to look, it doesn't search */
		}
	}
}

/* Each root table is used when it should be: with the other one missing, all is well. */
static void test_root(void **state)
{
	for (u8 revision = 0; revision <= 2; revision++) {
		good_tables(RSDP_OTHER, revision, 2);
		put32(revision < 2 ? XSDT : RSDT, 0x58585858);
		assert_good(parse(RSDP_OTHER), 2);
	}
	good_tables(RSDP_OTHER, 2, 2); /* a new RSDP may still have no more than the old table */
	put64(RSDP_OTHER + RSDP_XSDT, 0);
	fix_sum(RSDP_OTHER, 36, RSDP_CHECKSUM2);
	assert_good(parse(RSDP_OTHER), 2);
	good_tables(RSDP_OTHER, 2, 2); /* and may have grown */
	put32(RSDP_OTHER + RSDP_LENGTH, 100);
	mem_allow(RSDP_OTHER, 100);
	fix_sum(RSDP_OTHER, 100, RSDP_CHECKSUM2);
	assert_good(parse(RSDP_OTHER), 2);
}

static void test_search(void **state)
{
	static const u64 places[] = { RSDP_BIOS, RSDP_EBDA, EBDA, EBDA + 0x3e0, MEM_SIZE - 0x30 };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		good_tables(places[i], 2, 2);
		mem_allow(RSDP_OTHER, 20);
		assert_good(parse(0), 2);
		assert_good(parse(RSDP_OTHER), 2); /* nothing is there: search all the same */
		assert_good(parse(UINT64_MAX - 3), 2);
	}
	good_tables(RSDP_OTHER, 2, 2); /* neither place */
	assert_refused(parse(0), "no RSDP");
	good_tables(RSDP_BIOS + 8, 2, 2); /* between two steps */
	assert_refused(parse(0), "no RSDP");
	memcpy(mem + MEM_SIZE - 0x10, "RSD PTR ", 8); /* too close to the end to be whole */
	assert_refused(parse(0), "no RSDP");
	assert_int_equal(stray_reads, 0);
	good_tables(RSDP_EBDA, 2, 2); /* only the first KiB is searched */
	put16(0x40e, (EBDA - 0x400) >> 4);
	mem_allow(EBDA - 0x400, 0x400);
	assert_refused(parse(0), "no RSDP");
	assert_int_equal(stray_reads, 0);
}

/* A stray signature doesn't end the search, and is spoken of only when there is nothing better. */
static void test_search_goes_on(void **state)
{
	good_tables(RSDP_BIOS, 0, 3);
	memcpy(mem + RSDP_BIOS - 0x40, "RSD PTR ", 8);
	put8(RSDP_BIOS - 0x40 + 9, 1);
	memcpy(mem + RSDP_EBDA, "RSD PTR no", 10);
	assert_good(parse(0), 3);
	put8(RSDP_BIOS, 'r');
	assert_refused(parse(0), "RSDP has a wrong checksum");
	assert_refused(parse(RSDP_OTHER), "wrong signature"); /* the loader's word weighs more */
	assert_int_equal(stray_reads, 1);		      /* for that */
}

/* Segments that can't be an EBDA's are not searched. */
static void test_ebda(void **state)
{
	for (u32 segment = 0; segment < 0x10000; segment += segment < 0x100 || segment > 0x9f00 ? 1 : 0x100) {
		u64 start = (u64)segment << 4;

		if (segment > 0xa100 && segment % 0x100)
			continue;
		good_tables(RSDP_BIOS, 0, 1);
		put16(0x40e, (u16)segment);
		if (start >= 0x400 && start + 0x400 <= 0xa0000)
			mem_allow(start, 0x400);
		assert_good(parse(0), 1);
	}
}

/* Every single bit of every byte that a sum or a signature covers matters. */
static void flip_all(u64 pa, u64 size, u8 revision, const char *name)
{
	for (u64 bit = 0; bit < size * 8; bit++) {
		good_tables(RSDP_OTHER, revision, 2);
		mem[pa + bit / 8] ^= (u8)(1 << bit % 8);
		assert_refused(parse(RSDP_OTHER), name);
	}
}

static void test_every_bit(void **state)
{
	flip_all(RSDP_OTHER, 20, 0, "RSDP");
	flip_all(RSDP_OTHER, 36, 2, "RSDP");
	flip_all(RSDT, SDT_HEAD + 12, 0, "RSDT");
	flip_all(XSDT, SDT_HEAD + 24, 2, "XSDT");
	/* A root table's list of entries is summed before it is followed, and a MADT without signature is none. */
	good_tables(RSDP_OTHER, 0, 2);
	flip_all(MADT + 4, get32(MADT + SDT_LENGTH) - 4, 0, "MADT");
	flip_all(MADT, 4, 2, "no MADT");
}

/* The sentences, one by one; all sums are right. */
static void test_rsdp_lies(void **state)
{
	static const u32 lengths[] = { 0, 20, 35, 4097, 65536, 0x7fffffff, 0xffffffff };

	good_tables(RSDP_OTHER, 2, 2);
	put8(RSDP_OTHER + RSDP_CHECKSUM, (u8)(mem[RSDP_OTHER + RSDP_CHECKSUM] + 1));
	assert_refused(parse(RSDP_OTHER), "RSDP has a wrong checksum");
	good_tables(RSDP_OTHER, 2, 2);
	put8(RSDP_OTHER + RSDP_CHECKSUM2, (u8)(mem[RSDP_OTHER + RSDP_CHECKSUM2] + 1));
	assert_refused(parse(RSDP_OTHER), "extended checksum");
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		good_tables(RSDP_OTHER, 2, 2);
		put32(RSDP_OTHER + RSDP_LENGTH, lengths[i]);
		fix_sum(RSDP_OTHER, 36, RSDP_CHECKSUM2);
		assert_refused(parse(RSDP_OTHER), "RSDP's length");
		assert_int_equal(stray_reads, 0);
	}
	good_tables(RSDP_OTHER, 2, 2);
	assert_refused(parse((1ull << 52) - 35), "RSDP lies beyond physical memory");
	assert_refused(parse(UINT64_MAX), "RSDP lies beyond physical memory");
}

static void test_root_lies(void **state)
{
	static const u64 beyond[] = { 1ull << 52, (1ull << 52) - 35, UINT64_MAX, UINT64_MAX - 35 };

	for (size_t i = 0; i < ARRAY_SIZE(beyond); i++) {
		good_tables(RSDP_OTHER, 2, 2);
		put64(RSDP_OTHER + RSDP_XSDT, beyond[i]);
		fix_sum(RSDP_OTHER, 36, RSDP_CHECKSUM2);
		assert_refused(parse(RSDP_OTHER), "XSDT lies beyond physical memory");
		good_tables(RSDP_OTHER, 2, 2);
		put64(XSDT + SDT_HEAD, beyond[i] | 1ull << 52);
		fix_sum(XSDT, SDT_HEAD + 24, SDT_CHECKSUM);
		assert_refused(parse(RSDP_OTHER), "XSDT points beyond physical memory");
		assert_int_equal(stray_reads, 0);
	}
	good_tables(RSDP_OTHER, 0, 2);
	put32(RSDP_OTHER + RSDP_RSDT, MADT); /* a good table, but not this one */
	fix_sum(RSDP_OTHER, 20, RSDP_CHECKSUM);
	assert_refused(parse(RSDP_OTHER), "the RSDT isn't where it should be");
	for (u8 revision = 0; revision <= 2; revision += 2) {
		good_tables(RSDP_OTHER, revision, 2);
		memset(mem + (revision ? XSDT : RSDT) + SDT_HEAD, 0, 24);
		put32(RSDT + SDT_LENGTH, SDT_HEAD);
		put32(XSDT + SDT_LENGTH, SDT_HEAD);
		fix_sum(RSDT, SDT_HEAD, SDT_CHECKSUM);
		fix_sum(XSDT, SDT_HEAD, SDT_CHECKSUM);
		assert_refused(parse(RSDP_OTHER), "there is no MADT");
	}
}

/* A root table that lists root tables, itself first, or the same MADT over and over. */
static void test_cycles(void **state)
{
	good_tables(RSDP_OTHER, 0, 2);
	put32(RSDT + SDT_LENGTH, SDT_HEAD + 40);
	for (unsigned i = 0; i < 10; i++)
		put32(RSDT + SDT_HEAD + i * 4, i == 9 ? MADT : i % 2 ? RSDP_OTHER : RSDT);
	fix_sum(RSDT, SDT_HEAD + 40, SDT_CHECKSUM);
	mem_allow(RSDT, SDT_HEAD + 40);
	assert_good(parse(RSDP_OTHER), 2);
	for (unsigned i = 0; i < 10; i++)
		put32(RSDT + SDT_HEAD + i * 4, RSDT);
	fix_sum(RSDT, SDT_HEAD + 40, SDT_CHECKSUM);
	assert_refused(parse(RSDP_OTHER), "there is no MADT");
	assert_true(reads < 100 && stray_reads == 0);
}

static u32 good_size(u64 table)
{
	return table == RSDT ? SDT_HEAD + 12 : table == XSDT ? SDT_HEAD + 24 : get32(table + SDT_LENGTH);
}

/* Every length up to the right one, and some beyond any reason; sums are right where there is enough to sum. */
static void all_lengths(u64 table, u8 revision, u32 size_min, u32 entry_size, const char *bad_length)
{
	static const u32 huge[] = { 65537, 65540, 1 << 20, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff };
	u32 whole;

	good_tables(RSDP_OTHER, revision, 2);
	whole = good_size(table);
	for (u32 length = 0; length < whole; length++) {
		const char *why;

		good_tables(RSDP_OTHER, revision, 2);
		put32(table + SDT_LENGTH, length);
		fix_sum(table, max(length, (u32)SDT_HEAD), SDT_CHECKSUM);
		mem_allow(table, max(length, (u32)SDT_HEAD));
		why = parse(RSDP_OTHER);
		assert_int_equal(stray_reads, 0);
		if (length < size_min || (length - size_min) % entry_size)
			assert_refused(why, bad_length);
		else if (table != MADT)
			assert_refused(why, "there is no MADT");
	}
	for (size_t i = 0; i < ARRAY_SIZE(huge); i++) {
		good_tables(RSDP_OTHER, revision, 2);
		put32(table + SDT_LENGTH, huge[i]);
		fix_sum(table, whole, SDT_CHECKSUM);
		assert_refused(parse(RSDP_OTHER), bad_length);
		assert_int_equal(stray_reads, 0);
	}
}

static void test_lengths(void **state)
{
	all_lengths(RSDT, 0, SDT_HEAD, 4, "the RSDT's length makes no sense");
	all_lengths(XSDT, 2, SDT_HEAD, 8, "the XSDT's length makes no sense");
	all_lengths(MADT, 0, MADT_HEAD, 1, "the MADT's length makes no sense");
}

/* The largest table there may be, of one entry over and over, is read to its end, once. */
static void test_longest(void **state)
{
	good_tables(RSDP_OTHER, 0, 2);
	for (u64 at = MADT_HEAD; at + 8 <= 65536; at += 8)
		memcpy(mem + MADT + at, "\0\010\1\1\1\0\0\0", 8);
	put32(MADT + 65532,
	      0x0400047f); /* a type nobody knows fills the rest: 65536 - 44 isn't a multiple of 8 */
	put32(MADT + SDT_LENGTH, 65536);
	fix_sum(MADT, 65536, SDT_CHECKSUM);
	mem_allow(MADT, 65536);
	assert_null(parse(RSDP_OTHER));
	assert_true(info.nr_cpus == 1 && info.enabled_cpus == 1);
	assert_int_equal(stray_reads, 0);
	assert_true(bytes_read < 3 * 65536);
	memset(mem + MADT, 0, 65536);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_good),	  cmocka_unit_test(test_root),
	cmocka_unit_test(test_search),	  cmocka_unit_test(test_search_goes_on),
	cmocka_unit_test(test_ebda),	  cmocka_unit_test(test_every_bit),
	cmocka_unit_test(test_rsdp_lies), cmocka_unit_test(test_root_lies),
	cmocka_unit_test(test_cycles),	  cmocka_unit_test(test_lengths),
	cmocka_unit_test(test_longest),
};
HOST_TEST_MAIN(tests)
