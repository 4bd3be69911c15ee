/*
 * Random system calls by the boot module's crashme: whoever makes them may die of it, and nobody else; and nothing is left.
 *
 * A witness and its server run beside, and say at their end whether all was well with them.
 */
#include "user/crashme/crashme.h"

#include "abi/errno.h"
#include "abi/rights.h"
#include "kernel/health.h"
#include "kernel/program.h"
#include "lib/compiler.h"
#include "lib/ktest.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"
#include "sched/timer.h"
#include "tests/kernel/leftovers.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/user_objects.h"
#include "trace/clock.h"

#define REPORT_PAGES ((sizeof(struct crash_report) + PAGE_SIZE - 1) / PAGE_SIZE)
#define AT_ONCE	     4
#define CALLS	     1000 /* by each of a process's two threads, if it lives so long */
#define ROUNDS	     6
#define MORE_ROUNDS  20
#define PATIENCE_NS  (2000 * 1000 * 1000ul) /* who waits for himself is killed then */

struct scene {
	struct memory *memory;
	struct crash_report *report; /* a copy of what is in it */
	struct user_objects objects;
	struct endpoint *witness;
};

/* A process of crashme, with handles of what @s has; NULL, with a failure reported. Its end sets bit 0 of @ended. */
static struct process *start(struct scene *s, struct crash_start c, struct notification *ended)
{
	struct archive_file f;
	struct elf_program prog;
	const char *why;
	struct process *p =
		program_find("crashme", &f, &why) ? program_create("crashme", &f, &prog, &why) : NULL;
	int err = p ? space_map(p->space, CRASH_REPORT, REPORT_PAGES, s->memory, 0, MAP_READ | MAP_WRITE)
		    : -ENOENT;

	EXPECT_EQ(err, 0);
	if (err) {
		if (!p)
			ktest_comment("%s", why);
		else
			object_put(&p->object);
		return NULL;
	}
	p->priority_max = PRIORITY_DEFAULT;
	c.self = 1 << 10;
	if (c.role == CRASH_CALLS) {
		c.trace = (u32)process_give(p, s->objects.of[OBJECT_TRACE], RIGHTS_ALL & ~RIGHT_MANAGE, 0);
		c.ports = (u32)process_give(p, s->objects.of[OBJECT_PORTS], RIGHTS_ALL, 0);
		c.irq = (u32)process_give(p, s->objects.of[OBJECT_IRQ], RIGHTS_ALL, 0);
		c.endpoint = (u32)process_give(p, s->objects.of[OBJECT_ENDPOINT], RIGHTS_ALL, 0);
		c.notification = (u32)process_give(p, s->objects.of[OBJECT_NOTIFICATION], RIGHTS_ALL, 0);
	} else
		c.endpoint = (u32)process_give(p, &s->witness->object,
					       c.role == CRASH_SERVER ? RIGHT_RECEIVE : RIGHT_SEND, 0);
	EXPECT_EQ(process_watch(p, ended, 1), 0);
	EXPECT_EQ(program_begin(p, &prog, &c, sizeof(c), PRIORITY_DEFAULT), 0);
	return p;
}

static int end(struct process *p, struct notification *ended, u64 patience)
{
	int status = -1;
	u64 bits;

	if (!p)
		return -1;
	if (notification_wait(ended, patience == IPC_FOR_EVER ? patience : trace_clock() + patience, &bits) !=
	    0) {
		process_kill(p, -9);
		notification_wait(ended, IPC_FOR_EVER, &bits);
	}
	process_status(p, &status);
	object_put(&p->object);
	return status;
}

static bool begin(struct scene *s)
{
	struct object *e;

	*s = (struct scene){ .memory = memory_create(REPORT_PAGES),
			     .report = phys_to_virt(frames_alloc(REPORT_PAGES)),
			     .witness = endpoint_create() };
	if (!user_objects_make(&s->objects) || !s->memory || !s->witness)
		return false;
	e = s->objects.of[OBJECT_ENDPOINT];
	e->opened(e, RIGHT_RECEIVE); /* it goes on when all who share it have died */
	return true;
}

static void over(struct scene *s)
{
	struct object *e = s->objects.of[OBJECT_ENDPOINT];

	e->closed(e, RIGHT_RECEIVE);
	user_objects_drop(&s->objects);
	object_put(&s->witness->object);
	memory_put(s->memory);
	frames_free(virt_to_phys(s->report), REPORT_PAGES);
}

static void set_stop(struct scene *s, u32 stop)
{
	EXPECT_EQ(memory_write(s->memory, offsetof(struct crash_report, stop), &stop, sizeof(stop)), 0);
}

static void crash(struct scene *s, u64 seed, unsigned rounds)
{
	struct notification *ended[AT_ONCE];
	struct process *p[AT_ONCE];

	for (unsigned i = 0; i < AT_ONCE; i++)
		ended[i] = notification_create();
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < AT_ONCE; i++)
			p[i] = start(s,
				     (struct crash_start){ .role = CRASH_CALLS,
							   .calls = CALLS,
							   .seed = (seed + round * AT_ONCE + i) *
								   0x9e3779b97f4a7c15 },
				     ended[i]);
		for (unsigned i = 0; i < AT_ONCE; i++)
			end(p[i], ended[i], PATIENCE_NS);
	}
	for (unsigned i = 0; i < AT_ONCE; i++)
		object_put(&ended[i]->object);
}

static void with_witness(struct scene *s, u64 seed, unsigned rounds)
{
	struct notification *ended[2] = { notification_create(), notification_create() };
	struct process *server, *witness;

	set_stop(s, 0);
	server = start(s, (struct crash_start){ .role = CRASH_SERVER }, ended[0]);
	witness = start(s, (struct crash_start){ .role = CRASH_WITNESS }, ended[1]);
	crash(s, seed, rounds);
	set_stop(s, 1);
	EXPECT_EQ(end(witness, ended[1], IPC_FOR_EVER), 0);
	EXPECT_EQ(end(server, ended[0], IPC_FOR_EVER), 0);
	object_put(&ended[0]->object);
	object_put(&ended[1]->object);
}

/* Which calls can't be seen to have succeeded: who makes them isn't there any more, or mustn't. */
static bool never_succeeds(unsigned n)
{
	return n == SYS_thread_exit || n == SYS_machine_exit || n >= NR_SYSCALLS;
}

static bool as_wanted(const struct crash_report *r, unsigned n)
{
	return r->began[n] && (!r->ended[n][0]) == never_succeeds(n);
}

/* Some succeed seldom: so there are more rounds, up to a number, until each has. */
static void go_on_until_all_succeed(struct scene *s, u64 seed)
{
	for (unsigned more = 0; more < MORE_ROUNDS; more++) {
		unsigned n = 0;

		EXPECT_EQ(memory_read(s->memory, 0, s->report, sizeof(*s->report)), 0);
		while (n < CRASH_NUMBERS && as_wanted(s->report, n))
			n++;
		if (n == CRASH_NUMBERS && s->report->granted)
			return;
		crash(s, seed + more * AT_ONCE, 1); /* the report has the counts of one witness alone */
	}
	EXPECT_EQ(memory_read(s->memory, 0, s->report, sizeof(*s->report)), 0);
}

static void check_report(const struct crash_report *r)
{
	EXPECT(r->seen > 0);
	EXPECT(r->began[SYS_thread_exit] > 0);
	EXPECT(r->granted > 0);
	for (unsigned n = 0; n < CRASH_NUMBERS; n++) {
		char line[160];
		int len = snprintf(line, sizeof(line), "call %2u: %u of %u succeeded;", n, r->ended[n][0],
				   r->began[n]);

		for (int e = 1; e < CRASH_ERRNOS; e++)
			if (r->ended[n][e] && len < (int)sizeof(line))
				len += snprintf(line + len, sizeof(line) - (size_t)len, " %u %s,",
						r->ended[n][e], strerror(e));
		ktest_comment("%s", line);
		if (!as_wanted(r, n))
			ktest_fail("a call that never, or ever, succeeded", (int)n, "how often it was made",
				   r->began[n], r->ended[n][0]);
	}
}

KTEST(crashme, random_calls_leave_nothing_and_hurt_nobody)
{
	u64 seed = trace_clock();
	struct health health_before, health_after;
	struct leftovers left;
	struct scene s;

	ktest_comment("seed %lu", seed);
	if (!begin(&s))
		return;
	with_witness(&s, seed, 1); /* what is made once is there */
	over(&s);
	leftovers_before(&left);
	health_take(&health_before);
	if (!begin(&s))
		return;
	with_witness(&s, seed + AT_ONCE, stressed(ROUNDS));
	go_on_until_all_succeed(&s, seed + AT_ONCE * (1 + stressed(ROUNDS)));
	ktest_comment("%u calls, %u looks of the witness", s.report->made, s.report->seen);
	ktest_comment("%u gave memory away", s.report->granted);
	check_report(s.report);
	over(&s);
	leftovers_none(&left);
	health_take(&health_after);
	EXPECT_EQ(health_after.text_sum, health_before.text_sum);
	EXPECT_EQ(health_after.wx_violations, 0);
	EXPECT_EQ(health_after.guard_bits, health_before.guard_bits);
	EXPECT_EQ(health_after.context_word, health_before.context_word);
}
