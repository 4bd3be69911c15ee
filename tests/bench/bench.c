/* The command "bench": the median of many single measurements, the empty measurement subtracted. */
#include "tests/bench/bench.h"

#include "arch/x86/cpu/regs.h"
#include "lib/command.h"

#define RUNS 101

static void nothing(void) {}

static u64 median(u64 *v, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		for (unsigned k = i; k && v[k - 1] > v[k]; k--) {
			u64 t = v[k];

			v[k] = v[k - 1];
			v[k - 1] = t;
		}
	return v[n / 2];
}

static u64 measure(void (*once)(void))
{
	static u64 ticks[RUNS];

	for (unsigned i = 0; i < RUNS; i++) {
		u64 start = rdtsc();

		once();
		ticks[i] = rdtsc() - start;
	}
	return median(ticks, RUNS);
}

static int run(int argc, char **argv, struct seq *out)
{
	u64 empty = measure(nothing);

	FOR_EACH_REGISTERED(benches, const struct bench, b) {
		u64 cost;

		if ((*b)->setup)
			(*b)->setup();
		cost = measure((*b)->once);
		if ((*b)->teardown)
			(*b)->teardown();
		seq_printf(out, "%-52s %8ld\n", (*b)->name, (long)(cost - empty));
	}
	return 0;
}
COMMAND(bench, "", "what things cost, in instructions under ICOUNT=1", run);
