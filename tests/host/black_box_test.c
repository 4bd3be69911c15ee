/*
 * The picture of the nesting, from records written by hand.
 *
 * GS is 0 in a program of Linux, as it is on the kernel's CPU 0: the linked copy of a per-CPU variable
 * is the one that is used.
 */
#include "tests/host/host.h"
#include "arch/x86/entry/vectors.h"
#include "trace/black_box.h"

static char text[1 << 16];

const char *vector_name(unsigned vector, char buf[8])
{
	nl_snprintf(buf, 8, "v%u", vector);
	return buf;
}

static void enter(u16 vector, u64 ip, u32 depth) { black_box_note(vector, BB_ENTRY, ip, 0x1000, depth); }
static void leave(u16 vector, u64 ip, u32 depth) { black_box_note(vector, BB_EXIT, ip, 0x1000, depth); }

static const char *drawn(u32 mark)
{
	struct seq_buf out;

	seq_buf_init(&out, text, sizeof(text));
	black_box_draw(&out.seq, mark);
	assert_false(out.seq.overflow);
	return text;
}

static void test_nesting(void **state)
{
	u32 mark = black_box_mark();

	enter(3, 0x10, 1);
	enter(2, 0x20, 2);
	leave(2, 0x20, 2);
	leave(3, 0x11, 1);
	assert_string_equal(drawn(mark), "    1 \\ v3 hit at 0x10\n"
					 "    2 | \\ v2 hit at 0x20\n"
					 "    2 | / v2 returns to 0x20\n"
					 "    1 / v3 returns to 0x11\n");
	assert_string_equal(drawn(mark + 3), "    1 / v3 returns to 0x11\n");
	assert_string_equal(drawn(black_box_mark()), "");
}

/* @n traps, each inside the one before, and the way back. */
static const char *recursion(u32 n)
{
	u32 mark = black_box_mark();

	for (u32 depth = 1; depth <= n; depth++)
		enter(3, 0x10, depth);
	black_box_note(3, BB_RESUME, 0x10, 0x1000, 1);
	return drawn(mark);
}

static void test_recursion(void **state)
{
	assert_string_equal(recursion(3), "    1 \\ v3 hit at 0x10\n"
					  "    2 | \\ v3 hit at 0x10\n"
					  "    3 | | \\ v3 hit at 0x10\n"
					  "    1 <== v3 resumes at 0x10\n");
	assert_string_equal(recursion(100),
			    "    1 \\ v3 hit at 0x10\n"
			    "    2 | \\ v3 hit at 0x10\n"
			    "    3 | | \\ v3 hit at 0x10\n"
			    "      ... the same, each inside the one before: 96 rounds not drawn ...\n"
			    "  100 | | | | | | | | | | | | | | | | | | | | | | | \\ v3 hit at 0x10\n"
			    "    1 <== v3 resumes at 0x10\n");
}

/* A recursion short enough to be drawn whole, and one that hides a single round. */
static void test_recursion_edges(void **state)
{
	assert_null(strstr(recursion(4), "not drawn"));
	assert_non_null(strstr(text, "    4 | | | \\ v3"));
	assert_non_null(strstr(recursion(5), " 1 round not drawn"));
	assert_null(strstr(text, "    4 | | | \\ v3"));
	assert_non_null(strstr(text, "    5 | | | | \\ v3"));
}

/* A round may be several records long: a breakpoint, its return into the step, and the step's own trap. */
static void test_long_rounds(void **state)
{
	u32 mark = black_box_mark();

	for (u32 depth = 1; depth <= 20; depth++) {
		enter(3, 0x10, depth);
		leave(3, 0x11, depth);
		enter(1, 0x12, depth);
	}
	drawn(mark);
	assert_non_null(strstr(text, "    3 | | \\ v1 hit at 0x12\n      ... the same, each inside the one "
				     "before: 16 rounds not drawn ...\n   20 "));
	assert_null(strstr(text, "    4 | "));
}

/* Beside each other is not inside each other. */
static void test_siblings(void **state)
{
	u32 mark = black_box_mark();

	for (unsigned i = 0; i < 5; i++)
		enter(3, 0x10, 1);
	assert_null(strstr(drawn(mark), "not drawn"));
}

/* The ring's next slot holds a record of long ago that would fit on. */
static void test_stale(void **state)
{
	u32 mark;

	enter(3, 0x10, 6);
	for (u32 i = 0; i < BLACK_BOX_RECORDS - 6; i++)
		enter(4, i, 1);
	mark = black_box_mark();
	for (u32 depth = 1; depth <= 5; depth++)
		enter(3, 0x10, depth);
	assert_non_null(strstr(drawn(mark), "    5 | | | | \\ v3"));
}

/* The ring has gone round since the mark: what is left is shown, and no more. */
static void test_overwritten(void **state)
{
	u32 mark = black_box_mark();
	unsigned lines = 0;

	for (u32 i = 0; i < 2 * BLACK_BOX_RECORDS; i++)
		enter(3, i, 1);
	for (const char *p = drawn(mark); (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, BLACK_BOX_RECORDS);
	assert_true(strstr(text, "    1 \\ v3 hit at 0x200\n") == text);
}

static void test_list(void **state)
{
	u32 mark = black_box_mark();
	struct seq_buf out;

	enter(3, 0x10, 1);
	leave(3, 0x11, 1);
	seq_buf_init(&out, text, sizeof(text));
	black_box_list(&out.seq, mark, 1);
	assert_null(strstr(text, "enter"));
	assert_non_null(strstr(text, " 1 leave  v3     sp 0000000000001000 ip 0x11\n"));
}

static const char *followed(u32 *from)
{
	struct seq_buf out;

	seq_buf_init(&out, text, sizeof(text));
	black_box_follow(&out.seq, from);
	assert_false(out.seq.overflow);
	return text;
}

/* Once each, when it is over; interrupts by themselves aren't told, those with a trap in them are. */
static void test_follow(void **state)
{
	u32 from = black_box_mark();

	enter(3, 0x10, 1);
	enter(2, 0x20, 2);
	assert_string_equal(followed(&from), "");
	leave(2, 0x20, 2);
	assert_string_equal(followed(&from), "");
	leave(3, 0x11, 1);
	enter(240, 0x30, 1);
	leave(240, 0x30, 1);
	assert_string_equal(followed(&from), "    1 \\ v3 hit at 0x10\n"
					     "    2 | \\ v2 hit at 0x20\n"
					     "    2 | / v2 returns to 0x20\n"
					     "    1 / v3 returns to 0x11\n");
	assert_string_equal(followed(&from), "");
	enter(240, 0x30, 1);
	enter(1, 0x31, 2);
	leave(1, 0x31, 2);
	leave(240, 0x30, 1);
	assert_non_null(strstr(followed(&from), "    2 | \\ v1 hit at 0x31\n"));
}

static void test_follow_tells_traps(void **state)
{
	static const struct {
		u16 vector;
		bool told;
	} vectors[] = { { 1, true }, { 2, true }, { 3, true }, { 8, true }, { 14, false }, { 240, false } };
	u32 from = black_box_mark();

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		enter(vectors[i].vector, 0x10, 1);
		leave(vectors[i].vector, 0x10, 1);
		assert_int_equal(strlen(followed(&from)) != 0, vectors[i].told);
	}
}

/* Another thread's begins in the middle of an interrupt's. */
static void test_follow_switched(void **state)
{
	u32 from = black_box_mark();

	enter(240, 0x30, 1);
	enter(3, 0x10, 1);
	leave(3, 0x11, 1);
	leave(240, 0x30, 1);
	assert_string_equal(followed(&from), "    1 \\ v3 hit at 0x10\n    1 / v3 returns to 0x11\n");
	assert_int_equal(from, black_box_mark());
}

static void test_follow_lost(void **state)
{
	u32 from = black_box_mark();

	for (u32 i = 0; i < BLACK_BOX_RECORDS; i++) {
		enter(3, i, 1);
		leave(3, i, 1);
	}
	assert_true(strstr(followed(&from), "      ... 576 records lost ...\n") == text);
	assert_true(strlen(text) > 1000);
	assert_string_equal(followed(&from), "");
}

static u32 each_write; /* probes hit while something is printed: as many, each in and out */
static struct seq_buf busy_out;

static void busy_write(struct seq *s, const char *part, size_t len)
{
	for (u32 i = 0; i < each_write; i++) {
		enter(1, 0x999, 1);
		leave(1, 0x999, 1);
	}
	seq_write(&busy_out.seq, part, len);
}

static const char *followed_busily(u32 *from, u32 hits)
{
	struct seq out = { .write = busy_write };

	each_write = hits;
	seq_buf_init(&busy_out, text, sizeof(text));
	black_box_follow(&out, from);
	assert_false(busy_out.seq.overflow);
	return text;
}

/* Nothing is drawn of what has come in its place. */
static void test_follow_overtaken(void **state)
{
	u32 from = black_box_mark(), drawn_to, lines = 0;

	for (u32 i = 0; i < 200; i++) {
		enter(3, 0x10, 1);
		leave(3, 0x10, 1);
	}
	followed_busily(&from, 4);
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	drawn_to = from;
	assert_null(strstr(text, "0x999"));
	assert_in_range(lines, 2, 399);
	assert_true(strncmp(followed(&from), "      ... ", 10) == 0);
	assert_non_null(strstr(text, " records lost ...\n"));
	assert_int_equal(strtoul(text + 10, NULL, 10),
			 black_box_mark() - drawn_to - (BLACK_BOX_RECORDS - 64));
}

/* One that is longer than what is left of the ring: it may be wrong, and says so. */
static void test_follow_overwritten(void **state)
{
	u32 from = black_box_mark();

	enter(3, 0x10, 1);
	leave(3, 0x10, 1);
	followed_busily(&from, BLACK_BOX_RECORDS);
	assert_non_null(strstr(text, "      ... some of it overwritten before it was drawn ...\n"));
	from = black_box_mark();
	enter(3, 0x10, 1);
	leave(3, 0x10, 1);
	assert_string_equal(followed_busily(&from, 1),
			    "    1 \\ v3 hit at 0x10\n    1 / v3 returns to 0x10\n");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_nesting),		 cmocka_unit_test(test_recursion),
	cmocka_unit_test(test_recursion_edges),	 cmocka_unit_test(test_overwritten),
	cmocka_unit_test(test_long_rounds),	 cmocka_unit_test(test_list),
	cmocka_unit_test(test_siblings),	 cmocka_unit_test(test_stale),
	cmocka_unit_test(test_follow),		 cmocka_unit_test(test_follow_switched),
	cmocka_unit_test(test_follow_lost),	 cmocka_unit_test(test_follow_tells_traps),
	cmocka_unit_test(test_follow_overtaken), cmocka_unit_test(test_follow_overwritten),
};
HOST_TEST_MAIN(tests)
