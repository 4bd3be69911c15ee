/* What "debug" finds out about small objects: each misuse is reported, with what and who, and does no harm. */
#include "arch/x86/mm/paging.h"
#include "kernel/printk.h"
#include "lib/compiler.h"
#include "lib/debug.h"
#include "lib/ktest.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"

#define SIZE  40 /* in objects of 64 */
#define CLASS 64
#define LEFT  0x55 /* what a test writes where it shouldn't */

/* Of all that is written to it, the last line and how many there were. */
struct line_sink {
	struct seq seq;
	char last[256];
	size_t len, lines;
};

static void sink_write(struct seq *s, const char *text, size_t len)
{
	struct line_sink *k = container_of(s, struct line_sink, seq);

	for (size_t i = 0; i < len; i++) {
		if (k->len == sizeof(k->last) - 1 || (k->len && k->last[k->len - 1] == '\n'))
			k->len = 0;
		k->last[k->len++] = text[i];
		k->last[k->len] = 0;
		k->lines += text[i] == '\n';
	}
}

/* Analysers know kfree(), and what may not be done after it; here it is done on purpose. */
static void (*volatile give_back)(void *object) = kfree;

static struct line_sink log = { .seq.write = sink_write };

static void read_log(void)
{
	log.len = log.lines = 0;
	log.last[0] = 0;
	printk_show_log(&log.seq);
}

static void expect_in_report(const char *what)
{
	if (!strstr(log.last, what))
		ktest_fail(log.last, 0, what, 0, 1);
}

/* The log's last line names the misuse, the object and its size (0: unknown), and the function @by. */
static void expect_report(const char *what, const void *object, size_t size, const char *by)
{
	char text[64];

	read_log();
	expect_in_report(what);
	snprintf(text, sizeof(text), "0x%lx", (u64)object);
	expect_in_report(text);
	snprintf(text, sizeof(text), "of %zu bytes", size);
	if (size)
		expect_in_report(text);
	snprintf(text, sizeof(text), " by %s+0x", by);
	if (!strstr(log.last, text))
		snprintf(text, sizeof(text), " for %s+0x", by);
	expect_in_report(text);
}

static bool all_are(const u8 *at, size_t n, u8 byte)
{
	for (size_t i = 0; i < n; i++)
		if (at[i] != byte)
			return false;
	return true;
}

/* "debug" on for a test, with an object that keeps its page from going: the one from which the next will come, too. */
static bool debug_before;
static void *companions[256]; /* all but two may be the last of pages that others have left so */

static void begin(void)
{
	debug_before = static_key_enabled(&debug_key);
	static_key_set(&debug_key, true);
	for (size_t i = 0; i < ARRAY_SIZE(companions); i++) {
		companions[i] = kmalloc(SIZE);
		if (i && ALIGN_DOWN((u64)companions[i], PAGE_SIZE) ==
				 ALIGN_DOWN((u64)companions[i - 1], PAGE_SIZE)) {
			give_back(companions[i]);
			companions[i] = NULL;
			return;
		}
	}
	ktest_fail(__FILE__, __LINE__, "no two objects in one page", 0, 1);
}

static void end(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(companions); i++) {
		give_back(companions[i]);
		companions[i] = NULL;
	}
	static_key_set(&debug_key, debug_before);
}

KTEST(kmalloc, fresh_and_freed_memory_is_junk)
{
	u8 *o;

	begin();
	o = kmalloc(SIZE);
	EXPECT(all_are(o, SIZE, 0x6a));
	memset(o, 0, SIZE);
	give_back(o);
	EXPECT(all_are(o, CLASS, 0x6b));
	EXPECT_EQ(kmalloc(SIZE), o);
	EXPECT(all_are(o, SIZE, 0x6a));
	give_back(o);
	end();
}

/* Who was allocated checked is freed checked: nothing is found when it is allocated again. */
KTEST(kmalloc, debug_goes_off_between_allocating_and_freeing)
{
	u8 *o;

	begin();
	o = kmalloc(SIZE);
	memset(o, 0, SIZE);
	static_key_set(&debug_key, false);
	give_back(o);
	static_key_set(&debug_key, true);
	EXPECT(all_are(o, CLASS, 0x6b));
	EXPECT_EQ(kmalloc(SIZE), o);
	give_back(o);
	end();
}

/* Writes at @offset of an object; freeing it is reported and leaves it as it is, for good. */
static noinline void spoil(int offset, const char *what)
{
	volatile u8 *o = kmalloc(SIZE);
	size_t before = frames_free_count();
	void *next;

	o[0] = o[offset] = LEFT;
	give_back((void *)o);
	expect_report(what, (void *)o, SIZE, "spoil");
	EXPECT_EQ(o[offset], LEFT);
	EXPECT_EQ(o[0], LEFT);
	EXPECT_EQ(frames_free_count(), before);
	next = kmalloc(SIZE);
	EXPECT(next != o);
	give_back(next);
}

KTEST(kmalloc, writing_beyond_an_object_is_reported)
{
	begin();
	spoil(SIZE, "written beyond its end");
	spoil(CLASS - 1, "written beyond its end");
	spoil(CLASS + 31, "written beyond its end");
	spoil(-1, "written before its start");
	spoil(-10, "written before its start");
	spoil(-14, "written before its start");
	end();
}

static noinline void free_it(void *object) { give_back(object); }

KTEST(kmalloc, writing_to_a_freed_object_is_reported)
{
	volatile u8 *o;
	void *next;

	begin();
	o = kmalloc(SIZE);
	free_it((void *)o);
	o[SIZE - 1] = LEFT;
	next = kmalloc(SIZE);
	EXPECT(next && next != o);
	expect_report("written after it was freed", (void *)o, SIZE, "free_it");
	EXPECT_EQ(o[SIZE - 1], LEFT);
	give_back(next);
	end();
}

KTEST(kmalloc, a_double_free_is_reported)
{
	void *o, *one, *other;

	begin();
	o = kmalloc(SIZE);
	give_back(o);
	free_it(o);
	expect_report("freed already", o, SIZE, "free_it");
	one = kmalloc(SIZE);
	other = kmalloc(SIZE);
	EXPECT(one && other && one != other);
	give_back(one);
	give_back(other);
	end();
}

KTEST(kmalloc, a_double_free_is_reported_when_the_page_has_gone)
{
	size_t before = frames_free_count();
	void *o;

	begin();
	o = kmalloc(2000); /* alone on its page */
	give_back(o);
	free_it(o);
	expect_report("freed already, and its page", o, 0, "free_it");
	end();
	EXPECT_EQ(frames_free_count(), before);
}

static void expect_foreign(const void *p)
{
	free_it((void *)p);
	expect_report("not from kmalloc", p, 0, "free_it");
}

KTEST(kmalloc, freeing_what_is_no_object_is_reported)
{
	u64 on_stack, pa = frame_alloc();
	size_t lines;

	begin();
	expect_foreign(&on_stack);
	expect_foreign(companions);
	expect_foreign("text");
	expect_foreign(phys_to_virt(pa));
	expect_foreign((void *)0x10);
	expect_foreign((void *)0x1234567890abcdeful);
	expect_foreign((void *)~0ul);
	for (int offset = -48; offset <= 48; offset += 8) {
		if (!offset)
			continue;
		free_it((u8 *)companions[0] + offset);
		expect_report("not the start of an object", (u8 *)companions[0] + offset, 0, "free_it");
	}
	read_log();
	lines = log.lines;
	frame_free(pa);
	end();
	read_log();
	EXPECT_EQ(log.lines, lines); /* the companion came to no harm */
}
