/* Globs against fnmatch(3) where both agree on the meaning, then our own reading of escapes, and malice. */
#include "tests/host/host.h"
#include "lib/glob.h"

static void add_class(char *p, size_t *n)
{
	p[(*n)++] = '[';
	if (!host_random_below(3))
		p[(*n)++] = '!';
	for (int i = 1 + host_random_below(3); i; i--) {
		p[(*n)++] = 'a' + host_random_below(4);
		if (!host_random_below(3)) {
			p[(*n)++] = '-';
			p[(*n)++] = 'a' + host_random_below(4);
		}
	}
	p[(*n)++] = ']';
}

static void random_pattern(char *p)
{
	size_t n = 0;

	for (int i = host_random_below(8); i; i--) {
		switch (host_random_below(6)) {
		case 0:
			p[n++] = '*';
			break;
		case 1:
			p[n++] = '?';
			break;
		case 2:
			add_class(p, &n);
			break;
		case 3:
			p[n++] = '\\';
			/* fall through */
		default:
			p[n++] = 'a' + host_random_below(4);
		}
	}
	p[n] = '\0';
}

static void random_text(char *text)
{
	size_t n = host_random_below(9);

	for (size_t i = 0; i < n; i++)
		text[i] = 'a' + host_random_below(4);
	text[n] = '\0';
}

static void test_against_fnmatch(void **state)
{
	int matches = 0;

	for (int i = 0; i < 200000; i++) {
		char pattern[128], text[16];
		bool want;

		random_pattern(pattern);
		random_text(text);
		want = fnmatch(pattern, text, 0) == 0;
		matches += want;
		if (glob_match(pattern, text) != want)
			fail_msg("\"%s\" on \"%s\": fnmatch says %d", pattern, text, want);
	}
	/* Both answers must have been seen often for this to mean something. */
	assert_in_range(matches, 10000, 190000);
}

struct sample {
	const char *pattern, *text;
	bool match;
};

static const struct sample samples[] = {
	{ "", "", true },
	{ "", "a", false },
	{ "*", "", true },
	{ "**", "abc", true },
	{ "?", "", false },
	{ "ipc_*", "ipc_send", true },
	{ "ipc_*", "do_ipc_send", false },
	{ "*lock*", "spin_unlock_irq", true },
	{ "*_enter", "rcu_nmi_enter", true },
	{ "a*b*c", "a_b_b_c_c", true },
	/* Escapes make the special plain, inside a class too. */
	{ "\\*", "*", true },
	{ "\\*", "a", false },
	{ "\\?x", "?x", true },
	{ "\\[a]", "[a]", true },
	{ "\\[a]", "a", false },
	{ "\\\\", "\\", true },
	{ "[\\]]", "]", true },
	{ "[a\\-c]", "b", false },
	{ "[a\\-c]", "-", true },
	{ "a\\", "a\\", true },
	{ "a\\", "a", false },
	/* ']' first, '-' last and '!' later are members of a class. */
	{ "[]a]", "]", true },
	{ "[!]a]", "b", true },
	{ "[!]a]", "]", false },
	{ "[a-]", "-", true },
	{ "[-a]", "-", true },
	{ "[a!]", "!", true },
	{ "[z-a]", "m", false },
	{ "[\x80-\xff]", "\xc3", true },
	/* '[' without an end is itself. */
	{ "[", "[", true },
	{ "[a", "[a", true },
	{ "[a", "a", false },
	{ "x[!", "x[!", true },
	{ "[a-", "[a-", true },
	{ "[\\", "[\\", true },
	{ "*[a", "b[a", true },
};

static void test_samples(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
		if (glob_match(samples[i].pattern, samples[i].text) != samples[i].match)
			fail_msg("\"%s\" on \"%s\"", samples[i].pattern, samples[i].text);
}

/* A matcher that tries every way to share the text among the stars would outlive the machine; the alarm is
 * for it. */
static void test_hostile(void **state)
{
	static char text[20001], pattern[101];

	memset(text, 'a', 20000);
	for (int i = 0; i < 98; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[98] = 'b';
	alarm(60);
	assert_false(glob_match(pattern, text));
	pattern[98] = '*';
	assert_true(glob_match(pattern, text));
	alarm(0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_against_fnmatch),
	cmocka_unit_test(test_samples),
	cmocka_unit_test(test_hostile),
};
HOST_TEST_MAIN(tests)
