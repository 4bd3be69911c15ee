/* The command "bench": many single measurements of each operation, less the empty one's median. */
#include "tests/bench/bench.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "lib/command.h"
#include "lib/glob.h"
#include "lib/ktest.h"

/*
 * What is subtracted: a call, a tracing site and the return, which every operation has. Volatile, or the compiler leaves the call
 * out; and without a frame, which some have and some don't.
 */
static noinline __attribute__((optimize("omit-frame-pointer"))) void nothing(void) {}
static void (*volatile empty_once)(void) = nothing;

struct figures {
	u64 min, median, max;
};

static void sort(u64 *v, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		for (unsigned k = i; k && v[k - 1] > v[k]; k--) {
			u64 t = v[k];

			v[k] = v[k - 1];
			v[k - 1] = t;
		}
}

static struct figures sorted(u64 *ticks)
{
	sort(ticks, BENCH_RUNS);
	return (struct figures){ ticks[0], ticks[BENCH_RUNS / 2], ticks[BENCH_RUNS - 1] };
}

static u64 ticks[BENCH_RUNS];

static struct figures measure(void (*once)(void), void (*undo)(void))
{
	for (unsigned i = 0; i < BENCH_RUNS; i++) {
		u64 start = rdtsc();

		once();
		ticks[i] = rdtsc() - start;
		if (undo)
			undo();
	}
	return sorted(ticks);
}

/* @empty is added, as it is subtracted from all. */
static struct figures ask(u64 (*nth)(unsigned), u64 empty)
{
	for (unsigned i = 0; i < BENCH_RUNS; i++)
		ticks[i] = nth(i) + empty;
	return sorted(ticks);
}

static int run(int argc, char **argv, struct seq *out)
{
	struct figures empty = measure(empty_once, NULL);
	unsigned n = 0;

	if (argc > 2)
		return -EINVAL;
	seq_printf(out, "%-52s %8s %8s %8s\n", "operation", "min", "median", "max");
	FOR_EACH_REGISTERED(benches, const struct bench, b) {
		struct figures f;
		long per;

		if (argc > 1 && !glob_match(argv[1], (*b)->name))
			continue;
		n++;
		let_others_print();
		if ((*b)->setup)
			(*b)->setup();
		f = (*b)->ticks ? ask((*b)->ticks, empty.median) : measure((*b)->once, (*b)->undo);
		per = (*b)->per ? (long)(*b)->per() : 1;
		if ((*b)->teardown)
			(*b)->teardown();
		seq_printf(out, "%-52s %8ld %8ld %8ld\n", (*b)->name, (long)(f.min - empty.median) / per,
			   (long)(f.median - empty.median) / per, (long)(f.max - empty.median) / per);
	}
	return n ? 0 : -ENOENT;
}
COMMAND(bench, "[PATTERN]",
	"what things cost, in instructions under ICOUNT=1: all, or those whose name matches", run);
