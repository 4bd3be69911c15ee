/* The shell's grammar, rule by rule and error by error. */
#include "tests/host/host.h"
#include "user/sh/parse.h"

static struct shell_command cmd;

/* Shows what was understood: each command as "[word][word]>target;", an error as "line:column what". */
static const char *understood(const char *text, size_t len)
{
	static char out[1 << 16];
	struct parser p;
	unsigned line, column;
	size_t used = 0;
	int more;

	parser_init(&p, text, len);
	out[0] = '\0';
	while ((more = parse_command(&p, &cmd)) > 0) {
		assert_null(cmd.argv[cmd.argc]);
		assert_true(cmd.used <= sizeof(cmd.words));
		for (int i = 0; i < cmd.argc; i++)
			used += (size_t)sprintf(out + used, "[%s]", cmd.argv[i]);
		if (cmd.target)
			used += (size_t)sprintf(out + used, "%s%s", cmd.append ? ">>" : ">", cmd.target);
		used += (size_t)sprintf(out + used, cmd.piped ? "|" : ";");
	}
	if (more < 0) {
		assert_int_equal(more, -EINVAL);
		assert_true(p.error_pos <= len);
		parser_where(&p, p.error_pos, &line, &column);
		sprintf(out, "%u:%u %s", line, column, p.error);
	}
	return out;
}

/* From an exact-size heap copy, so that a step beyond the end is seen. */
static const char *understood_exactly(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);
	const char *out;

	memcpy(copy, text, len);
	out = understood(copy, len);
	free(copy);
	return out;
}

struct sample {
	const char *text, *want;
};

static void check(const struct sample *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_string_equal(understood_exactly(s[i].text, strlen(s[i].text)), s[i].want);
}

static void test_words_and_separators(void **state)
{
	static const struct sample samples[] = {
		{ "", "" },
		{ " \t \n ;; \n;", "" },
		{ "echo", "[echo];" },
		{ "  echo\ta  b\t", "[echo][a][b];" },
		{ "a;b", "[a];[b];" },
		{ "a\nb\n", "[a];[b];" },
		{ "a ; b ;\n c", "[a];[b];[c];" },
		{ "echo $HOME `x` && c & <d *? ~", "[echo][$HOME][`x`][&&][c][&][<d][*?][~];" },
		{ "a\rb", "[a\rb];" },
		{ "\xc3\xa4", "[\xc3\xa4];" },
	};

	check(samples, ARRAY_SIZE(samples));
}

static void test_pipes(void **state)
{
	static const struct sample samples[] = {
		{ "a|b", "[a]|[b];" },
		{ "a b | c|d e >f; g", "[a][b]|[c]|[d][e]>f;[g];" },
		{ "'a|b' \"|\" \\|", "[a|b][|][|];" },
		{ "| a", "1:1 nothing before '|'" },
		{ "a; | b", "1:4 nothing before '|'" },
		{ "a || b", "1:3 nothing after '|'" },
		{ "a |", "1:3 nothing after '|'" },
		{ "a |\nb", "1:3 nothing after '|'" },
		{ "a | ; b", "1:3 nothing after '|'" },
		{ "a | # b", "1:3 nothing after '|'" },
		{ "a | > f", "1:3 nothing after '|'" },
		{ "a > f | b", "1:7 the output goes to a file already" },
	};

	check(samples, ARRAY_SIZE(samples));
}

static void test_comments(void **state)
{
	static const struct sample samples[] = {
		{ "# nothing", "" },
		{ "echo a # b; c > d 'e\nf", "[echo][a];[f];" },
		{ "echo a#b #c", "[echo][a#b];" },
		{ "a;#b\nc", "[a];[c];" },
		{ "echo \\#a '#b' \"#c\" ''#d", "[echo][#a][#b][#c][#d];" },
		{ "echo >f#g", "[echo]>f#g;" },
	};

	check(samples, ARRAY_SIZE(samples));
}

static void test_quotes(void **state)
{
	static const struct sample samples[] = {
		{ "'a b'", "[a b];" },
		{ "'a\\b\"c$;>#'", "[a\\b\"c$;>#];" },
		{ "'a\\\\b\\\"c\\'", "[a\\\\b\\\"c\\];" },
		{ "'a\nb' c", "[a\nb][c];" },
		{ "\"a\nb\"", "[a\nb];" },
		{ "\"a\\\"b\\\\c\"", "[a\"b\\c];" },
		{ "\"a\\nb\\$c\\'\"", "[a\\nb\\$c\\'];" },
		{ "\"a'b\" 'c\"d'", "[a'b][c\"d];" },
		{ "\"\\\\\"", "[\\];" },
		{ "'' \"\" a''b", "[][][ab];" },
		{ "a'b'\"c\"d", "[abcd];" },
		{ "'p:x f+4'>>x", "[p:x f+4]>>x;" },
	};

	check(samples, ARRAY_SIZE(samples));
}

static void test_backslash(void **state)
{
	static const struct sample samples[] = {
		{ "a\\ b", "[a b];" },	 { "\\'\\\"\\\\\\;\\>", "['\"\\;>];" }, { "\\n\\$", "[n$];" },
		{ "a\\\nb", "[a\nb];" }, { "echo \\# a", "[echo][#][a];" },	{ "\\ ", "[ ];" },
	};

	check(samples, ARRAY_SIZE(samples));
}

static void test_redirection(void **state)
{
	static const struct sample samples[] = {
		{ "echo 1 > f", "[echo][1]>f;" },
		{ "echo 1>f", "[echo][1]>f;" },
		{ "echo 1>>f;a", "[echo][1]>>f;[a];" },
		{ "echo 1 >>\tf # c", "[echo][1]>>f;" },
		{ "> f echo 1", "[echo][1]>f;" },
		{ "echo >f 1 2", "[echo][1][2]>f;" },
		{ "> f", ">f;" },
		{ "a;>>f\nb", "[a];>>f;[b];" },
		{ "a > 'f g'\\;", "[a]>f g;;" },
		{ "a > ''", "[a]>;" },
	};

	check(samples, ARRAY_SIZE(samples));
}

static void test_errors_say_what_and_where(void **state)
{
	static const struct sample samples[] = {
		{ "echo 'a", "1:6 unterminated ' quote" },
		{ "a\n b \"c\\\"", "2:4 unterminated \" quote" },
		{ "\"\\\\", "1:1 unterminated \" quote" },
		{ "\"a\\", "1:1 unterminated \" quote" },
		{ "a'", "1:2 unterminated ' quote" },
		{ "a >", "1:3 no file name after '>'" },
		{ "a > ;b", "1:3 no file name after '>'" },
		{ "a >\nb", "1:3 no file name after '>'" },
		{ "a >> # f", "1:3 no file name after '>>'" },
		{ "a >>> f", "1:3 no file name after '>>'" },
		{ "a > > f", "1:3 no file name after '>'" },
		{ "a >f >g", "1:6 second redirection" },
		{ "a >f>>g", "1:5 second redirection" },
		{ "ok; ok\nok; a\\", "2:6 nothing after '\\'" },
	};

	check(samples, ARRAY_SIZE(samples));
	assert_string_equal(understood_exactly("a\nb\0c", 5), "2:2 NUL byte");
	assert_string_equal(understood_exactly("a '\0'", 5), "1:4 NUL byte");
	assert_string_equal(understood_exactly("a #\0", 4), "1:4 NUL byte");
}

static char *repeat(char *to, const char *what, size_t times)
{
	for (size_t i = 0; i < times; i++)
		to = stpcpy(to, what);
	return to;
}

static void test_line_length(void **state)
{
	static char text[20000];
	char *end;

	/* Exactly full, twice: the limit is a line's. */
	end = repeat(text, "x", 4096);
	end = repeat(stpcpy(end, "\n"), "y", 4096);
	assert_string_not_equal(understood(text, (size_t)(end - text)), "");
	assert_int_equal(cmd.argc, 0);
	*end++ = 'y';
	assert_string_equal(understood_exactly(text, (size_t)(end - text)),
			    "2:1 line longer than 4096 bytes");

	/* ';' begins no new line, blanks and comments count. */
	end = repeat(stpcpy(repeat(text, "x", 4000), ";a"), " ", 95);
	assert_string_equal(understood_exactly(text, (size_t)(end - text)),
			    "1:1 line longer than 4096 bytes");
	end = repeat(stpcpy(text, "a\n#"), "x", 4096);
	assert_string_equal(understood_exactly(text, (size_t)(end - text)),
			    "2:1 line longer than 4096 bytes");

	/* Quoted newlines belong to the line; a forgotten quote is what is reported first. */
	end = stpcpy(repeat(stpcpy(text, "a '"), "b\n", 2100), "'");
	assert_string_equal(understood_exactly(text, (size_t)(end - text)),
			    "1:1 line longer than 4096 bytes");
	assert_string_equal(understood_exactly(text, (size_t)(end - text - 1)), "1:3 unterminated ' quote");
}

static void test_as_many_words_as_fit(void **state)
{
	static char text[8192];
	struct parser p;
	char *end = repeat(text, "a ", 2047);

	end = stpcpy(end, "a>");
	assert_int_equal(end - text, 4096);
	assert_string_equal(understood_exactly(text, 4096), "1:4096 no file name after '>'");
	parser_init(&p, text, 4095);
	assert_int_equal(parse_command(&p, &cmd), 1);
	assert_int_equal(cmd.argc, SHELL_ARGS_MAX);
	assert_int_equal(cmd.used, 4096);
	end = stpcpy(repeat(text, "a ", 2048), "a");
	assert_string_equal(understood_exactly(text, (size_t)(end - text)),
			    "1:1 line longer than 4096 bytes");
}

/* Bytes the grammar cares about, in any order: never beyond the text, the words or the line. */
static void test_fuzz(void **state)
{
	static const char alphabet[] = "aab  \t;\n>>#'\"\\\\$\0";
	static char text[9000];

	for (int round = 0; round < 20000; round++) {
		size_t len = host_random_below(round % 100 ? 40 : sizeof(text));

		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[host_random_below(sizeof(alphabet) - (round % 2 ? 2 : 0))];
		understood_exactly(text, len);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_words_and_separators),
	cmocka_unit_test(test_pipes),
	cmocka_unit_test(test_comments),
	cmocka_unit_test(test_quotes),
	cmocka_unit_test(test_backslash),
	cmocka_unit_test(test_redirection),
	cmocka_unit_test(test_errors_say_what_and_where),
	cmocka_unit_test(test_line_length),
	cmocka_unit_test(test_as_many_words_as_fit),
	cmocka_unit_test(test_fuzz),
};
HOST_TEST_MAIN(tests)
