/* Random tables, most of them damaged, FUZZ (200,000) in all: parsing ends, in a sentence or a sane answer. */
#include "tests/host/acpi_fixture.h"

static struct acpi_info info, want;

/* What a MADT says, by a model that shares nothing with the parser but the structure it fills. */
static void expect_cpu(u32 uid, u32 id, u32 flags)
{
	static u8 seen[256];

	if (want.enabled_cpus == 0)
		memset(seen, 0, sizeof(seen));
	if ((flags & 3) == 2)
		want.hotplug_cpus++;
	if (!(flags & 1) || (id < 256 && seen[id]))
		return;
	if (id < 256) {
		seen[id] = 1;
		want.enabled_ids[id >> 6] |= 1ull << (id & 63);
	}
	want.enabled_cpus++;
	if (id < 255 && want.nr_cpus < ACPI_MAX_CPUS) {
		want.cpus[want.nr_cpus].uid = uid;
		want.cpus[want.nr_cpus++].apic_id = (u8)id;
	}
}

static void random_entry(void)
{
	u32 a = (u32)host_random(), b = (u32)host_random(), id = b % 20 ? b % 16 : b % 300;

	switch (host_random_below(7)) {
	case 0:
		madt_cpu((u8)a, (u8)id, a >> 8 & 3);
		expect_cpu((u8)a, (u8)id, a >> 8 & 3);
		break;
	case 1:
		madt_x2apic(a, id, a >> 8 & 3);
		expect_cpu(a, id, a >> 8 & 3);
		break;
	case 2:
		madt_ioapic((u8)id, a, b);
		if (want.nr_ioapics < ACPI_MAX_IOAPICS)
			want.ioapics[want.nr_ioapics++] = (struct acpi_ioapic){ (u8)id, a, b };
		else
			want.dropped++;
		break;
	case 3:
		madt_override((u8)id, a, (u16)b);
		if (want.nr_overrides < ACPI_MAX_OVERRIDES)
			want.overrides[want.nr_overrides++] = (struct acpi_override){ (u8)id, a, (u16)b };
		else
			want.dropped++;
		break;
	case 4:
		madt_nmi((u8)id, (u16)a, b & 1);
		if (want.nr_nmis < ACPI_MAX_NMIS)
			want.nmis[want.nr_nmis++] = (struct acpi_nmi){ (u8)id, b & 1, (u16)a };
		else
			want.dropped++;
		break;
	case 5:
		want.local_apic = (a | 1ull) << 12;
		madt_local_apic(want.local_apic);
		break;
	default:
		madt_entry((u8)(16 + b % 240), (u8)(2 + a % 30));
	}
}

static u32 build(u64 rsdp, u8 revision)
{
	good_tables(rsdp, revision, 1);
	want = (struct acpi_info){ .local_apic = 0xfee00000 };
	madt_begin(0xfee00000);
	for (u64 n = host_random_below(host_random_below(10) ? 12 : 100); n > 0; n--)
		random_entry();
	return madt_end();
}

static const char *parse(u64 hint)
{
	const char *why;

	mem_forget();
	why = acpi_parse(hint, mem_read, &info);
	assert_info_sane(why, &info);
	/* All steps of a search; and each of three tables of 64 KiB summed, and walked in the smallest of steps. */
	assert_true(reads <= (0x20000 + 0x400) / 16 + 3 * (65536 / 64 + 2 * 65536 / 2));
	assert_true(bytes_read <= 8 * (0x20000 + 0x400) / 16 + 4096 * 2 + 3 * 65536 * 8);
	return why;
}

static void assert_as_expected(const char *why)
{
	if (want.nr_cpus) {
		assert_null(why);
		assert_same_info(&info, &want);
	} else {
		assert_non_null(strstr(why, "no processor"));
	}
}

/* A field, a byte or a bit. */
static void damage(u64 start, u64 len)
{
	static const u64 special[] = { 0,
				       1,
				       2,
				       7,
				       8,
				       0x7f,
				       0x80,
				       0xff,
				       0xffff,
				       0x10000,
				       0x7fffffff,
				       0xffffffff,
				       TABLES,
				       MADT,
				       RSDT,
				       1ull << 52,
				       UINT64_MAX - 35,
				       UINT64_MAX };
	u64 at = start + host_random_below(len);
	u64 number = host_random_below(3) ? special[host_random_below(ARRAY_SIZE(special))]
					  : host_random() >> host_random_below(64);

	switch (host_random_below(5)) {
	case 0:
		mem[at] ^= (u8)(1 << host_random_below(8));
		break;
	case 1:
	case 2:
		put8(at, (u8)number);
		break;
	case 3:
		put32(ALIGN_DOWN(at, 4), (u32)number);
		break;
	default:
		put64(ALIGN_DOWN(at, 8), number);
	}
}

/* Sums made right again, over what the length now says when that is possible. */
static void fix_table(u64 pa)
{
	u32 length = get32(pa + SDT_LENGTH);

	if (length >= SDT_HEAD && length <= 0x1000)
		fix_sum(pa, length, SDT_CHECKSUM);
}

static u64 rounds(void)
{
	const char *text = getenv("FUZZ");

	return (text && *text ? strtoull(text, NULL, 0) : 200000) / 2;
}

static void report(u64 good)
{
	/* Damage all or none, and nothing was tested. */
	assert_true(rounds() < 1000 || (good > rounds() / 10 && good < rounds() / 10 * 9));
	print_message("# %" PRIu64 " of %" PRIu64 " were taken\n", good, rounds());
}

/* The MADT alone, its addresses true and its length within the image: nothing outside of it is read. */
static void test_entries(void **state)
{
	u64 good = 0;

	for (u64 i = 0; i < rounds(); i++) {
		u32 length = build(RSDP_OTHER, 0), harm = (u32)host_random_below(3);
		const char *why;

		for (u32 n = 0; n < harm; n++)
			damage(MADT + SDT_HEAD, max(length - SDT_HEAD, 16u));
		if (harm && host_random_below(4) == 0) {
			put32(MADT + SDT_LENGTH, (u32)host_random_below(0x800));
			mem_allow(MADT, max(get32(MADT + SDT_LENGTH), (u32)SDT_HEAD));
		}
		fix_table(MADT);
		why = parse(RSDP_OTHER);
		assert_int_equal(stray_reads, 0);
		if (!harm)
			assert_as_expected(why);
		good += why == NULL;
	}
	report(good);
}

/* Anything anywhere; a search now and then, as it takes long. */
static void test_anything(void **state)
{
	u64 good = 0;

	for (u64 i = 0; i < rounds(); i++) {
		bool search = host_random_below(32) == 0;
		u64 rsdp = search ? RSDP_BIOS : RSDP_OTHER, harm = host_random_below(4);
		u8 revision = (u8)host_random_below(4);
		u32 length = build(rsdp, revision);
		const char *why;

		for (u64 n = 0; n < harm; n++) {
			u64 table[] = { RSDT, XSDT, FACP, MADT };
			u64 pa = table[host_random_below(4)];

			if (host_random_below(16) == 0)
				damage(rsdp, 36);
			else
				damage(pa, pa == MADT ? length : 64);
		}
		if (host_random_below(4)) {
			fix_sum(rsdp, 20, RSDP_CHECKSUM);
			fix_sum(rsdp, 36, RSDP_CHECKSUM2);
			fix_table(RSDT);
			fix_table(XSDT);
			fix_table(MADT);
		}
		why = parse(search ? 0 : rsdp);
		if (!harm)
			assert_as_expected(why);
		good += why == NULL;
	}
	report(good);
}

static const struct CMUnitTest tests[] = { cmocka_unit_test(test_entries), cmocka_unit_test(test_anything) };
HOST_TEST_MAIN(tests)
