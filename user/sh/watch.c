/* A second thread, for what comes while the first one waits: ^C, and the end of a command's time. */
#include "abi/errno.h"
#include "user/sh/console.h"
#include "user/sh/internal.h"
#include "lib/compiler.h"
#include "tracefs/tracefs.h"
#include "user/lib/console.h"
#include "user/lib/syscall.h"
#include "user/lib/thread.h"
#include "user/lib/user.h"
#include "user/sh/sh.h"

#define BIT_INTERRUPT 1 /* the console's */
#define BIT_ALARM     2 /* the first alarm is another one */

static u32 notification;
static void (*on_interrupt)(void);
static u32 running_stream, running_program;

/* Time-outs inside each other, as of a tour and in it. */
static struct alarm {
	struct alarm *outer;
	struct seq *out;
	u64 at; /* ns; ~0: it has rung */
} * alarms;
static bool locked;

static bool try_lock(void) { return !__atomic_exchange_n(&locked, true, __ATOMIC_ACQUIRE); }
static void unlock(void) { __atomic_store_n(&locked, false, __ATOMIC_RELEASE); }

/* The first thread's. Who watches comes before it, and never waits for it: he is told when there is something new. */
static void lock(void)
{
	while (!try_lock())
		syscall0(SYS_yield);
}

/* A function, so that a test can hold up who is about to leave. */
static noinline void unlock_changed(void)
{
	unlock();
	syscall3(SYS_notification_signal, notification, BIT_ALARM, 0);
}

void console_interrupt(void (*fn)(void))
{
	WRITE_ONCE(on_interrupt, fn);
	console_interrupt_by(program()->out, fn ? notification : 0);
}

/* Who runs it says so and then looks whether it is to end; who ends it says that, and then looks whether it runs. */
void sh_set_stream(u32 stream) { __atomic_store_n(&running_stream, stream, __ATOMIC_SEQ_CST); }
void sh_set_program(u32 process) { __atomic_store_n(&running_program, process, __ATOMIC_SEQ_CST); }

/* A handle that has been closed meanwhile names nothing: then there is nothing to end. */
void sh_end_running(void)
{
	u32 stream = READ_ONCE(running_stream), process = READ_ONCE(running_program);

	if (stream)
		syscall3(SYS_stream_interrupt, stream, 0, 0);
	if (process)
		syscall3(SYS_process_kill, process, (u64)-EINTR, 0);
}

/* Those whose time has come ring; how long until the next one, in microseconds, 0: there is none, or we are about to be told. */
static u64 ring(void)
{
	u64 now = (u64)syscall0(SYS_clock), next = ~0ul;

	if (!try_lock())
		return 0;
	for (struct alarm *a = alarms; a; a = a->outer) {
		if (a->at <= now) {
			a->at = ~0ul;
			tracefs_interrupt(a->out);
		}
		next = min(next, a->at);
	}
	unlock();
	return next == ~0ul ? 0 : (next - now) / 1000 + 1;
}

static void watch(void *arg)
{
	for (;;) {
		u64 bits = 0;
		void (*fn)(void);
		s64 err = syscall_value(SYS_notification_wait, notification, ring(), 0, 0, 0, &bits);

		fn = READ_ONCE(on_interrupt);
		if (!err && (bits & BIT_INTERRUPT) && fn)
			fn();
	}
}

bool sh_watch_start(void)
{
	s64 n = syscall0(SYS_notification_create);

	notification = (u32)n;
	return n > 0 && thread_start(watch, NULL, PRIORITY_WATCH) == 0;
}

int shell_run_for(u64 ns, const struct command *c, int argc, char **argv, struct seq *out)
{
	struct alarm a = { .out = out, .at = (u64)syscall0(SYS_clock) + ns };
	int err;

	lock();
	a.outer = alarms;
	alarms = &a;
	unlock_changed();
	err = c->run(argc, argv, out);
	lock();
	alarms = a.outer;
	unlock_changed();
	return err;
}
