/* Filters and triggers: what they let pass and what they do, in every context, and while they are changed. */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "ftrace/event.h"
#include "ftrace/ftrace.h"
#include "lib/printf.h"
#include "lib/symtab.h"
#include "mm/frames.h"
#include "sched/thread.h"
#include "tests/kernel/events.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"
#include "trace/event_record.h"
#include "trace/guard.h"
#include "trace/ring_buffer.h"

#define DIR "events/timer/timer_expire_entry/"

/* Nobody else's record has this @baseclk. */
static noinline void hit(u64 n) { tracepoint(timer_expire_entry, NULL, n, NULL, 77); }
static unsigned hits(u64 n) { return events_seen("now=%lu baseclk=77\n", n); }

static void begin(void)
{
	EXPECT_EQ(events_write(DIR "enable", "1"), 0);
	events_clear();
}
static void end(void)
{
	EXPECT_EQ(events_write(DIR "enable", "0"), 0);
	EXPECT_EQ(events_write(DIR "filter", "0"), 0);
}

KTEST(events, a_filter_lets_pass_what_it_says)
{
	begin();
	EXPECT_EQ(events_write(DIR "filter", "now == 3 || now > 7 && common_pid != 0"), 0);
	for (u64 n = 0; n < 10; n++)
		hit(n);
	EXPECT_EQ(hits(2) + hits(4) + hits(7), 0);
	EXPECT_EQ(hits(3) + hits(8) + hits(9), 3);
	EXPECT_EQ(events_write(DIR "filter", "comm == \"nobody\""), 0);
	hit(20);
	EXPECT_EQ(hits(20), 0);
	end();
}

KTEST(events, a_refused_filter_leaves_the_old_one)
{
	begin();
	EXPECT_EQ(events_write(DIR "filter", "now == 3"), 0);
	EXPECT_EQ(events_write(DIR "filter", "nosuch == 3"), -EINVAL);
	EXPECT(strstr(events_read(DIR "filter"),
		      "parse_error: Field not found\n\nstill in force: now == 3\n"));
	hit(2);
	hit(3);
	EXPECT_EQ(hits(2), 0);
	EXPECT_EQ(hits(3), 1);
	end();
	EXPECT(!strcmp(events_read(DIR "filter"), "none\n"));
}

KTEST(events, switches_of_tracing)
{
	begin();
	EXPECT_EQ(events_write(DIR "trigger", "traceoff:1 if now == 5"), 0);
	EXPECT(!strcmp(events_read(DIR "trigger"), "traceoff:count=1 if now == 5\n"));
	EXPECT_EQ(events_write(DIR "trigger", "traceoff"), -EEXIST);
	for (u64 n = 4; n < 7; n++)
		hit(n);
	EXPECT(!tracing_is_on());
	tracing_on();
	EXPECT_EQ(hits(4), 1);
	EXPECT_EQ(hits(5) + hits(6), 0); /* as on Linux, the one that does it isn't recorded */
	hit(5);
	EXPECT(tracing_is_on());
	EXPECT_EQ(hits(5), 1); /* the count is used up */
	EXPECT_EQ(events_write(DIR "trigger", "!traceoff"), 0);
	EXPECT_EQ(events_write(DIR "trigger", "traceon"), 0);
	tracing_off();
	hit(8);
	EXPECT(tracing_is_on());
	EXPECT_EQ(events_write(DIR "trigger", "!traceon"), 0);
	end();
}

KTEST(events, a_trigger_works_without_recording)
{
	events_clear();
	EXPECT_EQ(events_write(DIR "trigger", "stacktrace:2"), 0);
	EXPECT(!strcmp(events_read(DIR "enable"), "0*\n"));
	for (u64 n = 0; n < 3; n++)
		hit(n);
	EXPECT_EQ(hits(0) + hits(1) + hits(2), 0);
	EXPECT_EQ(events_seen("<stack trace>"), 2);
	EXPECT_EQ(events_seen(" => ktest_events_a_trigger_works_without_recording\n"), 2);
	EXPECT(!strcmp(events_read(DIR "trigger"), "stacktrace:count=0\n"));
	EXPECT_EQ(events_write(DIR "trigger", "!stacktrace"), 0);
	EXPECT(!strcmp(events_read(DIR "enable"), "0\n"));
	EXPECT(!event_timer_expire_entry.key.on);
}

KTEST(events, counts_by_key)
{
	char want[64];

	EXPECT_EQ(events_write(DIR "trigger",
			       "hist:keys=now:sort=hitcount.descending:size=128 if baseclk == 77"),
		  0);
	for (u64 n = 1; n <= 200; n++)
		for (u64 k = 0; k < (n == 3 ? 5 : 1); k++)
			hit(n);
	EXPECT(strstr(
		events_read(DIR "hist"),
		"\n\n{ now:          3 } hitcount:          5\n{ now:        128 } hitcount:          1\n"));
	snprintf(want, sizeof(want), "Hits: 132\n    Entries: 128\n    Dropped: 72\n");
	EXPECT(strstr(events_read(DIR "hist"), want));
	EXPECT_EQ(events_write(DIR "trigger", "!hist:keys=now"), 0);
	EXPECT_EQ(*events_read(DIR "hist"), 0);
}

/* A tracepoint that is hit while it is recorded. notrace: called by a traced function. */
static notrace void hit_again(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame)
{
	hit(1000);
}

KTEST(events, an_event_of_its_own_recording_is_dropped_and_counted)
{
	struct ftrace_ops ops = { .func = hit_again };
	u64 drops;

	EXPECT_EQ(ftrace_set_filter(&ops, "event_filter_match", true), 0);
	begin();
	EXPECT_EQ(events_write(DIR "filter", "baseclk == 77"), 0);
	EXPECT_EQ(register_ftrace_function(&ops), 0);
	preempt_disable(); /* or it would be another CPU's that is read */
	drops = this_cpu_at(guard_dropped, GUARD_TRACEPOINT);
	hit(1);
	EXPECT_EQ(this_cpu_at(guard_dropped, GUARD_TRACEPOINT) - drops, 1);
	preempt_enable();
	EXPECT_EQ(unregister_ftrace_function(&ops), 0);
	ftrace_free_filter(&ops);
	EXPECT_EQ(hits(1), 1);
	EXPECT_EQ(hits(1000), 0);
	end();
}

KTEST(events, a_snapshot)
{
	begin();
	EXPECT_EQ(events_write(DIR "trigger", "snapshot:1 if now == 5"), 0);
	EXPECT(!strcmp(events_read(DIR "trigger"), "snapshot:count=1 if now == 5\n"));
	for (u64 n = 3; n < 8; n++)
		hit(n == 7 ? 5 : n);
	EXPECT_EQ(hits(3) + hits(4), 0);
	EXPECT_EQ(hits(5), 2); /* as on Linux, the one that takes it isn't in it */
	EXPECT_EQ(hits(6), 1);
	EXPECT_EQ(events_seen_in("snapshot", "now=3 baseclk=77\n"), 1);
	EXPECT_EQ(events_seen_in("snapshot", "now=4 baseclk=77\n"), 1);
	EXPECT_EQ(events_seen_in("snapshot", " baseclk=77\n"), 2);
	EXPECT_EQ(events_write(DIR "trigger", "!snapshot"), 0);
	EXPECT_EQ(events_write("snapshot", "0"), 0);
	end();
}

static noinline void probed(void) { __asm__ volatile("" ::: "memory"); }

static noinline void inner(void) { __asm__ volatile("" ::: "memory"); }
static void on_outer(struct kprobe *p, struct pt_regs *regs)
{
	hit(2000);
	inner();
}

/*
 * Its context is NMI-like. Inside its handler probes are missed: twice on the way of its record, which isn't told, since
 * that tracepoint is busy; on inner(), which is; and on the way of that record, before its guard and after, which only
 * count.
 */
KTEST(events, in_a_trap_whose_way_is_probed)
{
	struct kprobe outer = { .addr = (u64)probed, .pre = on_outer, .technique = KPROBE_EMULATE };
	struct kprobe on_inner = { .addr = (u64)inner, .technique = KPROBE_EMULATE };
	struct kprobe on_way = { .addr = (u64)event_triggers_fire, .technique = KPROBE_EMULATE };
	struct kprobe on_recorder = { .addr = (u64)record_kprobe_missed, .technique = KPROBE_EMULATE };
	struct cpu_accounts before = accounts_now();

	begin();
	EXPECT_EQ(events_write("events/nestling/kprobe_missed/enable", "1"), 0);
	if (probe_on(&outer) && probe_on(&on_inner) && probe_on(&on_way) && probe_on(&on_recorder)) {
		probed();
		probe_off(&on_recorder);
		probe_off(&on_way);
		probe_off(&on_inner);
		probe_off(&outer);
	}
	EXPECT_EQ(events_write("events/nestling/kprobe_missed/enable", "0"), 0);
	EXPECT_EQ(hits(2000), 1);
	EXPECT(events_seen("z..") + events_seen("z1.") >= 2);
	EXPECT_EQ(on_inner.nmissed, 1);
	EXPECT_EQ(on_way.nmissed, 4);
	EXPECT_EQ(on_recorder.nmissed, 3);
	EXPECT_EQ(events_seen("kprobe_missed: addr=inner\n"), 1);
	EXPECT_EQ(events_seen("kprobe_missed: "), 1);
	end();
	EXPECT_ACCOUNTS(before);
}

static volatile bool stop;

static int hit_for_ever(void *cpu)
{
	int n = 0;

	for (; !stop; n++) {
		hit(3);
		if (n % 16 == 0)
			thread_yield();
		cpu_relax();
	}
	return n;
}

/* True of a record with @now 3 up to its last term, and long: whoever finds it emptied on the way lets the record pass. */
static const char *long_filter(int last)
{
	static char text[512];
	size_t n = 0;

	for (int i = 10; i < 40; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "now != %d && ", i);
	snprintf(text + n, sizeof(text) - n, "now == %d", last);
	return text;
}

/* A filter that is freed too early becomes another's frame, which is zeroed first. */
KTEST(events, filters_are_replaced_under_load)
{
	unsigned rounds = stressed(100);

	EXPECT_EQ(events_write(DIR "filter", long_filter(1)), 0);
	begin();
	stop = false;
	crowd_start(hit_for_ever, 2);
	for (unsigned i = 0; i < rounds; i++) {
		EXPECT_EQ(events_write(DIR "filter", long_filter(1 + i % 2)), 0);
		EXPECT_EQ(events_write(DIR "filter", "now =="), -EINVAL);
		thread_yield();
	}
	stop = true;
	EXPECT(crowd_join() > 0);
	EXPECT_EQ(hits(3), 0);
	end();
}

KTEST(events, all_is_switched_under_load)
{
	unsigned rounds = stressed(10);

	stop = false;
	crowd_start(hit_for_ever, 2);
	for (unsigned i = 0; i < rounds; i++) {
		EXPECT_EQ(events_write("events/enable", "1"), 0);
		EXPECT_EQ(events_write(DIR "trigger", "hist:keys=now"), 0);
		EXPECT_EQ(events_write(DIR "trigger", "stacktrace:10 if now == 3"), 0);
		thread_yield();
		EXPECT_EQ(events_write(DIR "trigger", "!stacktrace"), 0);
		EXPECT_EQ(events_write("events/enable", "0"), 0);
		EXPECT_EQ(events_write(DIR "trigger", "!hist:keys=now"), 0);
	}
	stop = true;
	EXPECT(crowd_join() > 0);
	EXPECT(!event_timer_expire_entry.fast && !event_timer_expire_entry.key.on);
	events_clear();
	hit(3);
	EXPECT_EQ(hits(3), 0);
}

static bool asked;
static u64 written_before;
static void switch_off(struct kprobe *p, struct pt_regs *regs)
{
	if (asked || preempt_depth() || ring_buffer_written() != written_before)
		return;
	asked = true;
	WRITE_ONCE(event_timer_expire_entry.recording, false);
	event_choose_way(&event_timer_expire_entry);
}

/* At each instruction of its recorder in turn a thread is preempted, as far as it can be, and others switch the event off. */
KTEST(events, a_thread_that_goes_on_records_nothing_that_is_off)
{
	const u8 *code = (const u8 *)record_timer_expire_entry;
	struct symbol sym;
	struct insn insn;
	unsigned places = 0, recorded = 0;

	EXPECT(symtab_find(&kernel_symtab, (u64)code, &sym));
	asked = true;
	begin();
	for (u64 off = 0; off < sym.size && insn_decode(&insn, code + off, INSN_MAX_LENGTH) == 0;
	     off += insn.length) {
		struct kprobe p = { .addr = (u64)code + off, .pre = switch_off };
		const char *why;

		if (kprobe_register(&p, &why) != 0)
			continue;
		EXPECT_EQ(event_set_recording(&event_timer_expire_entry, true), 0);
		if (kprobe_arm(&p) == 0) {
			written_before = ring_buffer_written();
			asked = false;
			hit(off);
			if (asked) {
				places++;
				recorded += hits(off) != 0;
			}
			asked = true;
		}
		kprobe_unregister(&p);
	}
	EXPECT_EQ(event_set_recording(&event_timer_expire_entry, true), 0);
	EXPECT(places > 3);
	EXPECT_EQ(recorded, 0);
	end();
}

/* Rings are exchanged by every hit, on any CPU, while they are emptied, resized, taken away and made again. */
KTEST(events, snapshots_under_load)
{
	unsigned rounds = stressed(20);
	u64 frames = frames_free_count();

	EXPECT_EQ(events_write(DIR "trigger", "snapshot if now == 3"), 0);
	begin();
	stop = false;
	crowd_start(hit_for_ever, 2);
	for (unsigned i = 0; i < rounds; i++) {
		EXPECT_EQ(events_write("snapshot", i % 4 == 0 ? "0" : i % 4 == 1 ? "1" : "2"), 0);
		EXPECT_EQ(events_write("buffer_size_kb", i % 2 ? "64" : "256"), 0);
		EXPECT_EQ(events_seen("[LOST") + events_seen("Unknown type"), 0);
		thread_yield();
	}
	stop = true;
	EXPECT(crowd_join() > 0);
	EXPECT_EQ(events_write(DIR "trigger", "!snapshot"), 0);
	events_clear();
	hit(9);
	EXPECT_EQ(hits(9), 1);
	EXPECT_EQ(events_write("buffer_size_kb", "256"), 0);
	EXPECT_EQ(events_write("snapshot", "0"), 0);
	end();
	EXPECT_EQ(frames_free_count(), frames);
}
