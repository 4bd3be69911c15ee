/* The end: what happened, in which registers, through which calls and which traps; then out, with status 2. */
#include "kernel/panic.h"

#include "arch/x86/cpu/machine.h"
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "context/watch.h"
#include "kernel/backtrace.h"
#include "kernel/nmi.h"
#include "kernel/printk.h"
#include "kprobe/bust.h"
#include "lib/instrumentation.h"
#include "trace/black_box.h"
#include "trace/clock.h"
#include "trace/ring_buffer.h"

#define BLACK_BOX_TAIL 24
#define STOP_WITHIN    (1000 * 1000 * 1000ul) /* ns */

static u32 victim;  /* CPU number + 1 of the first to panic */
static u32 stopped; /* bit n: CPU n, for good */
static u64 stopped_at[NR_CPUS];

/* Another CPU is dying. __emergency: probes may still be armed. */
static __emergency void __noreturn stop_here(u64 ip)
{
	u32 cpu = this_cpu(cpu_number);

	if (!(READ_ONCE(stopped) & 1u << cpu)) { /* else an NMI found it stopped here */
		stopped_at[cpu] = ip;
		__atomic_fetch_or(&stopped, 1u << cpu, __ATOMIC_RELEASE);
	}
	for (;;)
		__asm__ volatile("cli; hlt");
}

void panic_stop_here(const struct pt_regs *regs)
{
	u32 v = READ_ONCE(victim);

	if (v && v != this_cpu(cpu_number) + 1)
		stop_here(regs->ip);
}

static u32 other_cpus(void) { return READ_ONCE(cpus_up) & ~(1u << this_cpu(cpu_number)); }

/* By NMI: they may have interrupts off, and hold what the report needs. One that doesn't stop isn't waited for for ever. */
static void stop_others(void)
{
	u32 others = other_cpus();
	u64 deadline = trace_clock() + STOP_WITHIN;

	nmi_attention(true);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (others & 1u << cpu)
			nmi_send(cpu);
	while ((__atomic_load_n(&stopped, __ATOMIC_ACQUIRE) & others) != others && trace_clock() < deadline)
		cpu_relax();
}

static void print_others(void)
{
	u32 others = other_cpus();

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (!(others & 1u << cpu))
			continue;
		if (__atomic_load_n(&stopped, __ATOMIC_ACQUIRE) & 1u << cpu)
			printk("CPU %u stopped at %pS\n", cpu, (void *)stopped_at[cpu]);
		else
			printk("CPU %u doesn't answer\n", cpu);
	}
}

static void print_regs(const struct pt_regs *r)
{
	printk("ip  %016lx (%pS) flags %08lx cs %lx vector %lu error %lx\n", r->ip, (void *)r->ip, r->flags,
	       r->cs, r->vector, r->error);
	printk("sp  %016lx bp  %016lx cr2 %016lx cr3 %016lx\n", r->sp, r->bp, read_cr2(), read_cr3());
	printk("ax  %016lx bx  %016lx cx  %016lx dx  %016lx\n", r->ax, r->bx, r->cx, r->dx);
	printk("si  %016lx di  %016lx r8  %016lx r9  %016lx\n", r->si, r->di, r->r8, r->r9);
	printk("r10 %016lx r11 %016lx r12 %016lx r13 %016lx\n", r->r10, r->r11, r->r12, r->r13);
	printk("r14 %016lx r15 %016lx\n", r->r14, r->r15);
}

void print_context(struct seq *out, bool watching)
{
	seq_printf(out, "context: CPU %u, preempt %u, hardirq %u, nmi %u; RCU %s\n", this_cpu(cpu_number),
		   preempt_depth(), in_hardirq(), nmi_depth(), watching ? "watching" : "not watching");
}

static void __noreturn report(const struct pt_regs *regs, const char *fmt, va_list ap)
{
	tracing_off(); /* the report must not push out what led here */
	printk_panic_mode();
	printk("\npanic: ");
	vprintk(fmt, ap);
	printk("\n");
	print_context(printk_seq(), rcu_is_watching());
	if (regs)
		print_regs(regs);
	print_others();
	printk("backtrace:\n");
	backtrace(printk_seq(), regs);
	printk("black box, the last records:\n");
	black_box_list(printk_seq(), 0, BLACK_BOX_TAIL);
	machine_exit(EXIT_PANIC);
}

/* __emergency, with its callers: what reports is visible code, so first all probes go. @ip: where it died. */
static __emergency void __noreturn die(const struct pt_regs *regs, u64 ip, const char *fmt, va_list ap)
{
	u32 me = this_cpu(cpu_number) + 1, first = 0;

	raw_local_irq_disable();
	if (!__atomic_compare_exchange_n(&victim, &first, me, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		if (first == me) /* the report itself died: what it said so far is on the console */
			outb(EXIT_PORT, EXIT_PANIC);
		stop_here(ip); /* or another CPU was first */
	}
	bust_disarm_all();
	instrumentation_begin(); /* no probe is left, and there is no way back */
	stop_others();
	report(regs, fmt, ap);
}

__emergency void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	die(NULL, (u64)__builtin_return_address(0) - 1, fmt,
	    ap); /* the call: what follows may be another function */
		 /* cppcheck-suppress va_end_missing ; there is no way back */
}

__emergency void panic_regs(const struct pt_regs *regs, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	die(regs, regs->ip, fmt, ap);
	/* cppcheck-suppress va_end_missing ; there is no way back */
}
