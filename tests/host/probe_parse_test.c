/* Probe definitions, taken apart: names, places, and for each mistake the sentence and its column. */
#include "tests/host/host.h"
#include "kprobe/event.h"
#include "lib/symtab.h"

#define BASE 0xffffffff80100000ull
#define LONG "a_symbol_whose_name_is_as_long_as_the_table_lets_it_be_in_63_ch"

static const u32 offsets[] = { 0x0, 0x20, 0x50, 0x90 };
static const u32 sizes[] = { 0x20, 0x30, 0x40, 0x10 };
static const u32 names[] = { 0, 4, 15, 23 };
const struct symtab kernel_symtab = {
	.base = BASE,
	.count = ARRAY_SIZE(offsets),
	.offsets = offsets,
	.sizes = sizes,
	.names = names,
	.strings = "foo\0bar.part.0\0pick_up\0" LONG,
};

static struct probe_event e;
static size_t column;
static const char *why;

/* The line is copied to its own bounds, so that a step past its end is seen. */
static int parse(const char *line)
{
	char *copy = strdup(line);
	int err;

	memset(&e, 0, sizeof(e));
	column = 9999;
	why = NULL;
	err = probe_event_parse(&e, copy, &column, &why);
	assert_true(column <= strlen(line));
	free(copy);
	return err;
}

static void good(const char *line, const char *group, const char *name, u64 addr)
{
	int err = parse(line);

	if (err)
		fail_msg("'%s' refused: %s", line, why);
	assert_string_equal(e.group, group);
	assert_string_equal(e.name, name);
	assert_int_equal(e.probe.addr, addr);
}

static void bad(const char *line, int err, size_t at, const char *sentence)
{
	assert_int_equal(parse(line), -err);
	assert_string_equal(why, sentence);
	if (column != at)
		fail_msg("'%s': column %zu, not %zu", line, column, at);
}

static void test_good(void **state)
{
	good("p foo", "kprobes", "p_foo_0", BASE);
	good("p foo+0x1f", "kprobes", "p_foo_31", BASE + 0x1f);
	good("p\t foo+4 \t", "kprobes", "p_foo_4", BASE + 4);
	good("p:in pick_up", "kprobes", "in", BASE + 0x50);
	good("p:grp/in pick_up+077", "grp", "in", BASE + 0x50 + 077);
	good("p:_g1/_1n foo", "_g1", "_1n", BASE);
	good("p bar.part.0+1", "kprobes", "p_bar_part_0_1", BASE + 0x21);
	good("p 0xffffffff80100007", "kprobes", "p_0xffffffff80100007", BASE + 7);
	good("p 4096", "kprobes", "p_0x0000000000001000", 4096);
	good("p:x 0", "kprobes", "x", 0);
	assert_string_equal(e.symbol, "");
	parse("p:x  bar.part.0+1 ");
	assert_int_equal(column, 5); /* whoever refuses the place later can point at it */
	assert_string_equal(e.symbol, "bar.part.0");
	assert_int_equal(e.offset, 1);
}

/* "p:", @prefix and a name of @n letters, then a place. */
static const char *with_name(const char *prefix, size_t n)
{
	static char line[3 * EVENT_NAME_MAX];

	snprintf(line, sizeof(line), "p:%s%0*d foo", prefix, (int)n, 0);
	for (char *p = line + 2; *p; p++)
		if (*p == '0')
			*p = 'n';
	return line;
}

/* A made-up name is cut to fit; one that was asked for is not. */
static void test_long(void **state)
{
	assert_int_equal(parse("p " LONG), 0);
	assert_string_equal(e.symbol, LONG);
	assert_int_equal(strlen(e.name), min(strlen("p_" LONG "_0"), sizeof(e.name) - 1));
	assert_int_equal(parse(with_name("", sizeof(e.name) - 1)), 0);
	assert_int_equal(strlen(e.name), sizeof(e.name) - 1);
	assert_int_equal(parse(with_name("g/", sizeof(e.name) - 1)), 0);
	assert_int_equal(strlen(e.name), sizeof(e.name) - 1);
	bad(with_name("", sizeof(e.name)), EINVAL, 2, "Event or group name is too long");
	bad(with_name("g/", sizeof(e.name)), EINVAL, 4, "Event or group name is too long");
	bad("p " LONG "x", EINVAL, 2, "Symbol name is too long");
	bad("p " LONG "x+1", EINVAL, 2, "Symbol name is too long");
}

static void test_kind(void **state)
{
	bad("", EINVAL, 0, "Unknown probe type");
	bad("x foo", EINVAL, 0, "Unknown probe type");
	bad("P foo", EINVAL, 0, "Unknown probe type");
	bad("pfoo", EINVAL, 1, "Unknown probe type");
	bad("p8:x foo", EINVAL, 1, "Unknown probe type");
	bad("r foo", EINVAL, 0, "Return probes are not supported");
	bad("r8:x foo", EINVAL, 0, "Return probes are not supported");
}

static void test_names(void **state)
{
	static const char *const rules = "Event or group name must follow the same naming rules as C";

	bad("p: foo", EINVAL, 2, "Event name is not specified");
	bad("p:", EINVAL, 2, "Event name is not specified");
	bad("p:/x foo", EINVAL, 2, "Event name is not specified");
	bad("p:g/ foo", EINVAL, 4, "Event name is not specified");
	bad("p:1x foo", EINVAL, 2, rules);
	bad("p:x-y foo", EINVAL, 3, rules);
	bad("p:g/1 foo", EINVAL, 4, rules);
	bad("p:g/x/y foo", EINVAL, 5, rules);
	bad("p:../x foo", EINVAL, 2, rules);
	bad("p:x\xff foo", EINVAL, 3, rules);
}

static void test_places(void **state)
{
	bad("p", EINVAL, 1, "No probe point is given");
	bad("p:x", EINVAL, 3, "No probe point is given");
	bad("p:x  ", EINVAL, 5, "No probe point is given");
	bad("p fo", ENOENT, 2, "Invalid probed address or symbol");
	bad("p:x  foo-4", ENOENT, 5, "Invalid probed address or symbol");
	bad("p +4", ENOENT, 2, "Invalid probed address or symbol");
	bad("p 0x", EINVAL, 2, "Invalid probed address or symbol");
	bad("p 12a", EINVAL, 2, "Invalid probed address or symbol");
	bad("p 0x10000000000000000", EINVAL, 2, "Invalid probed address or symbol");
	bad("p foo+", EINVAL, 5, "Invalid offset");
	bad("p foo+0x", EINVAL, 5, "Invalid offset");
	bad("p foo++1", EINVAL, 5, "Invalid offset");
	bad("p foo+-1", EINVAL, 5, "Invalid offset");
	bad("p foo+1+1", EINVAL, 5, "Invalid offset");
	bad("p foo+0x20", EINVAL, 5, "Offset is beyond the function's end");
	bad("p foo+0xffffffffffffffff", EINVAL, 5, "Offset is beyond the function's end");
	bad("p foo %di", EINVAL, 6, "Fetch arguments are not supported");
	bad("p:x foo+1\t dst=%di x=%si", EINVAL, 11, "Fetch arguments are not supported");
}

/* Any bytes: an answer, with a column that lies in the line (parse() looks) and a sentence when it is no. */
static void test_fuzz(void **state)
{
	static const char *const pieces[] = { "p",   ":",  "/", " ",	"foo", "bar.part.0",
					      "+",   "0x", "1", "\t",	"\n",  "grp",
					      "%di", "r",  "-", "\x80", LONG };
	unsigned taken = 0;

	for (unsigned i = 0; i < 100000; i++) {
		char line[1024] = "p";

		for (u64 n = host_random_below(9); n > 0; n--)
			strcat(line, pieces[host_random_below(ARRAY_SIZE(pieces))]);
		if (parse(line) < 0) {
			assert_non_null(why);
			continue;
		}
		taken++;
		assert_null(why);
		assert_true(e.name[0] && e.group[0]);
	}
	assert_true(taken > 100);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_good),  cmocka_unit_test(test_long),   cmocka_unit_test(test_kind),
	cmocka_unit_test(test_names), cmocka_unit_test(test_places), cmocka_unit_test(test_fuzz),
};
HOST_TEST_MAIN(tests)
