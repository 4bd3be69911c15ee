/* Symbol lookup: inside, at the ends, in gaps, of unknown size, with shared names and shared addresses. */
#include "tests/host/host.h"
#include "lib/symtab.h"

#define BASE 0xffffffff80100000ull

/* first, then a gap; open-ended label; same (twice); two names for one address; last of unknown size. */
static const u32 offsets[] = { 0x0, 0x20, 0x50, 0x80, 0x80, 0x90, 0x100 };
static const u32 sizes[] = { 0x10, 0, 0x30, 0x10, 0, 0x8, 0 };
static const u32 names[] = { 0, 6, 12, 17, 23, 12, 29 };
const struct symtab kernel_symtab = {
	.base = BASE,
	.count = ARRAY_SIZE(offsets),
	.offsets = offsets,
	.sizes = sizes,
	.names = names,
	.strings = "first\0label\0same\0alias\0ailas\0last",
};

static void check(u64 offset, const char *name, u64 start, u64 size)
{
	struct symbol s = { .name = "untouched" };
	bool found = symtab_find(&kernel_symtab, BASE + offset, &s);

	assert_int_equal(found, name != NULL);
	assert_string_equal(s.name, name ? name : "untouched");
	if (!name)
		return;
	assert_int_equal(s.start, BASE + start);
	assert_int_equal(s.size, size);
}

static void test_find(void **state)
{
	check(0x0, "first", 0x0, 0x10);
	check(0xf, "first", 0x0, 0x10);
	check(0x10, NULL, 0, 0);
	check(0x1f, NULL, 0, 0);
	check(0x20, "label", 0x20, 0x30);
	check(0x4f, "label", 0x20, 0x30);
	check(0x50, "same", 0x50, 0x30);
	check(0x7f, "same", 0x50, 0x30);
	check(0x80, "alias", 0x80, 0x10);
	check(0x8f, "alias", 0x80, 0x10);
	check(0x97, "same", 0x90, 0x8);
	check(0x98, NULL, 0, 0);
}

static void test_ends(void **state)
{
	check(-1ull, NULL, 0, 0);
	check(-BASE, NULL, 0, 0);
	check(0x100, "last", 0x100, 1);
	check(0x101, NULL, 0, 0);
	check(0x100000020ull, NULL, 0, 0);
	check(~0ull - BASE, NULL, 0, 0);
}

static void test_empty(void **state)
{
	const struct symtab empty = { .count = 0 };
	struct symbol s;
	unsigned matches = 7;

	assert_false(symtab_find(&empty, 0, &s));
	assert_false(symtab_find(&empty, ~0ull, &s));
	assert_false(symtab_nth(&empty, 0, &s));
	assert_false(symtab_find_name(&empty, "first", &s, &matches));
	assert_int_equal(matches, 0);
}

static void test_find_name(void **state)
{
	struct symbol s;
	unsigned matches;

	assert_true(symtab_find_name(&kernel_symtab, "same", &s, &matches));
	assert_int_equal(s.start, BASE + 0x50);
	assert_int_equal(matches, 2);
	assert_true(symtab_find_name(&kernel_symtab, "label", &s, NULL));
	assert_int_equal(s.size, 0x30);
	assert_false(symtab_find_name(&kernel_symtab, "sam", &s, &matches));
	assert_int_equal(matches, 0);
	assert_false(symtab_find_name(&kernel_symtab, "", &s, NULL));
}

static void test_nth(void **state)
{
	struct symbol s;
	u32 n = 0;
	u64 last = 0;

	for (; symtab_nth(&kernel_symtab, n, &s); n++) {
		assert_true(s.start >= last);
		last = s.start;
	}
	assert_int_equal(n, kernel_symtab.count);
	assert_string_equal(s.name, "last");
	assert_false(symtab_nth(&kernel_symtab, UINT32_MAX, &s));
}

static void test_sprint(void **state)
{
	char text[32];

	assert_int_equal(sprint_symbol(text, sizeof(text), BASE + 0x55), 13);
	assert_string_equal(text, "same+0x5/0x30");
	sprint_symbol(text, sizeof(text), BASE + 0x10);
	assert_string_equal(text, "0xffffffff80100010");
	assert_int_equal(sprint_symbol(text, 6, BASE), 14);
	assert_string_equal(text, "first");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_find),	  cmocka_unit_test(test_ends), cmocka_unit_test(test_empty),
	cmocka_unit_test(test_find_name), cmocka_unit_test(test_nth),  cmocka_unit_test(test_sprint),
};
HOST_TEST_MAIN(tests)
