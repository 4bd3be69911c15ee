/* parse_u64 against strtoull, which is laxer: what it skips or saturates must be refused here. */
#include "tests/host/host.h"

static void good(const char *text, unsigned base, u64 want)
{
	u64 got = ~want;

	assert_true(parse_u64(text, strlen(text), base, &got));
	assert_int_equal(got, want);
}

static void bad(const char *text, unsigned base)
{
	u64 got = 0x5a5a;

	if (parse_u64(text, strlen(text), base, &got))
		fail_msg("\"%s\" in base %u was taken for %" PRIu64, text, base, got);
	assert_int_equal(got, 0x5a5a);
}

static void test_good(void **state)
{
	good("0", 0, 0);
	good("00", 0, 0);
	good("0x1F", 0, 31);
	good("0Xff", 16, 255);
	good("ff", 16, 255);
	good("010", 0, 8);
	good("010", 10, 10);
	good("zz", 36, 35 * 36 + 35);
	good("101", 2, 5);
	good("18446744073709551615", 10, UINT64_MAX);
	good("0xffffffffffffffff", 0, UINT64_MAX);
	good("0001777777777777777777777", 0, UINT64_MAX);
}

static void test_bad(void **state)
{
	static const char *const texts[] = { "",
					     " 1",
					     "1 ",
					     "+1",
					     "-1",
					     "0x",
					     "0xg",
					     "08",
					     "1a",
					     "x",
					     "1.0",
					     "1\n",
					     "18446744073709551616",
					     "0x10000000000000000",
					     "02000000000000000000000",
					     "99999999999999999999999999",
					     "0x0x1" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		bad(texts[i], 0);
	bad("0x1", 10);
	bad("2", 2);
	bad("18446744073709551616", 10);
	bad("1", 1);
	bad("1", 37);
}

/* @len decides, whatever follows: a NUL within it is no digit, digits behind it do not count. */
static void test_length(void **state)
{
	u64 got;

	assert_true(parse_u64("1234", 2, 0, &got));
	assert_int_equal(got, 12);
	assert_false(parse_u64("12\0", 3, 0, &got));
	assert_true(parse_u64("0x1", 1, 0, &got));
	assert_int_equal(got, 0);
	assert_false(parse_u64("0x1", 2, 0, &got));
}

static void test_random(void **state)
{
	static const char *const formats[] = { "%" PRIu64, "%#" PRIx64, "%#" PRIo64, "%" PRIu64 "9",
					       "%" PRIx64 };

	for (int i = 0; i < 50000; i++) {
		const char *format = formats[host_random_below(ARRAY_SIZE(formats))];
		unsigned base = (unsigned[]){ 0, 10, 16, 8 }[host_random_below(4)];
		char text[40], *end;
		u64 want, got;
		bool valid;

		snprintf(text, sizeof(text), format, host_random() >> host_random_below(64));
		errno = 0;
		want = strtoull(text, &end, base);
		valid = !*end && !errno;
		if (parse_u64(text, strlen(text), base, &got) != valid || (valid && got != want))
			fail_msg("\"%s\" in base %u", text, base);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_good),
	cmocka_unit_test(test_bad),
	cmocka_unit_test(test_length),
	cmocka_unit_test(test_random),
};
HOST_TEST_MAIN(tests)
