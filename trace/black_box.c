/* The black box, read: entry.asm writes it, people look at it. */
#include "trace/black_box.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/vectors.h"
#include "lib/compiler.h"
#include "lib/ctl.h"

DEFINE_PER_CPU(struct bb_record, bb_ring[BLACK_BOX_RECORDS]);
DEFINE_PER_CPU(u64, bb_head);
ACCOUNT(3, u32, bb_depth);

/* Rounds of a recursion shown before the rest is folded into one line. */
#define ROUNDS_SHOWN 3
/* The longest round looked for: an int3, its return and a #DB are three records. */
#define MAX_PERIOD 4

u32 black_box_mark(void) { return (u32)(READ_ONCE(this_cpu(bb_head)) / sizeof(struct bb_record)); }

/* __emergency: the bust path writes through it while everything else may be probed. */
__emergency void black_box_note(u16 vector, enum bb_direction direction, u64 ip, u64 sp, u32 depth)
{
	u64 slot = sizeof(struct bb_record);

	__asm__ volatile("xaddq %0, %1" : "+r"(slot), "+m"(this_cpu(bb_head)) : : "memory");
	slot = slot / sizeof(struct bb_record) & (BLACK_BOX_RECORDS - 1);
	this_cpu_at(bb_ring, slot).tsc = rdtsc();
	this_cpu_at(bb_ring, slot).ip = ip;
	this_cpu_at(bb_ring, slot).sp = sp;
	this_cpu_at(bb_ring, slot).depth = depth;
	this_cpu_at(bb_ring, slot).vector = vector;
	this_cpu_at(bb_ring, slot).direction = (u16)direction;
}

static struct bb_record record_at(u32 n)
{
	struct bb_record r;
	u32 slot = n & (BLACK_BOX_RECORDS - 1);

	r.tsc = this_cpu_at(bb_ring, slot).tsc;
	r.ip = this_cpu_at(bb_ring, slot).ip;
	r.sp = this_cpu_at(bb_ring, slot).sp;
	r.depth = this_cpu_at(bb_ring, slot).depth;
	r.vector = this_cpu_at(bb_ring, slot).vector;
	r.direction = this_cpu_at(bb_ring, slot).direction;
	return r;
}

/* The first record that can be shown: not before @mark, not overwritten, not more than @max before @end. */
static u32 first_record(u32 mark, u32 end, unsigned max)
{
	u32 n = end - mark;

	if (n > BLACK_BOX_RECORDS)
		n = BLACK_BOX_RECORDS;
	if (n > max)
		n = max;
	if (n > end)
		n = end;
	return end - n;
}

static const char *by_direction(const struct bb_record *r, const char *entry, const char *exit,
				const char *resume)
{
	switch (r->direction) {
	case BB_ENTRY:
		return entry;
	case BB_EXIT:
		return exit;
	default:
		return resume;
	}
}

void black_box_list(struct seq *out, u32 mark, unsigned max)
{
	u32 end = black_box_mark();
	char buf[8];

	for (u32 n = first_record(mark, end, max); n != end; n++) {
		struct bb_record r = record_at(n);

		seq_printf(out, "%10u %16lu %2u %s %-6s sp %016lx ip %pS\n", n, r.tsc, r.depth,
			   by_direction(&r, "enter ", "leave ", "resume"), vector_name(r.vector, buf), r.sp,
			   (void *)r.ip);
	}
}

/* A round of a recursion looks like the one before: same vector, direction and ip, one deeper. */
static bool repeats(u32 n, u32 before)
{
	struct bb_record r = record_at(n), b = record_at(before);

	return r.vector == b.vector && r.direction == b.direction && r.ip == b.ip && r.depth == b.depth + 1;
}

/* How many rounds of @period records each begin at @n. */
static u32 count_rounds(u32 n, u32 end, u32 period)
{
	u32 same = 0;

	while (n + period + same != end && repeats(n + period + same, n + same))
		same++;
	return same / period + 1;
}

static void draw_lines(struct seq *out, u32 n, u32 count)
{
	char buf[8];

	for (; count; n++, count--) {
		struct bb_record r = record_at(n);

		seq_printf(out, "  %3u ", r.depth);
		for (u32 i = 1; i < r.depth && i < 24; i++)
			seq_puts(out, "| ");
		seq_printf(out, "%s %s %s %pS\n", by_direction(&r, "\\", "/", "<=="),
			   vector_name(r.vector, buf), by_direction(&r, "hit at", "returns to", "resumes at"),
			   (void *)r.ip);
	}
}

/* Draws what begins at @n, all rounds of it or one record; how many records that was. */
static u32 draw_some(struct seq *out, u32 n, u32 end)
{
	for (u32 period = 1; period <= MAX_PERIOD && end - n > period; period++) {
		u32 rounds = count_rounds(n, end, period), hidden = rounds - ROUNDS_SHOWN - 1;

		if (rounds < ROUNDS_SHOWN + 2)
			continue;
		draw_lines(out, n, ROUNDS_SHOWN * period);
		seq_printf(out, "%6s... the same, each inside the one before: %u round%s not drawn ...\n", "",
			   hidden, hidden == 1 ? "" : "s");
		draw_lines(out, n + (rounds - 1) * period, period);
		return rounds * period;
	}
	draw_lines(out, n, 1);
	return 1;
}

static void draw(struct seq *out, u32 n, u32 end)
{
	while (n != end)
		n += draw_some(out, n, end);
}

void black_box_draw(struct seq *out, u32 mark)
{
	u32 end = black_box_mark();

	draw(out, first_record(mark, end, BLACK_BOX_RECORDS), end);
}

static bool begins_outside(u32 n)
{
	struct bb_record r = record_at(n);

	return r.depth <= 1 && r.direction == BB_ENTRY;
}

static bool ends_outside(u32 n)
{
	struct bb_record r = record_at(n);

	return r.depth <= 1 && r.direction == BB_EXIT;
}

/*
 * Behind the records of the outermost vector that begins at @n; 0: it hasn't ended. Threads are exchanged in interrupts, so another may
 * begin before it has.
 */
static u32 end_of_outermost(u32 n, u32 end)
{
	while (n != end) {
		if (ends_outside(n++) || (n != end && begins_outside(n)))
			return n;
	}
	return 0;
}

/* Interrupts and processes' faults come all the time. */
static bool is_told(u32 n, u32 end)
{
	for (; n != end; n++) {
		u16 vector = record_at(n).vector;

		if (vector == X86_TRAP_DB || vector == X86_TRAP_NMI || vector == X86_TRAP_BP ||
		    vector == X86_TRAP_DF)
			return true;
	}
	return false;
}

/* What is written meanwhile may come upon the oldest: then the rest is lost, and the next one says so. */
#define FOLLOWED (BLACK_BOX_RECORDS - 64)
#define INTACT	 (BLACK_BOX_RECORDS - 32)

static u32 written_since(u32 n) { return black_box_mark() - n; }

void black_box_follow(struct seq *out, u32 *from)
{
	u32 end = black_box_mark(), n = first_record(*from, end, FOLLOWED), next;

	if (n != *from)
		seq_printf(out, "%6s... %u records lost ...\n", "", n - *from);
	for (; n != end && written_since(n) <= INTACT && (next = end_of_outermost(n, end)); n = next) {
		if (!is_told(n, next))
			continue;
		draw(out, n, next);
		if (written_since(n) > BLACK_BOX_RECORDS)
			seq_printf(out, "%6s... some of it overwritten before it was drawn ...\n", "");
	}
	*from = n;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	black_box_list(out, 0, BLACK_BOX_RECORDS);
	return 0;
}
CTL_FILE(ctl_blackbox, .path = "blackbox", .show = show);

/* "nest": the picture, from the last write to it on. */
static u32 nest_mark;

static int nest_show(struct seq *out, const struct ctl_file *self)
{
	black_box_draw(out, nest_mark);
	return 0;
}

static int nest_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	nest_mark = black_box_mark();
	return 0;
}
CTL_FILE(ctl_nest, .path = "nest", .show = nest_show, .store = nest_store);
