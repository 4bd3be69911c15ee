/* Bringing up the other CPUs. */
#pragma once

/* Boot, first of all: keeps the per-CPU variables as they were linked, to make the other CPUs' copies from. */
void percpu_keep(void);
/* Boot, with threads and time: starts what the firmware lists, up to NR_CPUS. One that doesn't come is reported. */
void smp_init(void);
