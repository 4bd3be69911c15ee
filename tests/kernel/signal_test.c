/* Signals from process to process: who comes first gets each as it is sent, and deaths on either side leave nothing. */
#include "abi/rights.h"
#include "lib/ktest.h"
#include "lib/printf.h"
#include "sched/timer.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/events.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/user_process.h"

static struct notification *notification;

static bool start_on(u32 cpu, struct user_process *u, const u8 *program, u64 arg, u8 priority)
{
	bool ok = user_process(u, "signal");
	s64 h;

	if (!ok)
		return false;
	thread_set_affinity(1u << cpu);
	h = process_give(u->process, &notification->object, RIGHTS_ALL, 0);
	ok = h > 0 && user_process_start(u, program, (u64)h, arg, priority);
	thread_set_affinity(CPU_MASK_ALL);
	return ok;
}

static void none_is_left(void)
{
	user_processes_settle();
	EXPECT(list_empty(&notification->waiters.waiters));
	EXPECT_EQ(notification->object.refs, 1);
	object_put(&notification->object);
}

static bool is_waited_for(void)
{
	u64 flags = spin_lock_irqsave(&notification->waiters.lock);
	bool waited = !list_empty(&notification->waiters.waiters);

	spin_unlock_irqrestore(&notification->waiters.lock, flags);
	return waited;
}

/* Who comes before its senders, and waits: @n times, each for so many microseconds, or 0, for ever. */
static bool start_receiver(struct user_process *receiver, unsigned n, u64 us)
{
	notification = notification_create();
	if (!start_on(0, receiver, up_sum, us << 32 | n, PRIORITY_DEFAULT + 1))
		return false;
	while (!is_waited_for())
		sleep_ns(100 * 1000);
	return true;
}

/* From @n down to 1. */
static void end_as_sent(struct user_process *receiver, u8 senders, unsigned n, int sum)
{
	struct user_process sender;

	if (!start_on(0, &sender, up_signals, n, senders))
		return;
	EXPECT_EQ(user_process_end(&sender), 0);
	EXPECT_EQ(user_process_end(receiver), sum);
	none_is_left();
}

static void each_arrives(unsigned n, u64 us)
{
	struct user_process receiver;

	if (start_receiver(&receiver, n, us))
		end_as_sent(&receiver, PRIORITY_DEFAULT, n, (int)(n * (n + 1) / 2));
}

KTEST(signal, who_comes_first_gets_each_at_once)
{
	each_arrives(stressed(300), 0);
}

/* Its timer is on its stack, which nobody else may take for empty. */
KTEST(signal, a_wait_with_a_deadline)
{
	each_arrives(stressed(10), 60 * 1000 * 1000);
}

/* Its receiver gets all at once, when it has ended. */
KTEST(signal, a_sender_who_comes_first_goes_on)
{
	struct user_process receiver;

	if (start_receiver(&receiver, 1, 0))
		end_as_sent(&receiver, PRIORITY_DEFAULT + 2, 6, 7);
}

/* Set by somebody who hasn't told it yet. */
KTEST(signal, what_is_set_already_comes_with_it)
{
	struct user_process receiver;

	if (!start_receiver(&receiver, 1, 0))
		return;
	EXPECT(notification_set(notification, 8));
	end_as_sent(&receiver, PRIORITY_DEFAULT, 1, 9);
}

/* On either side, and alone. */
KTEST(signal, what_hooks_returns_sees_them)
{
	static const char *const hooked[] = { "sys_notification_signal", "signal_first",
					      "sys_notification_wait", "notification_wait", "schedule" };
	char line[64];

	events_clear();
	for (unsigned i = 0; i < ARRAY_SIZE(hooked); i++) {
		snprintf(line, sizeof(line), "r:signals/hooked %s", hooked[i]);
		EXPECT_EQ(events_write("kprobe_events", line), 0);
		EXPECT_EQ(events_write("events/signals/hooked/enable", "1"), 0);
		each_arrives(10, 0);
		EXPECT_EQ(events_write("events/signals/hooked/enable", "0"), 0);
		EXPECT(events_seen("hooked: (") >= 9);
		EXPECT_EQ(events_write("kprobe_events", "-:signals/hooked"), 0);
		events_clear();
	}
}

static u64 seed = 1;
static u64 a_while(void)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (seed >> 40) % (200 * 1000); /* ns */
}

static bool start_all(struct user_process *receiver, struct user_process senders[2])
{
	bool ok = start_on(0, receiver, up_sum, ~0u, PRIORITY_DEFAULT - 1);

	for (u32 i = 0, cpu = 0; i < 2; i++, cpu = crowd_next_cpu(cpu))
		ok = ok && start_on(cpu, &senders[i], up_signals, ~0u, PRIORITY_DEFAULT - 2);
	return ok;
}

KTEST(signal, tracers_come_and_go)
{
	struct user_process all[3];

	notification = notification_create();
	if (!start_all(&all[0], &all[1]))
		return;
	events_come_and_go(stressed(1), a_while);
	for (unsigned i = 0; i < 3; i++) {
		process_kill(all[i].process, 5);
		EXPECT_EQ(user_process_end(&all[i]), 5);
	}
	none_is_left();
	events_clear();
}

/* Wherever they are: the receiver, who is gone to, or a sender, who is set aside for it. */
KTEST(signal, both_sides_die)
{
	struct user_process receiver, senders[2];

	for (unsigned n = 0; n < stressed(6); n++) {
		notification = notification_create();
		if (!start_all(&receiver, senders))
			return;
		sleep_ns(100 * 1000 + a_while());
		process_kill(n % 2 ? senders[0].process : receiver.process, 5);
		sleep_ns(a_while());
		process_kill(n % 2 ? receiver.process : senders[0].process, 5);
		process_kill(senders[1].process, 5);
		EXPECT_EQ(user_process_end(&receiver), 5);
		for (unsigned i = 0; i < 2; i++)
			EXPECT_EQ(user_process_end(&senders[i]), 5);
		none_is_left();
	}
}
