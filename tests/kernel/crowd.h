/* Threads on all CPUs, let go at once and joined together. */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "lib/types.h"

#define CROWD_MAX_EACH 4

/* How many CPUs are up. */
unsigned crowd_cpus(void);
/* The CPU after @cpu, of those that are up, round and round: itself when it is alone. */
u32 crowd_next_cpu(u32 cpu);

/* Thread context. @each threads on each CPU that is up, with its number as their argument; they begin when all are there. */
void crowd_start(int (*fn)(void *cpu), unsigned each);
/* The sum of what they returned. */
u64 crowd_join(void);
/* The same, one on each. */
u64 crowd_run(int (*fn)(void *cpu));
