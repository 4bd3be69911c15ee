/* The line editor, seen as its user sees it: keys in, and a small terminal that shows one row and a cursor.
 */
#include "tests/host/host.h"
#include "user/sh/line.h"

#define PROMPT "nestling:/sys/kernel/tracing# "

/* The row the cursor is in, and how many there were before. */
static struct {
	char row[LINE_COLUMNS + 1];
	size_t column;
	unsigned rows, bells, clears;
	char above[LINE_COLUMNS + 1];
} screen;

static void new_row(void)
{
	strcpy(screen.above, screen.row);
	memset(screen.row, ' ', LINE_COLUMNS);
	screen.column = 0;
	screen.rows++;
}

/* One escape sequence of those the editor may use; returns its length. */
static size_t show_escape(const char *text)
{
	unsigned n;
	int len;

	if (!strncmp(text, "\033[K", 3)) {
		memset(screen.row + screen.column, ' ', LINE_COLUMNS - screen.column);
		return 3;
	}
	if (!strncmp(text, "\033[H\033[2J", 7)) {
		new_row();
		screen.clears++;
		return 7;
	}
	assert_int_equal(sscanf(text, "\033[%uD%n", &n, &len), 1);
	assert_in_range(n, 1, screen.column);
	screen.column -= n;
	return (size_t)len;
}

static size_t show(const char *text)
{
	switch (*text) {
	case '\033':
		return show_escape(text);
	case '\r':
		screen.column = 0;
		break;
	case '\n':
		new_row();
		break;
	case '\a':
		screen.bells++;
		break;
	default:
		assert_in_range(*text, ' ', '~');
		/* The last column would make real terminals wrap. */
		assert_true(screen.column < LINE_COLUMNS - 1);
		screen.row[screen.column++] = *text;
	}
	return 1;
}

static void draw(void *arg, const char *text, size_t len)
{
	char copy[SHELL_LINE_MAX + 1];

	memcpy(copy, text, len);
	copy[len] = '\0';
	for (size_t i = 0; i < len; i += show(copy + i))
		;
}

/* What Tab finds: whatever the test says. */
static struct completion found;
static char asked[SHELL_LINE_MAX + 1];

static void complete(void *arg, const char *text, size_t len, struct completion *c)
{
	memcpy(asked, text, len);
	asked[len] = '\0';
	*c = found;
}

static void list(void *arg, const char *text, size_t len) { draw(NULL, "candidates\n", 11); }

static struct line l;
static const struct line_client client = { .draw = draw, .complete = complete, .list = list };

static int reset(void **state)
{
	memset(&screen, 0, sizeof(screen));
	memset(&found, 0, sizeof(found));
	new_row();
	screen.rows = 0;
	line_init(&l, &client);
	line_start(&l, PROMPT);
	return 0;
}

static enum line_state type_bytes(const char *keys, size_t len)
{
	enum line_state state = LINE_MORE;

	for (size_t i = 0; i < len; i++) {
		assert_int_equal(state, LINE_MORE);
		state = line_feed(&l, keys[i]);
	}
	return state;
}

static enum line_state type(const char *keys) { return type_bytes(keys, strlen(keys)); }

/* @want has a '|' where the cursor is. */
static void expect_line(const char *want)
{
	char got[SHELL_LINE_MAX + 2];

	memcpy(got, l.text, l.pos);
	got[l.pos] = '|';
	strcpy(got + l.pos + 1, l.text + l.pos);
	assert_string_equal(got, want);
	assert_int_equal(strlen(l.text), l.len);
}

/* Does the screen show prompt, text and cursor, as far as there is room? */
static void expect_screen(void)
{
	char want[LINE_COLUMNS + 1];
	size_t prompt = strlen(PROMPT);
	size_t room = LINE_COLUMNS - 1 - strlen("^C") - prompt;
	size_t shown = l.len - l.left < room ? l.len - l.left : room;

	assert_true(l.left <= l.pos && l.pos <= l.left + room);
	memset(want, ' ', LINE_COLUMNS);
	want[LINE_COLUMNS] = '\0';
	memcpy(want, PROMPT, prompt);
	memcpy(want + prompt, l.text + l.left, shown);
	assert_string_equal(screen.row, want);
	assert_int_equal(screen.column, prompt + l.pos - l.left);
}

static void expect(const char *keys, const char *want)
{
	assert_int_equal(type(keys), LINE_MORE);
	expect_line(want);
	expect_screen();
}

static void test_typing(void **state)
{
	expect_screen();
	expect("echo a", "echo a|");
	assert_int_equal(type("\r"), LINE_DONE);
	assert_string_equal(l.text, "echo a");
	assert_int_equal(screen.rows, 1);
}

static void test_line_ends(void **state)
{
	assert_int_equal(type("a\r"), LINE_DONE);
	line_start(&l, PROMPT);
	/* "\r\n" is one end, "\n\n" are two. */
	assert_int_equal(type("\nb\n"), LINE_DONE);
	assert_string_equal(l.text, "b");
	line_start(&l, PROMPT);
	assert_int_equal(type("\n"), LINE_DONE);
	assert_int_equal(l.len, 0);
}

static void test_moving(void **state)
{
	expect("abc\033[D\033[D", "a|bc");
	expect("X", "aX|bc");
	expect("\033[C", "aXb|c");
	expect("\033[H", "|aXbc");
	expect("\033[F", "aXbc|");
	expect("\001", "|aXbc");
	expect("\005", "aXbc|");
	expect("\002\002\006", "aXb|c");
	expect("\033[1~\033[4~\033[7~", "|aXbc");
	expect("\033[8~", "aXbc|");
	expect("\033OH\033OC", "a|Xbc");
	expect("\033OF\033OD", "aXb|c");
	expect("\033[1;5D", "aX|bc");
	assert_int_equal(screen.bells, 0);
	expect("\001\033[D", "|aXbc");
	expect("\005\033[C", "aXbc|");
	assert_int_equal(screen.bells, 2);
}

static void test_deleting(void **state)
{
	expect("abcdef\b", "abcde|");
	expect("\177", "abcd|");
	expect("\033[D\b", "ab|d");
	expect("\001\004", "|bd");
	expect("\033[3~", "|d");
	expect("\033[3~", "|");
	assert_int_equal(screen.bells, 0);
	expect("\033[3~\b\177", "|");
	assert_int_equal(screen.bells, 3);
}

static void test_deleting_more(void **state)
{
	expect("one two  three\027", "one two  |");
	expect("\027", "one |");
	expect("xy\033[D\027", "one |y");
	expect("\013", "one |");
	expect("\001\006\013", "o|");
	expect("abc\002\025", "|c");
}

static void test_unknown_keys_are_swallowed(void **state)
{
	expect("a\033[5~\033[15~\033[200~\033x\033[1;2P\033[?25h\033OP\033[99999999999~", "a|");
	expect("\033[[A\033[[B", "a|");
	expect("\002\033[4294967299~\005", "a|");
	assert_int_equal(type_bytes("\0", 1), LINE_MORE);
	expect("\016\021\022\303\244b", "ab|");
	/* A lone Escape, then Enter. */
	assert_int_equal(type("\033\r"), LINE_DONE);
	assert_string_equal(l.text, "ab");
}

static void test_control_breaks_a_sequence(void **state)
{
	expect("abc\033[1\001X", "X|abc");
	expect("\033\033[C", "Xa|bc");
}

static void test_dropping_and_leaving(void **state)
{
	assert_int_equal(type("abc\033[D\003"), LINE_DROPPED);
	assert_memory_equal(screen.above, PROMPT "abc^C", sizeof(PROMPT "abc^C") - 1);
	line_start(&l, PROMPT);
	expect_line("|");
	/* ^D deletes as long as there is text. */
	expect("ab\001\004\004", "|");
	assert_int_equal(type("\004"), LINE_EOF);
	line_start(&l, PROMPT);
	expect("\033[A", "|");
}

static void test_clearing_the_screen(void **state)
{
	expect("abc\033[D\014", "ab|c");
	assert_int_equal(screen.clears, 1);
}

static void enter(const char *line)
{
	assert_int_equal(type(line), LINE_MORE);
	assert_int_equal(type("\r"), LINE_DONE);
	line_start(&l, PROMPT);
}

static void test_history(void **state)
{
	enter("one");
	enter("two");
	enter("two");
	enter("");
	expect("dra\033[Dx", "drx|a");
	expect("\033[A", "two|");
	expect("\020", "one|");
	expect("\033[A", "one|");
	assert_int_equal(screen.bells, 1);
	expect("\016", "two|");
	expect("\033[B", "drxa|");
	expect("\033[B", "drxa|");
	assert_int_equal(screen.bells, 2);
	expect("\020\020", "one|");
	enter("!");
	expect("\020", "one!|");
	expect("\020", "two|");
}

static void test_history_keeps_32_lines(void **state)
{
	char line[32];

	for (int i = 0; i < 40; i++) {
		snprintf(line, sizeof(line), "line %d", i);
		enter(line);
	}
	for (int i = 39; i >= 8; i--) {
		snprintf(line, sizeof(line), "line %d|", i);
		expect("\020", line);
	}
	expect("\020", "line 8|");
}

static void test_history_of_long_lines(void **state)
{
	static struct history h;
	char line[SHELL_LINE_MAX + 1];

	memset(line, 'x', sizeof(line));
	history_add(&h, "first", 5);
	for (char c = 'a'; c < 'f'; c++) {
		line[0] = c;
		history_add(&h, line, SHELL_LINE_MAX);
		assert_true(h.used <= sizeof(h.text));
	}
	assert_int_equal(h.lines, 1);
	assert_int_equal(history_get(&h, 1)[0], 'e');
	assert_int_equal(strlen(history_get(&h, 1)), SHELL_LINE_MAX);
	assert_null(history_get(&h, 2));
}

static void test_completion(void **state)
{
	found = (struct completion){ .matches = 1, .insert = "ho " };
	expect("ec\t", "echo |");
	assert_string_equal(asked, "ec");
	expect("b\033[D\t", "echo ho |b");
	assert_string_equal(asked, "echo ");
	found = (struct completion){ .matches = 0 };
	expect("\t\t", "echo ho |b");
	assert_int_equal(screen.bells, 2);
	assert_int_equal(screen.rows, 0);
}

static void test_ambiguous_completion_lists_at_the_second_tab(void **state)
{
	found = (struct completion){ .matches = 2, .insert = "o" };
	expect("f\t", "fo|");
	found = (struct completion){ .matches = 2 };
	expect("x\t", "fox|");
	assert_int_equal(screen.rows, 0);
	assert_int_equal(screen.bells, 1);
	expect("\t", "fox|");
	assert_int_equal(screen.rows, 2);
	assert_memory_equal(screen.above, "candidates ", 11);
}

static void test_long_lines_scroll(void **state)
{
	char keys[201];

	for (int i = 0; i < 200; i++)
		keys[i] = "0123456789"[i % 10];
	keys[200] = '\0';
	for (int i = 0; i < 200; i++) {
		assert_int_equal(line_feed(&l, keys[i]), LINE_MORE);
		expect_screen();
	}
	assert_string_equal(l.text, keys);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(type("\033[D"), LINE_MORE);
		expect_screen();
	}
	assert_int_equal(l.left, 0);
	assert_int_equal(type("\005"), LINE_MORE);
	expect_screen();
	/* What Backspace is about to take is in sight. */
	for (int i = 0; i < 200; i++) {
		assert_int_equal(type("\b"), LINE_MORE);
		expect_screen();
		assert_true(l.pos == 0 || l.pos > l.left);
	}
	assert_int_equal(screen.rows, 0);
}

static void test_full_line(void **state)
{
	for (int i = 0; i < SHELL_LINE_MAX; i++)
		line_feed(&l, 'x');
	assert_int_equal(screen.bells, 0);
	line_feed(&l, 'y');
	assert_int_equal(screen.bells, 1);
	found = (struct completion){ .matches = 1, .insert = "yy" };
	line_feed(&l, '\b');
	line_feed(&l, '\t');
	assert_int_equal(l.len, SHELL_LINE_MAX - 1);
	line_feed(&l, 'x');
	assert_int_equal(type("\r"), LINE_DONE);
	assert_int_equal(strlen(l.text), SHELL_LINE_MAX);
	line_start(&l, PROMPT);
	type("\020");
	assert_int_equal(l.len, SHELL_LINE_MAX);
	expect_screen();
}

static void test_long_prompts_leave_room(void **state)
{
	char prompt[260];

	memset(prompt, 'p', sizeof(prompt));
	strcpy(prompt + 250, "# ");
	line_start(&l, prompt);
	for (int i = 0; i < 100; i++)
		line_feed(&l, 'x');
	assert_int_equal(screen.column, LINE_COLUMNS - 3);
	assert_int_equal(screen.row[58], '#');
}

/* Any bytes at all, biased to those that mean something: what is on the screen is what is in the line. */
static void test_fuzz(void **state)
{
	static const char *const keys[] = { "\033", "[",	   "O",	      "A",	"B",	  "C",
					    "D",    "\033[A",	   "\033[B",  "\033[C", "\033[D", "3~",
					    "1;",   "\t",	   "\b",      "\r",	"\n",	  "\001",
					    "\002", "\005",	   "\013",    "\025",	"\027",	  "\020",
					    "\016", "some words ", "\033[3~", "\003",	"\004",	  "\033[H" };

	for (int round = 0; round < 200000; round++) {
		u64 choice = host_random_below(ARRAY_SIZE(keys) + 4);
		char any[2] = { (char)host_random_below(256), '\0' };
		const char *key = choice < ARRAY_SIZE(keys) ? keys[choice] : any;

		found.matches = (unsigned)host_random_below(3);
		strcpy(found.insert, host_random_below(2) ? "completed/" : "");
		for (; *key; key++)
			if (line_feed(&l, *key) != LINE_MORE)
				line_start(&l, PROMPT);
		assert_int_equal(strlen(l.text), l.len);
		assert_true(l.pos <= l.len);
		expect_screen();
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(test_typing, reset),
	cmocka_unit_test_setup(test_line_ends, reset),
	cmocka_unit_test_setup(test_moving, reset),
	cmocka_unit_test_setup(test_deleting, reset),
	cmocka_unit_test_setup(test_deleting_more, reset),
	cmocka_unit_test_setup(test_unknown_keys_are_swallowed, reset),
	cmocka_unit_test_setup(test_control_breaks_a_sequence, reset),
	cmocka_unit_test_setup(test_dropping_and_leaving, reset),
	cmocka_unit_test_setup(test_clearing_the_screen, reset),
	cmocka_unit_test_setup(test_history, reset),
	cmocka_unit_test_setup(test_history_keeps_32_lines, reset),
	cmocka_unit_test_setup(test_history_of_long_lines, reset),
	cmocka_unit_test_setup(test_completion, reset),
	cmocka_unit_test_setup(test_ambiguous_completion_lists_at_the_second_tab, reset),
	cmocka_unit_test_setup(test_long_lines_scroll, reset),
	cmocka_unit_test_setup(test_full_line, reset),
	cmocka_unit_test_setup(test_long_prompts_leave_room, reset),
	cmocka_unit_test_setup(test_fuzz, reset),
};
HOST_TEST_MAIN(tests)
