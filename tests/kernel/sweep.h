/* The sweep's two halves: probes on all instructions (sweep.c), and what runs into them (sweep_work.c). */
#pragma once

#include "lib/types.h"

enum sweep_kind {
	SWEEP_TEST,   /* one of the kernel's own: how many of its checks fail */
	SWEEP_SCRIPT, /* shell commands: what they print */
	SWEEP_CODE,   /* a function: what it returns */
};

struct sweep_item {
	const char *suite, *name;
	const char *script;
	void (*test)(void);
	u64 (*code)(void);
	enum sweep_kind kind;
	bool loose; /* what comes out is something else each time, or other than without probes: it only has to end */
	u64 ns; /* how long it takes without probes */
	u64 outcome;
};

/* sweep_work.c. */
#define SWEEP_ITEMS_MAX 512
extern struct sweep_item sweep_items[SWEEP_ITEMS_MAX];
extern unsigned sweep_nr_items;
/* Without probes. Fills the table: the quickest first, none that takes more than @max_ns. */
void sweep_work_init(u64 max_ns);
/* Thread context. What came out of it. */
u64 sweep_run(const struct sweep_item *item);
/* The beginning of what the last one printed, or of what its checks said. */
const char *sweep_said(void);
/* Code that ran at boot, called again on what it found then; and what only a terminal reaches. */
u64 sweep_parse_again(void);
u64 sweep_type(void);
