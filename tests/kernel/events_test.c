/* Each event appears with the right fields when its cause happens; off, it is a nop. */
#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/text_poke.h"
#include "kernel/traps.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "rcu/rcu.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/events.h"
#include "trace/event_record.h"

#define VECTOR_TEST 0xe1
#define UNMAPPED    0x7000ul

static void begin(const char *events)
{
	EXPECT_EQ(events_write("set_event", events), 0);
	events_clear();
}
static void end(void) { EXPECT_EQ(events_write("events/enable", "0"), 0); }

static struct wait_queue queue;
static volatile bool waits, go;

static int sleep_once(void *arg)
{
	waits = true;
	wait_event(&queue, go);
	return 0;
}

KTEST(events, a_thread_from_fork_to_exit)
{
	struct thread *t;
	s32 tid, me = current()->tid;

	wait_queue_init(&queue, "events");
	waits = go = false;
	begin("sched:*");
	t = thread_create("ev_child", sleep_once, NULL, PRIORITY_HIGH, 1u << this_cpu(cpu_number));
	tid = t->tid;
	while (!waits)
		thread_yield();
	go = true;
	wake_one(&queue);
	thread_join(t);
	end();
	EXPECT_EQ(events_seen("sched_process_fork: comm=%s pid=%d child_comm=ev_child child_pid=%d\n",
			      current()->comm, me, tid),
		  1);
	EXPECT(events_seen(
		       "prev_comm=%s prev_pid=%d prev_prio=8 prev_state=R+ ==> next_comm=ev_child next_pid=%d next_prio=24",
		       current()->comm, me, tid) >= 1);
	EXPECT(events_seen("prev_comm=ev_child prev_pid=%d prev_prio=24 prev_state=S ==> ", tid) >= 1);
	EXPECT_EQ(events_seen("sched_wakeup: comm=ev_child pid=%d prio=24 target_cpu=%03u\n", tid,
			      this_cpu(cpu_number)),
		  1);
	EXPECT_EQ(events_seen("sched_process_exit: comm=ev_child pid=%d prio=24\n", tid), 1);
	EXPECT_EQ(events_seen("prev_comm=ev_child prev_pid=%d prev_prio=24 prev_state=X ==> ", tid), 1);
}

static void nothing(void) {}

KTEST(events, an_interrupt)
{
	vector_set_handler(VECTOR_TEST, nothing);
	begin("irq:");
	__asm__ volatile("int %0" : : "i"(VECTOR_TEST));
	end();
	vector_set_handler(VECTOR_TEST, NULL);
	EXPECT_EQ(events_seen("h1.") + events_seen("h.."), events_seen(": irq_handler_"));
	EXPECT_EQ(events_seen(": irq_handler_entry: irq=%d name=other\n", VECTOR_TEST - 32), 1);
	EXPECT_EQ(events_seen(": irq_handler_exit: irq=%d ret=handled\n", VECTOR_TEST - 32), 1);
}

KTEST(events, exceptions)
{
	u8 byte;

	begin("exceptions:* exception_entry exception_exit");
	__asm__ volatile("1: ud2\n2:\n" EX_TABLE(1b, 2b));
	EXPECT(kernel_read_nofault(&byte, (void *)UNMAPPED, 1) != 0);
	end();
	EXPECT_EQ(events_seen("exception_entry: vector=6 ip=ktest_events_exceptions error_code=0x0\n"), 1);
	EXPECT_EQ(events_seen("exception_exit: vector=6 ip=ktest_events_exceptions\n"), 1);
	EXPECT_EQ(events_seen("exception_entry: vector=14 ip=kernel_read_nofault"), 1);
	EXPECT_EQ(events_seen("page_fault_kernel: address=0x%lx ip=kernel_read_nofault error_code=0x0\n",
			      UNMAPPED),
		  1);
}

static struct rcu_head head;
static noinline void called_back(struct rcu_head *h) {}

KTEST(events, grace_periods_and_callbacks)
{
	begin("rcu:*");
	call_rcu(&head, called_back);
	rcu_barrier();
	synchronize_rcu();
	end();
	EXPECT_EQ(events_seen("rcu_callback: rcu_sched rhp=0x%lx func=called_back ", (u64)&head), 1);
	EXPECT_EQ(events_seen("rcu_invoke_callback: rcu_sched rhp=0x%lx func=called_back\n", (u64)&head), 1);
	EXPECT(events_seen(" start\n") >= 2);
	EXPECT(events_seen(" end\n") >= 1);
	EXPECT(events_seen("rcu_grace_period: rcu_sched ") ==
	       events_seen(" start\n") + events_seen(" end\n"));
}

static volatile bool fired;
static void on_timer(struct timer *t) { fired = true; }

KTEST(events, a_timer)
{
	struct timer t;

	timer_init(&t, on_timer);
	fired = false;
	begin("timer:timer_expire_entry");
	timer_set(&t, 1);
	while (!fired)
		cpu_relax();
	end();
	EXPECT_EQ(events_seen("timer=0x%lx function=on_timer now=", (u64)&t), 1);
	EXPECT_EQ(events_seen(" baseclk=1\n"), 1);
}

/* Both are asked here only, so that nobody else switches them. */
static struct static_key poked;
static noinline int poked_way(void) { return static_branch_unlikely(&poked) ? 2 : 1; }

KTEST(events, a_text_poke)
{
	begin("text_poke");
	static_key_set(&poked, true);
	EXPECT_EQ(poked_way(), 2);
	static_key_set(&poked, false);
	end();
	EXPECT_EQ(events_seen("text_poke: addr=poked_way len=5 first=e9\n"), 1);
	EXPECT_EQ(events_seen("text_poke: addr=poked_way len=5 first=0f\n"), 1);
}

static int evaluated;
static noinline void hit(void) { tracepoint(timer_expire_entry, NULL, 1, NULL, (u64)++evaluated); }

static const u8 *site_in_hit(void)
{
	extern const struct static_site __start_static_sites[], __stop_static_sites[];

	for (const struct static_site *s = __start_static_sites; s < __stop_static_sites; s++)
		if (s->key == &event_timer_expire_entry.key && s->code >= (u64)hit && s->code < (u64)hit + 64)
			return (const u8 *)s->code;
	return NULL;
}

KTEST(events, off_is_a_nop_and_evaluates_nothing)
{
	static const u8 nop[SITE_SIZE] = NOP5;
	const u8 *site = site_in_hit();

	EXPECT(site);
	if (!site)
		return;
	evaluated = 0;
	EXPECT(!memcmp(site, nop, SITE_SIZE));
	hit();
	EXPECT_EQ(evaluated, 0);
	begin("timer_expire_entry");
	EXPECT_EQ(*(volatile const u8 *)site, JMP32_BYTE);
	hit();
	end();
	EXPECT_EQ(evaluated, 1);
	EXPECT_EQ(events_seen("timer=0x0 function=0x0 now=1 baseclk=1\n"), 1);
	EXPECT(!memcmp(site, nop, SITE_SIZE));
	hit();
	EXPECT_EQ(evaluated, 1);
}
