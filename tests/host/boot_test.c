/* Both boot protocols: what a good structure gives, and the sentence for each way to be bad. */
#include "tests/host/boot_fixture.h"

static struct boot_info info;

static const char *parse_mb2(void) { return multiboot2_parse(MB2_AT, ram_read, &info); }
static const char *parse_pvh(void) { return pvh_parse(PVH_AT, ram_read, &info); }

static void assert_refused(const char *why, const char *part)
{
	if (!why || !strstr(why, part))
		fail_msg("want a sentence with '%s', got: %s", part, why ? why : "no complaint");
}

/* The same map in both: out of order, usable and reserved overlapping, ends inside pages. */
static void fill(void (*entry)(u64 base, u64 size, u32 type))
{
	entry(0x100000, 0x7f00000, 1);
	entry(0xf0000, 0x20000, 2);
	entry(0, 0x9fc00, 1);
	entry(0x7fe0000, 0x20000, 3);
	entry(0x9fc00, 0x400, 2);
}

static void assert_filled(const char *protocol, const char *cmdline)
{
	assert_string_equal(info.protocol, protocol);
	assert_string_equal(info.cmdline, cmdline);
	assert_int_equal(info.nr_regions, 2);
	assert_int_equal(info.regions[0].base, 0);
	assert_int_equal(info.regions[0].size, 0x9f000);
	assert_int_equal(info.regions[1].base, 0x110000);
	assert_int_equal(info.regions[1].size, 0x7ed0000);
	assert_regions_sane(&info);
}

static u32 good_mb2(u32 entry_size)
{
	mb2_begin();
	mb2_tag(2, "a loader's name", 16);
	mb2_cmdline("test debug");
	mb2_tag(21, "odd", 3);
	mb2_map_begin(entry_size);
	fill(mb2_map_entry);
	mb2_map_end();
	return mb2_end();
}

static void good_pvh(void)
{
	pvh_begin("test debug");
	fill(pvh_map_entry);
}

static void test_mb2_good(void **state)
{
	good_mb2(24);
	assert_null(parse_mb2());
	assert_filled("multiboot2", "test debug");
	good_mb2(40); /* entries may grow */
	assert_null(parse_mb2());
	assert_filled("multiboot2", "test debug");
}

/* What an earlier, refused structure left behind must not shine through. */
static void test_fresh(void **state)
{
	memset(&info, 0xa5, sizeof(info));
	mb2_begin();
	mb2_map_begin(24);
	fill(mb2_map_entry);
	mb2_map_end();
	mb2_end();
	assert_null(parse_mb2());
	assert_filled("multiboot2", "");
	memset(&info, 0xa5, sizeof(info));
	pvh_begin(NULL);
	fill(pvh_map_entry);
	assert_null(parse_pvh());
	assert_filled("PVH", "");
}

static void test_mb2_truncated(void **state)
{
	u32 whole = good_mb2(24);

	for (u32 total = 0; total < whole; total++) {
		good_mb2(24);
		put32(MB2_AT, total);
		assert_non_null(parse_mb2());
		assert_true(lowest_read >= MB2_AT && highest_read <= MB2_AT + max(total, 4u));
	}
	good_mb2(24);
	assert_null(parse_mb2());
	assert_int_equal(highest_read, MB2_AT + whole);
}

static void test_mb2_map_size(void **state)
{
	for (u32 size = 0; size < 16 + 24 * 2; size++) {
		u64 map;

		mb2_begin();
		map = mb2_map_begin(24);
		mb2_map_entry(0x1000, 0x1000, 1);
		mb2_map_entry(0x4000, 0x1000, 1);
		mb2_map_end();
		mb2_end();
		put32(map + 4, size);
		/* What is cut off is read as the next tag. */
		assert_non_null(parse_mb2());
	}
	mb2_begin();
	mb2_tag(6, "four", 4);
	mb2_end();
	assert_refused(parse_mb2(), "map tag is truncated");
	mb2_begin();
	mb2_tag(6, "\x18\0\0\0\0\0\0\0half an entry", 8 + 13);
	mb2_end();
	assert_refused(parse_mb2(), "ends inside an entry");
	mb2_begin();
	mb2_map_begin(24);
	mb2_end();
	assert_refused(parse_mb2(), "no usable memory");
}

static void test_mb2_entry_size(void **state)
{
	static const u32 sizes[] = { 0, 1, 23, 4097, 0x80000000, 0xffffffe8, 0xffffffff };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		mb2_begin();
		put32(mb2_map_begin(24) + 8, sizes[i]);
		mb2_end();
		assert_refused(parse_mb2(), "entry size");
	}
}

static void test_mb2_lies(void **state)
{
	static const u32 totals[] = { 0, 8, 15, (1 << 20) + 1, 0x80000000, 0xffffffff };
	static const u32 tag_sizes[] = { 0, 1, 7, 0x4000, 0x80000000, 0xfffffff8, 0xffffffff };

	for (size_t i = 0; i < ARRAY_SIZE(totals); i++) {
		good_mb2(24);
		put32(MB2_AT, totals[i]);
		assert_refused(parse_mb2(), "information structure's size");
	}
	for (size_t i = 0; i < ARRAY_SIZE(tag_sizes); i++) {
		good_mb2(24);
		put32(MB2_AT + 8 + 4, tag_sizes[i]);
		assert_refused(parse_mb2(), "a tag's size");
	}
	for (u32 size = 0; size < 8; size++) { /* the next tag would be found all the same */
		mb2_begin();
		put32(mb2_tag(21, NULL, 0) + 4, size);
		mb2_map_begin(24);
		mb2_map_entry(0x1000, 0x1000, 1);
		mb2_map_end();
		mb2_end();
		assert_refused(parse_mb2(), "a tag's size");
	}
	assert_refused(multiboot2_parse(MB2_AT + 4, ram_read, &info), "8-aligned");
	mb2_begin();
	mb2_cmdline("no map");
	mb2_end();
	assert_refused(parse_mb2(), "no memory map");
}

static void test_mb2_cmdline(void **state)
{
	static char text[BOOT_CMDLINE_MAX + 1];

	memset(text, 'x', sizeof(text));
	mb2_begin();
	mb2_tag(1, text, BOOT_CMDLINE_MAX);
	mb2_end();
	assert_refused(parse_mb2(), "doesn't end");
	mb2_begin();
	mb2_tag(1, "", 0);
	mb2_end();
	assert_refused(parse_mb2(), "doesn't end");
	mb2_begin();
	mb2_tag(1, text, BOOT_CMDLINE_MAX + 1);
	mb2_end();
	assert_refused(parse_mb2(), "longer than 4 KiB");
	text[BOOT_CMDLINE_MAX - 1] = 0;
	mb2_begin();
	mb2_cmdline(text);
	mb2_map_begin(24);
	mb2_map_entry(0x1000, 0x1000, 1);
	mb2_map_end();
	mb2_end();
	assert_null(parse_mb2());
	assert_string_equal(info.cmdline, text);
}

static void test_pvh_good(void **state)
{
	good_pvh();
	assert_null(parse_pvh());
	assert_filled("PVH", "test debug");
}

static void test_pvh_lies(void **state)
{
	static const struct {
		unsigned offset, size;
		u64 value;
		const char *why;
	} lies[] = {
		{ 0, 4, 0x336ec579, "wrong magic" },   { 4, 4, 0, "version 0" },
		{ 40, 8, 0, "memory map's size" },     { 48, 4, 0, "memory map's size" },
		{ 48, 4, 513, "memory map's size" },   { 48, 4, 0xffffffff, "memory map's size" },
		{ 40, 8, 1ull << 32, "beyond 4 GiB" }, { 40, 8, UINT64_MAX, "beyond 4 GiB" },
		{ 24, 8, 1ull << 32, "beyond 4 GiB" }, { 24, 8, UINT64_MAX, "beyond 4 GiB" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		good_pvh();
		if (lies[i].size == 4)
			put32(PVH_AT + lies[i].offset, (u32)lies[i].value);
		else
			put64(PVH_AT + lies[i].offset, lies[i].value);
		assert_refused(parse_pvh(), lies[i].why);
		assert_true(highest_read <= 1ull << 32);
	}
}

/* Fewer entries than written are a smaller map, never a larger one. */
static void test_pvh_truncated(void **state)
{
	for (u32 n = 1; n < 5; n++) {
		good_pvh();
		put32(PVH_AT + 48, n);
		put64(PVH_AT + 24, 0);
		assert_null(parse_pvh());
		assert_regions_sane(&info);
		assert_int_equal(highest_read, PVH_MAP + n * 24);
	}
}

static void test_pvh_cmdline(void **state)
{
	static char text[BOOT_CMDLINE_MAX + 1];

	memset(text, 'y', BOOT_CMDLINE_MAX - 1);
	pvh_begin(text);
	pvh_map_entry(0x1000, 0x1000, 1);
	assert_null(parse_pvh());
	assert_string_equal(info.cmdline, text);
	text[BOOT_CMDLINE_MAX - 1] = 'y';
	pvh_begin(text);
	pvh_map_entry(0x1000, 0x1000, 1);
	assert_refused(parse_pvh(), "longer than 4 KiB");
}

static const char *mb2_with(u32 start, u32 end)
{
	mb2_begin();
	mb2_module(start, end);
	mb2_module(0x500000, 0x600000); /* one more, of which nothing is to be seen */
	mb2_map_begin(24);
	fill(mb2_map_entry);
	mb2_map_end();
	mb2_end();
	return parse_mb2();
}

static const char *pvh_with(u64 base, u64 size)
{
	good_pvh();
	pvh_module(base, size);
	return parse_pvh();
}

static void assert_module(const char *why, u64 base, u64 size)
{
	assert_null(why);
	assert_regions_sane(&info);
	assert_int_equal(info.module.base, base);
	assert_int_equal(info.module.size, size);
	assert_int_equal(info.nr_regions, 3);
	assert_int_equal(info.regions[1].base + info.regions[1].size, base & ~0xfffull);
	assert_int_equal(info.regions[2].base, (base + size + 0xfff) & ~0xfffull);
}

static void test_module(void **state)
{
	assert_module(mb2_with(0x200000, 0x234567), 0x200000, 0x34567);
	assert_module(mb2_with(0x200123, 0x200124), 0x200123, 1);
	assert_module(pvh_with(0x200123, 0x3000), 0x200123, 0x3000);
	assert_refused(mb2_with(0x200000, 0x200000), "end isn't behind its start");
	assert_refused(mb2_with(0x200000, 0x1fffff), "end isn't behind its start");
	/* Not at all, at either end partly, or in nothing. */
	assert_refused(mb2_with(0x10f000, 0x120000), "isn't in usable memory");
	assert_refused(mb2_with(0x7fdf000, 0x7fe0001), "isn't in usable memory");
	assert_refused(mb2_with(0x90000000, 0xffffffff), "isn't in usable memory");
	assert_refused(pvh_with(0xf0000, 16), "isn't in usable memory");
	assert_refused(pvh_with(0x200000, UINT64_MAX), "isn't in usable memory");
	assert_refused(pvh_with(UINT64_MAX - 4095, 8192), "isn't in usable memory");
	assert_null(pvh_with(0x200000, 0));
	assert_int_equal(info.module.size, 0);
	mb2_begin();
	mb2_tag(3, "\0\0\x20\0\0\0\x30", 7);
	mb2_end();
	assert_refused(parse_mb2(), "module's tag is truncated");
	good_pvh();
	put32(PVH_AT + 12, 1);
	assert_refused(parse_pvh(), "list of modules");
	put64(PVH_AT + 16, 1ull << 32);
	assert_refused(parse_pvh(), "list of modules");
}

/* The address of the copy in a tag, the new form's if there are both, in either order; a cut-off copy is none. */
static void test_mb2_rsdp(void **state)
{
	static const struct {
		u32 type[2], size[2];
		int want; /* which of the two, or -1 */
	} cases[] = {
		{ { 14, 0x55 }, { 20, 20 }, 0 },  { { 15, 0x55 }, { 36, 36 }, 0 },
		{ { 14, 15 }, { 20, 36 }, 1 },	  { { 15, 14 }, { 36, 20 }, 0 },
		{ { 14, 0x55 }, { 19, 20 }, -1 }, { { 15, 0x55 }, { 35, 36 }, -1 },
		{ { 14, 15 }, { 20, 35 }, 0 },	  { { 15, 14 }, { 0, 0 }, -1 },
		{ { 13, 16 }, { 36, 36 }, -1 },
	};
	static const u8 copy[36];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 at[2];

		mb2_begin();
		at[0] = mb2_tag(cases[i].type[0], copy, cases[i].size[0]);
		mb2_map_begin(24);
		fill(mb2_map_entry);
		mb2_map_end();
		at[1] = mb2_tag(cases[i].type[1], copy, cases[i].size[1]);
		mb2_end();
		assert_null(parse_mb2());
		assert_int_equal(info.rsdp, cases[i].want < 0 ? 0 : at[cases[i].want] + 8);
	}
}

/* Handed on as it is: who reads there checks it. */
static void test_pvh_rsdp(void **state)
{
	static const u64 addresses[] = { 0, 0xf5a40, UINT64_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		good_pvh();
		put64(PVH_AT + 32, addresses[i]);
		assert_null(parse_pvh());
		assert_int_equal(info.rsdp, addresses[i]);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_mb2_good),       cmocka_unit_test(test_fresh),
	cmocka_unit_test(test_mb2_truncated),  cmocka_unit_test(test_mb2_map_size),
	cmocka_unit_test(test_mb2_entry_size), cmocka_unit_test(test_mb2_lies),
	cmocka_unit_test(test_mb2_cmdline),    cmocka_unit_test(test_pvh_good),
	cmocka_unit_test(test_pvh_lies),       cmocka_unit_test(test_pvh_truncated),
	cmocka_unit_test(test_pvh_cmdline),    cmocka_unit_test(test_module),
	cmocka_unit_test(test_mb2_rsdp),       cmocka_unit_test(test_pvh_rsdp),
};
HOST_TEST_MAIN(tests)
