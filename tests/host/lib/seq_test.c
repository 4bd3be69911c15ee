/* The buffer sink: complete text, honest overflow, always terminated. */
#include "tests/host/host.h"
#include "lib/seq.h"

static void test_everything_fits(void **state)
{
	char text[32];
	struct seq_buf b;

	memset(text, '#', sizeof(text));
	seq_buf_init(&b, text, sizeof(text));
	assert_string_equal(text, "");
	seq_puts(&b.seq, "ab");
	seq_putc(&b.seq, 'c');
	seq_write(&b.seq, "defg", 2);
	seq_printf(&b.seq, "<%d %s>", 12, "x");
	assert_string_equal(text, "abcde<12 x>");
	assert_int_equal(b.len, 11);
	assert_false(b.seq.overflow);
}

static void test_exact_fit_is_no_overflow(void **state)
{
	char text[4];
	struct seq_buf b;

	seq_buf_init(&b, text, sizeof(text));
	seq_puts(&b.seq, "abc");
	assert_false(b.seq.overflow);
	assert_string_equal(text, "abc");
	seq_puts(&b.seq, "");
	assert_false(b.seq.overflow);
	seq_putc(&b.seq, 'd');
	assert_true(b.seq.overflow);
	assert_string_equal(text, "abc");
}

static void test_overflow_keeps_what_fits(void **state)
{
	char text[9];
	struct seq_buf b;

	memset(text, '#', sizeof(text));
	seq_buf_init(&b, text, 8);
	seq_printf(&b.seq, "%s %s", "abcd", "efgh");
	assert_true(b.seq.overflow);
	assert_string_equal(text, "abcd ef");
	assert_int_equal(b.len, 7);
	assert_int_equal(text[8], '#');
	/* Text after a gap would read as if nothing were missing. */
	seq_puts(&b.seq, "i");
	assert_string_equal(text, "abcd ef");
}

static void test_no_buffer(void **state)
{
	struct seq_buf b;

	seq_buf_init(&b, NULL, 0);
	seq_puts(&b.seq, "");
	assert_false(b.seq.overflow);
	seq_puts(&b.seq, "x");
	assert_true(b.seq.overflow);
	assert_int_equal(b.len, 0);
}

static void call_vprintf(struct seq *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	seq_vprintf(s, fmt, ap);
	va_end(ap);
}

static void test_vprintf(void **state)
{
	char text[16];
	struct seq_buf b;

	seq_buf_init(&b, text, sizeof(text));
	call_vprintf(&b.seq, "%d-%d", 1, 2);
	assert_string_equal(text, "1-2");
}

static void test_closed_in_a_line_ends_with_it(void **state)
{
	char text[32];
	struct seq_buf b;

	seq_buf_init(&b, text, sizeof(text));
	seq_puts(&b.seq, "one\ntw");
	b.seq.closed = true;
	seq_puts(&b.seq, "");
	seq_putc(&b.seq, 'o');
	seq_puts(&b.seq, ", it\nthree");
	seq_puts(&b.seq, "four\n");
	assert_string_equal(text, "one\ntwo, it\n");
}

static void test_closed_between_lines_prints_nothing(void **state)
{
	char text[32];
	struct seq_buf b;

	seq_buf_init(&b, text, sizeof(text));
	b.seq.closed = true;
	seq_puts(&b.seq, "one\n");
	assert_string_equal(text, "");
	b.seq.closed = false;
	seq_puts(&b.seq, "one\n");
	b.seq.closed = true;
	seq_puts(&b.seq, "two\n");
	assert_string_equal(text, "one\n");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_everything_fits),
	cmocka_unit_test(test_exact_fit_is_no_overflow),
	cmocka_unit_test(test_overflow_keeps_what_fits),
	cmocka_unit_test(test_no_buffer),
	cmocka_unit_test(test_vprintf),
	cmocka_unit_test(test_closed_in_a_line_ends_with_it),
	cmocka_unit_test(test_closed_between_lines_prints_nothing),
};
HOST_TEST_MAIN(tests)
