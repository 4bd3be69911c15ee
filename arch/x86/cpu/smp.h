/* Starting the other CPUs, and asking them to do something. */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "lib/types.h"

/* The page below 1 MiB where they begin. */
#define AP_BOOT_PAGE 0x8000

extern u8 cpu_apic_id[NR_CPUS];

/* Any context. How many CPUs take part. */
static inline unsigned nr_cpus_up(void)
{
	unsigned n = 0;

	for (u32 up = READ_ONCE(cpus_up); up; up &= up - 1)
		n++;
	return n;
}

/* Boot: the start-up page, ready to run and writable no more. -ENOMEM. */
int ap_boot_install(void);
/* Boot: it is memory again. */
void ap_boot_remove(void);
/*
 * Boot: sends INIT and start-up to the CPU with APIC id @id, which will begin on @stack with GS at
 * @offset. @pause waits the given nanoseconds. Whether it comes up shows in cpus_up.
 */
void ap_start(u8 id, u64 stack, u64 offset, void (*pause)(u64 ns));
/*
 * Boot: gives it up. It doesn't run from now on, or only the start-up page and the few lines behind it that have it halt:
 * so that page must stay.
 */
void ap_stop(u8 id, void (*pause)(u64 ns));
/* Where it arrives. kernel/'s. */
void ap_main(void);

/*
 * Task or hardirq context, but not while holding a spinlock: another CPU may be waiting for that, with interrupts
 * off. Runs @fn on all other CPUs, with interrupts off, and returns when all have. While waiting this CPU serves the
 * others' calls, so two callers don't wait for each other. Once on each, unless a trap inside @fn has to wait for
 * others: then it is run there again.
 */
void smp_call_others(void (*fn)(void *arg), void *arg);
/* The same contexts. The same on @cpus (bit n: CPU n), as far as they are up, this one among them if it is one of them. */
void smp_call(u32 cpus, void (*fn)(void *arg), void *arg);
/*
 * The same contexts. Runs @fn here, interrupts off, while all other CPUs stay where an interrupt has found them: in the kernel, nothing runs on
 * them but NMIs' handlers. @fn must not wait for anybody, nor take a lock that is held with interrupts on.
 */
void smp_call_alone(void (*fn)(void *arg), void *arg);
/* Hardirq context: VECTOR_CALL's handler. */
void smp_call_interrupt(void);
/* The same contexts: has every other CPU throw away what it had fetched. */
void smp_serialize_others(void);
