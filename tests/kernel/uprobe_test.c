/* Probes in programs: what the program computes is what it was without, in every process, whenever they come and go. */
#include "kernel/uprobe/internal.h"

#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/uprobe.h"
#include "tests/kernel/user_process.h"

static void add_all(void)
{
	probed_places()->n = probed_places()->refused = 0;
	probed_add(probed_places(), "probed_zoo");
	probed_add(probed_places(), "probed_call");
	probed_add(probed_places(), "probed_leave");
	probed_add(probed_places(), "main");
}

/* A process that begins afterwards, and one that was there before; and then one that knows nothing of it. */
KTEST(uprobe, each_instruction_of_a_program)
{
	struct probed_run before;
	int status = probed_status();
	u64 hits;

	if (!probed_begin(&before))
		return;
	add_all();
	EXPECT(probed_places()->n > 100);
	probed_arm(probed_places());
	EXPECT_EQ(probed_status(), status);
	hits = probed_hits(probed_places());
	EXPECT(hits > 3 * probed_places()->n);
	probed_start(&before, 0, 0);
	EXPECT_EQ(probed_end(&before), status);
	EXPECT_EQ(probed_hits(probed_places()), 2 * hits);
	EXPECT_EQ(probed_status(), status);
	EXPECT_EQ(probed_hits(probed_places()), 3 * hits);
	for (unsigned i = 0; i < probed_places()->n; i++)
		uprobe_disarm(&probed_places()->probes[i]);
	EXPECT_EQ(probed_status(), status);
	EXPECT_EQ(probed_hits(probed_places()), 3 * hits);
	probed_drop(probed_places());
}

/* Of the program's text in memory, byte by byte, each way. */
KTEST(uprobe, the_text_is_as_it_was)
{
	static u8 text[2][512];
	struct probed_run r;
	u64 size, zoo = probed_function("probed_zoo", &size);

	if (!probed_begin(&r))
		return;
	EXPECT_EQ(space_read(r.process->space, zoo, text[0], sizeof(text[0])), 0);
	add_all();
	probed_arm(probed_places());
	EXPECT_EQ(space_read(r.process->space, zoo, text[1], sizeof(text[1])), 0);
	for (unsigned i = 0; i < probed_places()->n; i++)
		if (probed_places()->at[i] - zoo < sizeof(text[1]))
			EXPECT_EQ(text[1][probed_places()->at[i] - zoo], 0xcc);
	probed_drop(probed_places());
	EXPECT_EQ(space_read(r.process->space, zoo, text[1], sizeof(text[1])), 0);
	EXPECT(memcmp(text[0], text[1], sizeof(text[0])) == 0);
	process_kill(r.process, 3);
	EXPECT_EQ(probed_end(&r), 3);
}

static struct {
	u64 calls, ax, wrong;
} returned;
static u64 entered;

static void enter(struct uprobe *u, struct pt_regs *regs) { entered++; }
static void come_back(struct uprobe *u, struct pt_regs *regs, u64 ret_addr)
{
	returned.calls++;
	returned.ax += regs->ax;
	returned.wrong += regs->ip != ret_addr || ret_addr < 0x400000 || ret_addr >= 0x500000;
}

static bool probe_return(struct uprobe *u, const char *function)
{
	struct uprobe_spot spot;
	u64 size;

	*u = (struct uprobe){ .ret_handler = come_back };
	if (!probed_spot(probed_function(function, &size), &spot))
		return false;
	EXPECT_EQ(uprobe_register(u, &spot), 0);
	EXPECT_EQ(uprobe_arm(u), 0);
	return u->armed;
}

/* Two at one entry, with a probe there, too; and calls that are left without a return in between. */
KTEST(uprobe, returns_of_nested_calls_and_of_those_that_are_left)
{
	struct uprobe call[2], leave, left, entry = { .handler = enter };
	int status = probed_status();
	struct uprobe_spot spot;
	u64 size;

	memset(&returned, 0, sizeof(returned));
	entered = 0;
	if (!probe_return(&call[0], "probed_call") || !probe_return(&call[1], "probed_call") ||
	    !probe_return(&leave, "probed_leave") || !probe_return(&left, "fall") ||
	    !probed_spot(probed_function("fall", &size), &spot))
		return;
	EXPECT_EQ(uprobe_register(&entry, &spot), 0);
	EXPECT_EQ(uprobe_arm(&entry), 0);
	EXPECT_EQ(probed_status(), status);
	EXPECT_EQ(entered, 4);
	EXPECT_EQ(left.hits, 0);
	EXPECT_EQ(leave.hits, 1);
	EXPECT_EQ(call[0].hits, 13); /* 1 + 2 + 3 + 4, and 3 */
	EXPECT_EQ(call[1].hits, 13);
	EXPECT_EQ(returned.calls, 27);
	EXPECT_EQ(returned.wrong, 0);
	EXPECT_EQ(call[0].nmissed + call[1].nmissed + leave.nmissed + left.nmissed, 0);
	uprobe_unregister(&entry);
	uprobe_unregister(&left);
	uprobe_unregister(&leave);
	uprobe_unregister(&call[1]);
	uprobe_unregister(&call[0]);
}

/* Is an int3 wherever a probe is armed, and nowhere else? */
static unsigned wrong_bytes(struct space *s)
{
	unsigned wrong = 0;
	u8 byte;

	for (unsigned i = 0; i < probed_places()->n; i++)
		wrong += space_read(s, probed_places()->at[i], &byte, 1) != 0 ||
			 (byte == 0xcc) != !!probed_places()->probes[i].place->armed;
	return wrong;
}

/* They come and go while the program runs on all CPUs, and some of its processes are killed wherever they are. */
KTEST(uprobe, come_and_go_under_running_processes)
{
	struct probed_run r[4];
	int status = probed_status();
	struct uprobe ret;

	add_all();
	if (!probe_return(&ret, "probed_call"))
		return;
	for (unsigned round = 0; round < stressed(12); round++) {
		unsigned n = 0, left = round % 3;
		struct space *s = NULL;

		while (n < ARRAY_SIZE(r) && probed_begin(&r[n])) {
			s = s ?: process_space(r[n].process);
			if (!probed_start(&r[n], 0, 0))
				break;
			n++;
		}
		for (unsigned i = round % 7; i < probed_places()->n; i += 7)
			uprobe_arm(&probed_places()->probes[i]);
		if (round & 1)
			thread_yield();
		for (unsigned i = round % 7; i < probed_places()->n; i += 7 * (1 + round % 2))
			uprobe_disarm(&probed_places()->probes[i]);
		if (left)
			process_kill(r[0].process, 5);
		for (unsigned i = 0; i < n; i++) {
			int ended = probed_end(&r[i]);

			EXPECT(ended == status || (i == 0 && left && ended == 5));
		}
		if (s) {
			EXPECT_EQ(wrong_bytes(s), 0);
			space_put(s);
		}
	}
	uprobe_unregister(&ret);
	probed_drop(probed_places());
	EXPECT_EQ(probed_status(), status);
}

/* "mov OPERAND, %eax", which lies near by. */
static u64 copy_of_load(struct space *s, u64 va)
{
	struct displaced d = { .va = va, .bytes = { 0x8b, 0x05 } };

	EXPECT_EQ(insn_decode(&d.insn, d.bytes, sizeof(d.bytes)), 0);
	return copy_get(s, &d);
}

/* That of something so far away that it can't be in reach is refused, and takes nothing for good: also where a page begins with it. */
KTEST(uprobe, copies_that_cannot_be_made)
{
	struct space *s = space_create();
	size_t frames;

	if (!s)
		return;
	for (u64 i = 1; i < PAGE_SIZE / 32; i++)
		EXPECT_EQ(copy_of_load(s, 0x400000 + i * 16), COPIES_START + i * 32);
	EXPECT_EQ(copy_of_load(s, 0x7f0000000000), 0);
	frames = frames_free_count();
	EXPECT_EQ(copy_of_load(s, 0x7f0000000000), 0);
	EXPECT_EQ(frames_free_count(), frames);
	EXPECT_EQ(copy_of_load(s, 0x400000), COPIES_START + PAGE_SIZE);
	EXPECT_EQ(copy_of_load(s, 0x400000), COPIES_START + PAGE_SIZE);
	EXPECT_EQ(frames_free_count(), frames);
	space_put(s);
}

/* Its process pays for them, also when it may have no more: that is no reason for a probe to be taken out. */
KTEST(uprobe, copies_are_paid_for)
{
	struct account *a = account_create(NULL);
	struct space *s = space_create();

	if (!a || !s)
		return;
	s->account = a;
	account_get(a);
	EXPECT_EQ(copy_of_load(s, 0x400000), COPIES_START + 32);
	EXPECT_EQ(s->nr_tables, 3);
	EXPECT_EQ(a->used[ACCOUNT_PAGES], 3 + 3);
	a->limit[ACCOUNT_PAGES] = a->used[ACCOUNT_PAGES];
	for (u64 i = 2; i < PAGE_SIZE / 32; i++)
		EXPECT_EQ(copy_of_load(s, 0x400000 + i * 16), COPIES_START + i * 32);
	EXPECT_EQ(a->used[ACCOUNT_PAGES], 3 + 3);
	EXPECT_EQ(copy_of_load(s, 0x500000), COPIES_START + PAGE_SIZE);
	EXPECT_EQ(a->used[ACCOUNT_PAGES], 3 + 5);
	EXPECT_EQ(account_charge(a, ACCOUNT_PAGES, 1), -ENOMEM);
	space_put(s);
	EXPECT_EQ(a->used[ACCOUNT_PAGES], 0);
	account_put(a);
}

/* For an emulator that still sees the int3: only what is to be there, and there may be another one by now. */
KTEST(uprobe, text_is_written_once_more_as_it_is_to_be)
{
	struct uprobe u = { .handler = enter };
	struct uprobe_spot spot;
	struct probed_run r;
	u8 byte[2] = { 0, 0 };
	u64 size, offset, zoo = probed_function("probed_zoo", &size);
	struct memory *m;

	if (!probed_spot(zoo, &spot) || !probed_begin(&r))
		return;
	m = space_text(r.process->space, zoo, &offset);
	EXPECT_EQ(uprobe_register(&u, &spot), 0);
	EXPECT_EQ(uprobe_arm(&u), 0);
	uprobe_refresh(m, offset);
	EXPECT_EQ(space_read(r.process->space, zoo, &byte[0], 1), 0);
	uprobe_disarm(&u);
	uprobe_refresh(m, offset);
	EXPECT_EQ(space_read(r.process->space, zoo, &byte[1], 1), 0);
	uprobe_unregister(&u);
	EXPECT_EQ(byte[0], 0xcc);
	EXPECT_EQ(byte[1], spot.bytes[0]);
	memory_put(m);
	process_kill(r.process, 3);
	EXPECT_EQ(probed_end(&r), 3);
}

/* It is left to the copy whole. */
KTEST(uprobe, a_loop_to_where_nobody_can_go_has_not_counted)
{
	struct displaced d = { .va = USER_END - 2, .emulation = EMULATE_LOOP, .bytes = { 0xe2, 2 } };
	struct pt_regs regs = { .cx = 5 };

	EXPECT_EQ(insn_decode(&d.insn, d.bytes, sizeof(d.bytes)), 0);
	EXPECT(!uprobe_emulate(&regs, &d));
	d.va = 0x400000;
	EXPECT_EQ(regs.cx, 5);
	EXPECT(uprobe_emulate(&regs, &d));
	EXPECT_EQ(regs.cx, 4);
	EXPECT_EQ(regs.ip, 0x400004);
}

/* Nothing is left: neither of processes with copies, nor of probes without processes. */
KTEST(uprobe, gives_all_memory_back)
{
	size_t frames[2] = { 0, 0 };

	for (int i = 0; i < 2; i++) {
		add_all();
		probed_arm(probed_places());
		probed_status();
		probed_drop(probed_places());
		user_processes_settle();
		frames[i] = frames_free_count();
	}
	EXPECT(frames[1] + 4 >= frames[0]); /* pages of small objects, and a table of the direct map */
}
