/* grep's expressions against regcomp(3)'s, where both have them; then what is ours alone. */
#include "tests/host/host.h"
#include "user/sh/match.h"

#include <regex.h>

static void add_set(char *p, size_t *n)
{
	p[(*n)++] = '[';
	if (!host_random_below(3))
		p[(*n)++] = '^';
	for (int i = 1 + (int)host_random_below(3); i; i--) {
		char from = (char)('a' + host_random_below(3));

		p[(*n)++] = from;
		if (!host_random_below(3)) {
			p[(*n)++] = '-';
			p[(*n)++] = (char)(from + host_random_below(2));
		}
	}
	p[(*n)++] = ']';
}

static void random_pattern(char *p)
{
	bool star = false; /* may one follow? */
	size_t n = 0;

	if (!host_random_below(4))
		p[n++] = '^';
	for (int i = (int)host_random_below(6); i; i--) {
		switch (host_random_below(6)) {
		case 0:
			p[n++] = '.';
			break;
		case 1:
			add_set(p, &n);
			break;
		case 2:
			p[n++] = '\\';
			p[n++] = ".*[$\\"[host_random_below(5)];
			break;
		default:
			p[n++] = (char)('a' + host_random_below(4));
		}
		star = true;
		if (star && !host_random_below(3))
			p[n++] = '*';
	}
	if (!host_random_below(4))
		p[n++] = '$';
	p[n] = '\0';
}

static void random_text(char *t)
{
	size_t n = host_random_below(8);

	for (size_t i = 0; i < n; i++)
		t[i] = "abcdABC.*[$"[host_random_below(11)];
	t[n] = '\0';
}

static void as_libc(void **state)
{
	char pattern[128], text[16];

	for (int i = 0; i < 20000; i++) {
		bool fold = !host_random_below(4);
		regex_t re;

		random_pattern(pattern);
		assert_int_equal(regcomp(&re, pattern, REG_NOSUB | (fold ? REG_ICASE : 0)), 0);
		for (int k = 0; k < 8; k++) {
			bool want;

			random_text(text);
			want = regexec(&re, text, 0, NULL, 0) == 0;
			if (regex_match(pattern, text, fold) != want)
				fail_msg("\"%s\" %s \"%s\", fold %d", pattern,
					 want ? "matches" : "doesn't match", text, fold);
		}
		regfree(&re);
	}
}

static void unfinished(void **state)
{
	assert_true(regex_match("[ab", "x[ab", false));
	assert_false(regex_match("[ab", "a", false));
	assert_true(regex_match("a\\", "a\\", false));
	assert_true(regex_match("[]x]", "]", false));
	assert_true(regex_match("", "", false));
	assert_true(regex_match("a$b", "a$b", false));
}

/* By trying one length of each star after the other this would take longer than there is time. */
static void many_stars(void **state)
{
	static char pattern[PATTERN_MAX], text[4097];

	for (size_t i = 0; i < 120; i++)
		memcpy(pattern + 2 * i, "a*", 2);
	pattern[240] = 'b';
	memset(text, 'a', sizeof(text) - 1);
	assert_false(regex_match(pattern, text, false));
	text[sizeof(text) - 2] = 'b';
	assert_true(regex_match(pattern, text, false));
}

static const struct CMUnitTest tests[] = { cmocka_unit_test(as_libc), cmocka_unit_test(unfinished),
					   cmocka_unit_test(many_stars) };
HOST_TEST_MAIN(tests)
