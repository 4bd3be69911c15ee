/* lib/string against libc, on random lengths at random offsets, with every byte around the target watched. */
#include "tests/host/host.h"

#define AREA  256
#define TURNS 20000

static void fill_random(char *area, unsigned letters)
{
	for (int i = 0; i < AREA; i++)
		area[i] = host_random_below(letters);
}

/* Two equal areas, so that what ours does to one can be held against what libc does to the other. */
struct twins {
	char ours[AREA], libc[AREA], source[AREA];
	size_t to, from, len;
};

static void make_twins(struct twins *t)
{
	fill_random(t->ours, 256);
	fill_random(t->source, 256);
	memcpy(t->libc, t->ours, AREA);
	t->to = host_random_below(AREA);
	t->from = host_random_below(AREA);
	t->len = host_random_below(AREA - (t->to > t->from ? t->to : t->from) + 1);
}

static void test_memcpy(void **state)
{
	struct twins t;

	for (int i = 0; i < TURNS; i++) {
		make_twins(&t);
		assert_ptr_equal(nl_memcpy(t.ours + t.to, t.source + t.from, t.len), t.ours + t.to);
		memcpy(t.libc + t.to, t.source + t.from, t.len);
		assert_memory_equal(t.ours, t.libc, AREA);
	}
}

static void test_memmove(void **state)
{
	struct twins t;

	for (int i = 0; i < TURNS; i++) {
		make_twins(&t);
		assert_ptr_equal(nl_memmove(t.ours + t.to, t.ours + t.from, t.len), t.ours + t.to);
		memmove(t.libc + t.to, t.libc + t.from, t.len);
		assert_memory_equal(t.ours, t.libc, AREA);
	}
}

static void test_memset(void **state)
{
	struct twins t;

	for (int i = 0; i < TURNS; i++) {
		int c = host_random_below(1000) - 500;

		make_twins(&t);
		assert_ptr_equal(nl_memset(t.ours + t.to, c, t.len), t.ours + t.to);
		memset(t.libc + t.to, c, t.len);
		assert_memory_equal(t.ours, t.libc, AREA);
	}
}

static int sign(int x) { return (x > 0) - (x < 0); }

static void test_memcmp(void **state)
{
	struct twins t;

	for (int i = 0; i < TURNS; i++) {
		make_twins(&t);
		memcpy(t.ours + t.to, t.source + t.from, t.len);
		if (t.len && host_random_below(4))
			t.ours[t.to + host_random_below(t.len)] ^= 1 + host_random_below(255);
		assert_int_equal(sign(nl_memcmp(t.ours + t.to, t.source + t.from, t.len)),
				 sign(memcmp(t.ours + t.to, t.source + t.from, t.len)));
	}
}

/* A heap string of random length ending exactly where the block does, so that reading on is reported. */
static char *random_string(unsigned letters)
{
	size_t len = host_random_below(40);
	char *s = malloc(len + 1);

	for (size_t i = 0; i < len; i++)
		s[i] = letters > 26 ? 1 + host_random_below(255) : 'a' + host_random_below(letters);
	s[len] = '\0';
	return s;
}

static void check_searches(const char *a, const char *b)
{
	int c = host_random_below(8) ? (unsigned char)a[host_random_below(strlen(a) + 1)]
				     : (int)host_random_below(256);

	assert_ptr_equal(nl_strchr(a, c), strchr(a, c));
	assert_ptr_equal(nl_strrchr(a, c), strrchr(a, c));
	assert_ptr_equal(nl_strstr(a, b), strstr(a, b));
	assert_int_equal(str_has_prefix(a, b), !strncmp(a, b, strlen(b)));
}

static void test_text(void **state)
{
	for (int i = 0; i < TURNS; i++) {
		unsigned letters = host_random_below(2) ? 2 : 255;
		char *a = random_string(letters), *b = random_string(letters);
		size_t n = host_random_below(50);

		if (host_random_below(2) && strlen(b) > 3)
			b[host_random_below(4)] = '\0';
		assert_int_equal(nl_strlen(a), strlen(a));
		assert_int_equal(nl_strnlen(a, n), strnlen(a, n));
		assert_int_equal(sign(nl_strcmp(a, b)), sign(strcmp(a, b)));
		assert_int_equal(nl_strcmp(a, a), 0);
		assert_int_equal(sign(nl_strncmp(a, b, n)), sign(strncmp(a, b, n)));
		check_searches(a, b);
		free(a);
		free(b);
	}
}

static void test_bounded_needs_no_terminator(void **state)
{
	char *four = malloc(4);

	memcpy(four, "abcd", 4);
	assert_int_equal(nl_strnlen(four, 4), 4);
	assert_int_equal(nl_strncmp(four, "abcdef", 4), 0);
	free(four);
}

static void test_strscpy(void **state)
{
	char buf[8];

	memset(buf, '#', sizeof(buf));
	assert_int_equal(nl_strscpy(buf, "abc", 4), 3);
	assert_memory_equal(buf, "abc\0####", 8);
	memset(buf, '#', sizeof(buf));
	assert_int_equal(nl_strscpy(buf, "abcd", 4), -1);
	assert_memory_equal(buf, "abc\0####", 8);
	assert_int_equal(nl_strscpy(buf, "", 1), 0);
	assert_int_equal(buf[0], '\0');
	buf[0] = '#';
	assert_int_equal(nl_strscpy(buf, "abc", 0), -1);
	assert_int_equal(buf[0], '#');
}

static void test_ctype(void **state)
{
	for (int c = 0; c < 128; c++) {
		assert_int_equal(!!nl_isspace(c), !!isspace(c));
		assert_int_equal(!!nl_isdigit(c), !!isdigit(c));
		assert_int_equal(!!nl_isprint(c), !!isprint(c));
		assert_int_equal(!!nl_isalpha(c), !!isalpha(c));
		assert_int_equal(!!nl_isalnum(c), !!isalnum(c));
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_memcpy),	cmocka_unit_test(test_memmove),
	cmocka_unit_test(test_memset),	cmocka_unit_test(test_memcmp),
	cmocka_unit_test(test_text),	cmocka_unit_test(test_bounded_needs_no_terminator),
	cmocka_unit_test(test_strscpy), cmocka_unit_test(test_ctype),
};
HOST_TEST_MAIN(tests)
