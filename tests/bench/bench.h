/* A figure: what one operation costs, in ticks of the TSC. Under ICOUNT=1 a tick is an instruction. */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

#define BENCH_RUNS 101

struct bench {
	const char *name;
	void (*setup)(void);	/* may be NULL */
	void (*once)(void);	/* the operation; the cost of calling an empty one is subtracted */
	u64 (*ticks)(unsigned); /* instead: what the nth took, as setup() has found out */
	void (*undo)(void);	/* may be NULL: after each, not measured */
	size_t (*per)(void);	/* may be NULL: how many things one operation does; the figure is for one */
	void (*teardown)(void); /* may be NULL */
};

#define BENCH(var, ...)                                  \
	static const struct bench var = { __VA_ARGS__ }; \
	REGISTER_IN(benches, var)
DECLARE_REGISTRY(benches);
