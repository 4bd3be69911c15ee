/* Probes in programs: what the program computes is what it was without, in every process, whenever they come and go. */
#include "kernel/uprobe/uprobe.h"

#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/uprobe.h"
#include "tests/kernel/user_process.h"

static void add_all(void)
{
	probed_places.n = probed_places.refused = 0;
	probed_add(&probed_places, "probed_zoo");
	probed_add(&probed_places, "probed_call");
	probed_add(&probed_places, "probed_leave");
	probed_add(&probed_places, "main");
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
	EXPECT(probed_places.n > 100);
	probed_arm(&probed_places);
	EXPECT_EQ(probed_status(), status);
	hits = probed_hits(&probed_places);
	EXPECT(hits > 3 * probed_places.n);
	probed_start(&before, 0, 0);
	EXPECT_EQ(probed_end(&before), status);
	EXPECT_EQ(probed_hits(&probed_places), 2 * hits);
	EXPECT_EQ(probed_status(), status);
	EXPECT_EQ(probed_hits(&probed_places), 3 * hits);
	for (unsigned i = 0; i < probed_places.n; i++)
		uprobe_disarm(&probed_places.probes[i]);
	EXPECT_EQ(probed_status(), status);
	EXPECT_EQ(probed_hits(&probed_places), 3 * hits);
	probed_drop(&probed_places);
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
	probed_arm(&probed_places);
	EXPECT_EQ(space_read(r.process->space, zoo, text[1], sizeof(text[1])), 0);
	for (unsigned i = 0; i < probed_places.n; i++)
		if (probed_places.at[i] - zoo < sizeof(text[1]))
			EXPECT_EQ(text[1][probed_places.at[i] - zoo], 0xcc);
	probed_drop(&probed_places);
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

		while (n < ARRAY_SIZE(r) && probed_begin(&r[n]) && probed_start(&r[n], 0, 0))
			n++;
		for (unsigned i = round % 7; i < probed_places.n; i += 7)
			uprobe_arm(&probed_places.probes[i]);
		if (round & 1)
			thread_yield();
		for (unsigned i = round % 7; i < probed_places.n; i += 7 * (1 + round % 2))
			uprobe_disarm(&probed_places.probes[i]);
		if (left)
			process_kill(r[0].process, 5);
		for (unsigned i = 0; i < n; i++) {
			int s = probed_end(&r[i]);

			EXPECT(s == status || (i == 0 && left && s == 5));
		}
	}
	uprobe_unregister(&ret);
	probed_drop(&probed_places);
	EXPECT_EQ(probed_status(), status);
}

/* Nothing is left: neither of processes with copies, nor of probes without processes. */
KTEST(uprobe, gives_all_memory_back)
{
	size_t frames[2] = { 0, 0 };

	for (int i = 0; i < 2; i++) {
		add_all();
		probed_arm(&probed_places);
		probed_status();
		probed_drop(&probed_places);
		user_processes_settle();
		frames[i] = frames_free_count();
	}
	EXPECT(frames[1] + 4 >= frames[0]); /* pages of small objects, and a table of the direct map */
}
