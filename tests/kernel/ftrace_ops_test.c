/* Consumers of function entries: each gets what it asked for, while others come and go, and leaves nothing behind. */
#include "abi/errno.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/internal.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "rcu/rcu.h"
#include "sched/thread.h"
#include "tests/kernel/stress.h"
#include "trace/guard.h"

static volatile u64 own_parent, own_slot;
static noinline void watched_one(void)
{
	own_parent = (u64)__builtin_return_address(0);
	own_slot = (u64)__builtin_frame_address(0) + 8;
}
static noinline void watched_two(void) { barrier(); }
static noinline void call_one(void)
{
	watched_one();
	barrier();
}

struct consumer {
	struct ftrace_ops ops;
	u64 calls, ip, parent, slot;
	volatile bool alive;
	u64 late; /* calls while it wasn't alive */
};

/* notrace, as all consumers: called by a traced function. */
static notrace void count(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame)
{
	struct consumer *c = container_of(ops, struct consumer, ops);

	__atomic_fetch_add(&c->calls, 1, __ATOMIC_RELAXED);
	if (!c->alive)
		__atomic_fetch_add(&c->late, 1, __ATOMIC_RELAXED);
	c->ip = ip;
	c->parent = parent_ip;
	c->slot = (u64)&frame->parent;
}

static void begin(struct consumer *c, const char *pattern)
{
	*c = (struct consumer){ .ops.func = count, .alive = true };
	EXPECT_EQ(ftrace_set_filter(&c->ops, pattern, true), 0);
	EXPECT_EQ(register_ftrace_function(&c->ops), 0);
}
static void end(struct consumer *c)
{
	EXPECT_EQ(unregister_ftrace_function(&c->ops), 0);
	c->alive = false;
	ftrace_free_filter(&c->ops);
}

/* Where the call at @fn goes; 0: it is the nop. */
static u64 target_at(void (*fn)(void))
{
	static const u8 nop5[SITE_SIZE] = NOP5;
	s32 offset;

	if (memcmp((void *)fn, nop5, SITE_SIZE) == 0)
		return 0;
	memcpy(&offset, (u8 *)fn + 1, sizeof(offset));
	return (u64)fn + SITE_SIZE + (u64)(s64)offset;
}

KTEST(ftrace_ops, a_consumer_is_told_where_from_and_where_to)
{
	struct consumer c;

	begin(&c, "watched_one");
	call_one();
	watched_two();
	EXPECT_EQ(c.calls, 1);
	EXPECT_EQ(c.ip, watched_one);
	EXPECT_EQ(c.parent, own_parent);
	EXPECT_EQ(c.slot, own_slot);
	end(&c);
	call_one();
	EXPECT_EQ(c.calls, 1);
}

KTEST(ftrace_ops, each_has_its_own_filter)
{
	size_t free = trampolines_free();
	u64 frames = frames_free_count();
	struct consumer a, b;

	begin(&a, "watched_one");
	EXPECT_EQ(target_at(watched_one), a.ops.trampoline);
	begin(&b, "watched_*");
	EXPECT_EQ(trampolines_free(), free - 2);
	EXPECT_EQ(target_at(watched_one), ftrace_caller);
	EXPECT_EQ(target_at(watched_two), b.ops.trampoline);
	call_one();
	watched_two();
	EXPECT_EQ(a.calls, 1);
	EXPECT_EQ(b.calls, 2);
	EXPECT_EQ(ftrace_set_notrace(&b.ops, "*_one", true), 0);
	EXPECT_EQ(target_at(watched_one), a.ops.trampoline);
	call_one();
	EXPECT_EQ(a.calls, 2);
	EXPECT_EQ(b.calls, 2);
	end(&a);
	EXPECT_EQ(target_at(watched_one), 0);
	EXPECT_EQ(ftrace_set_notrace(&b.ops, "", true), 0);
	EXPECT_EQ(target_at(watched_one), b.ops.trampoline);
	end(&b);
	EXPECT_EQ(target_at(watched_one), 0);
	EXPECT_EQ(target_at(watched_two), 0);
	EXPECT_EQ(trampolines_free(), free);
	EXPECT_EQ(frames_free_count(), frames);
}

KTEST(ftrace_ops, what_makes_no_sense_is_refused)
{
	struct consumer c;

	begin(&c, "watched_one");
	EXPECT_EQ(register_ftrace_function(&c.ops), -EBUSY);
	EXPECT_EQ(ftrace_set_filter(&c.ops, "no_such_function", true), -EINVAL);
	EXPECT_EQ(ftrace_set_filter(&c.ops, "", false), -EINVAL);
	EXPECT_EQ(target_at(watched_one), c.ops.trampoline);
	end(&c);
	EXPECT_EQ(unregister_ftrace_function(&c.ops), -EINVAL);
}

KTEST(ftrace_ops, thirty_one_and_no_more)
{
	const size_t pages = ALIGN_UP((FTRACE_MAX_OPS + 1) * sizeof(struct consumer), PAGE_SIZE) / PAGE_SIZE;
	u64 pa = frames_alloc(pages);
	struct consumer *many = phys_to_virt(pa);
	size_t free = trampolines_free(), n = 0;

	EXPECT(pa);
	if (!pa)
		return;
	for (; n < free; n++)
		begin(&many[n], "watched_two");
	many[n] = (struct consumer){ .ops.func = count };
	EXPECT_EQ(register_ftrace_function(&many[n].ops), -ENOSPC);
	EXPECT_EQ(trampolines_free(), 0);
	watched_two();
	EXPECT_EQ(many[n].calls, 0);
	while (n--) {
		EXPECT_EQ(many[n].calls, 1);
		end(&many[n]);
	}
	EXPECT_EQ(trampolines_free(), free);
	frames_free(pa, pages);
}

/* Not notrace: it is traced itself, by itself. */
static u64 entries;
static void calls_traced(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame)
{
	entries++;
	watched_two();
}

KTEST(ftrace_ops, a_guarded_callback_may_be_traced_and_call_what_is)
{
	struct ftrace_ops ops = { .func = calls_traced, .flags = FTRACE_OPS_FL_RECURSION };
	u64 dropped = guard_dropped[GUARD_FUNCTION];
	u32 bits = guard_bits;

	EXPECT_EQ(thread_set_affinity(1), 0);
	entries = 0;
	EXPECT_EQ(ftrace_set_filter(&ops, "watched_two", true), 0);
	EXPECT_EQ(ftrace_set_filter(&ops, "calls_traced", false), 0);
	EXPECT_EQ(register_ftrace_function(&ops), 0);
	watched_two();
	EXPECT_EQ(unregister_ftrace_function(&ops), 0);
	ftrace_free_filter(&ops);
	EXPECT_EQ(entries, 1);
	EXPECT_EQ(guard_dropped[GUARD_FUNCTION], dropped + 2);
	EXPECT_EQ(guard_bits, bits);
	thread_set_affinity(CPU_MASK_ALL);
}

static struct {
	struct ftrace_ops ops;
	volatile bool inside, go, left, passed, unregistered;
} slow;

/* Preemption is as in the traced function: on. */
static notrace void be_slow(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame)
{
	slow.inside = true;
	while (!slow.go)
		cpu_relax();
	slow.left = true;
}

static int enter(void *arg)
{
	watched_two();
	slow.passed = true;
	return 0;
}
/* 1: it came back too early. */
static int leave(void *arg)
{
	unregister_ftrace_function(&slow.ops);
	slow.unregistered = true;
	return !slow.left;
}

KTEST(ftrace_ops, unregistering_waits_for_who_is_preempted_in_the_callback)
{
	struct thread *in, *out;

	EXPECT_EQ(thread_set_affinity(1), 0);
	memset(&slow, 0, sizeof(slow));
	slow.ops.func = be_slow;
	EXPECT_EQ(ftrace_set_filter(&slow.ops, "watched_two", true), 0);
	EXPECT_EQ(register_ftrace_function(&slow.ops), 0);
	in = thread_create("inside", enter, NULL, PRIORITY_DEFAULT, 1);
	EXPECT(in);
	while (!slow.inside && !slow.passed)
		thread_yield(); /* back here it has been preempted in there */
	EXPECT(slow.inside); /* or the tracer has left the function alone, as it does when a probe is at its entry */
	out = thread_create("leave", leave, NULL, PRIORITY_HIGH, 1);
	EXPECT(out);
	for (int i = 0; i < 5; i++)
		synchronize_rcu(); /* these it doesn't hold up */
	EXPECT(!slow.unregistered);
	slow.go = true;
	EXPECT_EQ(thread_join(out), 0);
	EXPECT_EQ(thread_join(in), 0);
	EXPECT(slow.unregistered);
	ftrace_free_filter(&slow.ops);
	thread_set_affinity(CPU_MASK_ALL);
}

static volatile bool stop;

static int call_for_ever(void *cpu)
{
	for (u64 n = 1; !stop; n++) {
		call_one();
		watched_two();
		if (n % 16 == 0)
			thread_yield();
		cpu_relax();
	}
	return 0;
}

/* Four that overlap, all in turn; whoever is called after its end says so. */
KTEST(ftrace_ops, consumers_come_and_go_under_running_cpus)
{
	static const char *const patterns[] = { "watched_one", "watched_*", "watched_two", "watched_t*" };
	static struct consumer all[4];
	size_t free = trampolines_free();
	unsigned rounds = 4 * stressed_each(24);

	stop = false;
	for (int i = 0; i < 4; i++)
		begin(&all[i], patterns[i]);
	crowd_start(call_for_ever, 1);
	for (unsigned n = 0; n < rounds; n++) {
		struct consumer *c = &all[n % 4];
		u64 before;

		end(c);
		EXPECT_EQ(c->late, 0);
		begin(c, patterns[n / 4 % 4]);
		before = READ_ONCE(c->calls);
		call_one();
		watched_two();
		EXPECT(READ_ONCE(c->calls) > before);
		EXPECT_EQ(ftrace_set_filter(&all[(n + 1) % 4].ops, patterns[n % 4], n % 2), 0);
	}
	stop = true;
	crowd_join();
	for (int i = 0; i < 4; i++) {
		end(&all[i]);
		EXPECT_EQ(all[i].late, 0);
	}
	EXPECT_EQ(target_at(watched_one), 0);
	EXPECT_EQ(target_at(watched_two), 0);
	EXPECT_EQ(trampolines_free(), free);
}
