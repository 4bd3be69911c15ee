/* One CPU after the other: its own variables, stacks and idle thread, then the call to wake up. */
#include "kernel/smp.h"

#include "arch/x86/cpu/acpi.h"
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/fpu.h"
#include "arch/x86/cpu/hw_breakpoint.h"
#include "arch/x86/cpu/mce.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/syscall.h"
#include "arch/x86/mm/paging.h"
#include "context/irq_work.h"
#include "kernel/cmdline.h"
#include "kernel/traps.h"
#include "lib/bug.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/alloc_fail.h"
#include "mm/frames.h"
#include "mm/vmem.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "trace/clock.h"

/* Under an instruction-counting emulator a CPU may begin 100 ms late. */
#define START_TIMEOUT_NS (2000 * 1000 * 1000ul)

extern u8 __per_cpu_start[], __per_cpu_end[], __per_cpu_pristine[];

/* What is made for the CPU being started; one at a time. */
static struct {
	u64 percpu; /* physical address of its variables */
	struct kstack *kstacks[NR_STACKS];
	u64 stacks[NR_STACKS]; /* their upper ends */
	struct thread *idle;
} starting;

static bool late; /* a CPU was given up that may still come to the start-up page */

static size_t percpu_size(void) { return (size_t)(__per_cpu_end - __per_cpu_start); }
static size_t percpu_pages(void) { return ALIGN_UP(percpu_size(), PAGE_SIZE) / PAGE_SIZE; }

void percpu_keep(void) { memcpy(__per_cpu_pristine, __per_cpu_start, percpu_size()); }

static bool make_percpu(u32 cpu)
{
	u64 pa = frames_alloc(percpu_pages());

	if (!pa)
		return false;
	starting.percpu = pa;
	memcpy(phys_to_virt(pa), __per_cpu_pristine, percpu_size());
	per_cpu_offset[cpu] = (u64)phys_to_virt(pa) - (u64)__per_cpu_start;
	*per_cpu_ptr(this_cpu_offset, cpu) = per_cpu_offset[cpu];
	*per_cpu_ptr(cpu_number, cpu) = cpu;
	return true;
}

static bool make_stacks(void)
{
	static const char *const names[NR_STACKS] = { NULL, "#DB", "#DB in NMI", "NMI", "#DF", "#MC" };

	for (int i = STACK_DB; i < NR_STACKS; i++) {
		struct kstack *s = kstack_alloc(IST_STACK_SIZE);

		if (!s)
			return false;
		s->name = names[i];
		starting.kstacks[i] = s;
		starting.stacks[i] = s->top;
	}
	return true;
}

/* All of it, or false: then unmake() takes back what there is. */
static bool make(u32 cpu)
{
	memset(&starting, 0, sizeof(starting));
	if (!make_percpu(cpu) || !make_stacks())
		return false;
	starting.idle = idle_thread_create(cpu);
	return starting.idle;
}

/* The CPU doesn't run, and nobody calls upon it: its bit in cpus_up is clear. */
static void unmake(u32 cpu)
{
	if (starting.idle)
		idle_thread_free(starting.idle);
	for (int i = STACK_DB; i < NR_STACKS; i++)
		kstack_free(starting.kstacks[i]);
	per_cpu_offset[cpu] = 0;
	if (starting.percpu)
		frames_free(starting.percpu, percpu_pages());
}

void ap_main(void)
{
	segments_init(starting.stacks);
	idt_load();
	syscall_init_cpu();
	fpu_init_cpu();
	mce_init_cpu();
	protect_cpu();
	apic_init_cpu();
	irq_work_init_cpu();
	sched_begin_cpu(starting.idle);
	/* From here on it is called upon; its interrupts are off until it idles. */
	__atomic_or_fetch(&cpus_up, 1u << this_cpu(cpu_number), __ATOMIC_SEQ_CST);
	hw_breakpoint_load();
	idle_loop(NULL);
}

static bool is_up(u32 cpu) { return __atomic_load_n(&cpus_up, __ATOMIC_ACQUIRE) & 1u << cpu; }

static bool wait_for(u32 cpu)
{
	u64 deadline = trace_clock() + START_TIMEOUT_NS;

	while (!is_up(cpu)) {
		if (time_after_deadline(deadline))
			return false;
		sleep_ns(1000 * 1000);
	}
	return true;
}

/*
 * Stopped wherever it has got to in the meantime (docs/TRICKS.md, "A CPU that comes too late"). Only then is what it ran
 * on nobody's.
 */
static void park(u32 cpu, u8 id)
{
	ap_stop(id, sleep_ns);
	__atomic_and_fetch(&cpus_up, ~(1u << cpu), __ATOMIC_RELEASE);
	late = true;
}

/* NULL, or why it doesn't run; then nothing is left of it. */
static const char *start_cpu(u32 cpu, u8 id)
{
	if (!make(cpu)) {
		unmake(cpu);
		return "no memory for what it needs";
	}
	cpu_apic_id[cpu] = id;
	if (id != cmdline.start_fails)
		ap_start(id, starting.idle->stack->top, per_cpu_offset[cpu], sleep_ns);
	if (wait_for(cpu) && id != cmdline.start_late)
		return NULL;
	park(cpu, id);
	unmake(cpu);
	return "no sign of it within 2 s";
}

void smp_init(void)
{
	u32 cpu = 1, self = apic_id();

	cpu_apic_id[0] = (u8)self;
	vector_set_handler(VECTOR_CALL, smp_call_interrupt);
	vector_set_handler(VECTOR_RESCHEDULE, sched_interrupt);
	vector_set_handler(VECTOR_IRQ_WORK, irq_work_interrupt);
	irq_work_init_cpu();
	if (acpi_info.nr_cpus < 2)
		return;
	if (ap_boot_install() != 0) {
		printk("smp: no memory for the start-up page; going on with one CPU\n");
		return;
	}
	alloc_fail_nth(cmdline.start_nomem);
	for (unsigned i = 0; i < acpi_info.nr_cpus && cpu < NR_CPUS; i++) {
		u8 id = (u8)acpi_info.cpus[i].apic_id;
		const char *why;

		if (id == self)
			continue;
		why = start_cpu(cpu, id);
		if (why)
			printk("smp: the CPU with APIC id %u doesn't start: %s\n", id, why);
		else
			cpu++; /* a number is used again, for the next, until somebody has it */
	}
	alloc_fail_nth(0);
	if (!late)
		ap_boot_remove();
	printk("smp: %u CPU%s\n", cpu, cpu == 1 ? "" : "s");
}
