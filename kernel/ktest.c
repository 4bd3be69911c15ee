/* Runs the in-guest tests and reports them as KTAP (the kernel's Test Anything Protocol, version 1). */
#include "kprobe/kprobe.h"
#include "kprobe/watchpoint.h"
#include "lib/ktest.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "lib/command.h"
#include "lib/glob.h"
#include "lib/string.h"
#include "sched/thread.h"

static struct seq *report; /* where the running test's failures go */
static unsigned failures;  /* of the running test */

void let_others_print(void)
{
	for (int i = 0; i < 50 && !in_atomic() && irqs_enabled() && thread_others_wait(); i++)
		thread_yield();
}

void ktest_fail(const char *file, int line, const char *what, u64 got, u64 want)
{
	failures++;
	seq_printf(report, "    # %s:%d: %s: got 0x%lx, want 0x%lx\n", file, line, what, got, want);
	let_others_print();
}

/* notrace: tests count the entries of what they call. */
notrace void ktest_check(const struct ktest_place *place, u64 got, u64 want)
{
	if (unlikely(got != want))
		ktest_fail(place->file, place->line, place->what, got, want);
}

void ktest_comment(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	seq_puts(report, "    # ");
	seq_vprintf(report, fmt, ap);
	seq_putc(report, '\n');
	va_end(ap);
	let_others_print();
}

/* It would be hit, and called, when what it was in is something else; and the test that wants all registers would be the one to fail. */
static void check_watchpoints(unsigned before)
{
	unsigned left = watchpoints_taken() & ~before;

	if (!left)
		return;
	watchpoints_drop(left);
	ktest_fail(__FILE__, __LINE__, "the test leaves watchpoints", left, 0);
}

unsigned ktest_run(void (*run)(void), struct seq *out)
{
	struct seq *outer = report;
	unsigned before = failures, watched = watchpoints_taken(), n;

	report = out;
	failures = 0;
	kprobe_flush(); /* no memory comes back in the middle of a test that counts it */
	run();
	check_watchpoints(watched);
	n = failures;
	report = outer;
	failures = before;
	return n;
}

static bool first_of_suite(const struct ktest *const *t)
{
	for (const struct ktest *const *s = (const struct ktest *const *)__start_ktests; s < t; s++)
		if (strcmp((*s)->suite, (*t)->suite) == 0)
			return false;
	return true;
}

/* Suites appear where their first test stands in link order; a suite's tests may be spread over files. */
static unsigned run_suite(const char *suite, struct seq *out)
{
	unsigned n = 0, failed = 0, count = 0;

	FOR_EACH_REGISTERED(ktests, const struct ktest, t)
		count += strcmp((*t)->suite, suite) == 0;
	seq_printf(out, "    KTAP version 1\n    # Subtest: %s\n    1..%u\n", suite, count);
	FOR_EACH_REGISTERED(ktests, const struct ktest, t) {
		unsigned bad;

		if (strcmp((*t)->suite, suite) != 0 || seq_is_closed(out))
			continue;
		let_others_print();
		bad = ktest_run((*t)->run, out);
		seq_printf(out, "    %s %u %s\n", bad ? "not ok" : "ok", ++n, (*t)->name);
		failed += bad != 0;
	}
	return failed;
}

static int ktap(int argc, char **argv, struct seq *out)
{
	const char *wanted = argc > 1 ? argv[1] : "*";
	unsigned suites = 0, failed = 0, n = 0;

	if (argc > 2)
		return -EINVAL;
	FOR_EACH_REGISTERED(ktests, const struct ktest, t)
		suites += first_of_suite(t) && glob_match(wanted, (*t)->suite);
	if (!suites)
		return -ENOENT;
	seq_printf(out, "KTAP version 1\n1..%u\n", suites);
	FOR_EACH_REGISTERED(ktests, const struct ktest, t) {
		unsigned bad;

		if (!first_of_suite(t) || !glob_match(wanted, (*t)->suite) || seq_is_closed(out))
			continue;
		bad = run_suite((*t)->suite, out);
		seq_printf(out, "%s %u %s\n", bad ? "not ok" : "ok", ++n, (*t)->suite);
		failed += bad;
	}
	return failed ? -EIO : 0;
}
COMMAND(ktap, "[SUITE]", "run the kernel's own tests (all, or the suites that match)", ktap);
