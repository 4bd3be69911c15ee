/* What a probe costs, by the way in which its instruction is run; one nop is among the instructions. */
#include "kprobe/kprobe.h"
#include "lib/bug.h"
#include "lib/string.h"
#include "tests/bench/bench.h"
#include "tests/kernel/sweep.h"
#include "trace/ring_buffer.h"
#include "tracefs/tracefs.h"

static void hit(void) { __asm__ volatile(".globl bench_hit\nbench_hit: nop" ::: "memory"); }
/* The same of five bytes, which a jump can displace. */
static void hit5(void)
{
	__asm__ volatile(".globl bench_hit5\nbench_hit5: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00" ::: "memory");
}
extern u8 bench_hit[], bench_hit5[];

static void empty(struct kprobe *p, struct pt_regs *regs) {}

static struct kprobe probe;
static bool there;

/* A sweep may have taken all detours, or what else its technique needs. */
static void register_probe(void)
{
	const char *why;

	there = kprobe_register(&probe, &why) == 0;
	BUG_ON(!there && !sweep_nr_batch);
}

static void on(enum kprobe_technique t)
{
	probe = (struct kprobe){ .addr = (u64)(t == KPROBE_JUMP ? bench_hit5 : bench_hit),
				 .pre = empty,
				 .technique = t };
	register_probe();
	BUG_ON(there && kprobe_arm(&probe) != 0 && !sweep_nr_batch);
	kprobe_settle();
}
static void off(void)
{
	if (there)
		kprobe_unregister(&probe);
}

static void on_step(void) { on(KPROBE_STEP); }
static void on_int3(void) { on(KPROBE_INT3); }
static void on_emulate(void) { on(KPROBE_EMULATE); }
static void on_boost(void) { on(KPROBE_BOOST); }
static void on_jump(void) { on(KPROBE_JUMP); }

BENCH(bench_probe_step, .name = "a probe, empty handler: int3 and #DB", .setup = on_step, .once = hit,
      .teardown = off);
BENCH(bench_probe_int3, .name = "the same: int3 and int3", .setup = on_int3, .once = hit, .teardown = off);
BENCH(bench_probe_emulate, .name = "the same: int3, emulated", .setup = on_emulate, .once = hit,
      .teardown = off);
BENCH(bench_probe_boost, .name = "the same: int3, and the copy jumps back", .setup = on_boost, .once = hit,
      .teardown = off);
BENCH(bench_probe_jump, .name = "the same: a jump to a detour", .setup = on_jump, .once = hit5,
      .teardown = off);

static void register_one(void)
{
	probe = (struct kprobe){ .addr = (u64)bench_hit, .pre = empty };
	register_probe();
}
BENCH(bench_register, .name = "register a probe", .once = register_one, .undo = off);

static void write_file(const char *path, const char *text)
{
	BUG_ON(tracefs_write(path, text, strlen(text), false) != 0);
}
static void event_at(const char *definition)
{
	write_file(TRACEFS_MOUNT "/kprobe_events", definition);
	write_file(TRACEFS_MOUNT "/events/bench/hit/enable", "1");
	kprobe_settle();
}
static void event_on(void) { event_at("p:bench/hit bench_hit\n"); }
static void event5_on(void) { event_at("p:bench/hit bench_hit5\n"); }
static void event_off(void)
{
	write_file(TRACEFS_MOUNT "/events/bench/hit/enable", "0");
	write_file(TRACEFS_MOUNT "/kprobe_events", "");
	ring_buffer_reset();
}
BENCH(bench_probe_event, .name = "a probe's event into the ring, by int3", .setup = event_on, .once = hit,
      .teardown = event_off);
BENCH(bench_probe_event_jump, .name = "the same, by a jump", .setup = event5_on, .once = hit5,
      .teardown = event_off);
