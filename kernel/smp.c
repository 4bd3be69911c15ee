/* One CPU after the other: its own variables, stacks and idle thread, then the call to wake up. */
#include "kernel/smp.h"

#include "abi/errno.h"
#include "arch/x86/cpu/acpi.h"
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/mce.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/mm/paging.h"
#include "context/irq_work.h"
#include "kernel/traps.h"
#include "lib/bug.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "mm/vmem.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "trace/clock.h"

/* Under an instruction-counting emulator a CPU may begin 100 ms late. */
#define START_TIMEOUT_NS (2000 * 1000 * 1000ul)

extern u8 __per_cpu_start[], __per_cpu_end[];

/* linker.ld asserts that it suffices. */
static u8 pristine[0x8000];

/* What the CPU being started needs to know; one at a time. */
static struct {
	u32 cpu;
	struct thread *idle;
	u64 stacks[NR_STACKS]; /* upper ends */
} starting;

static size_t percpu_size(void) { return (size_t)(__per_cpu_end - __per_cpu_start); }

void percpu_keep(void) { memcpy(pristine, __per_cpu_start, percpu_size()); }

static int make_percpu(u32 cpu)
{
	u64 pa = frames_alloc(ALIGN_UP(percpu_size(), PAGE_SIZE) / PAGE_SIZE);

	if (!pa)
		return -ENOMEM;
	memcpy(phys_to_virt(pa), pristine, percpu_size());
	per_cpu_offset[cpu] = (u64)phys_to_virt(pa) - (u64)__per_cpu_start;
	*per_cpu_ptr(this_cpu_offset, cpu) = per_cpu_offset[cpu];
	*per_cpu_ptr(cpu_number, cpu) = cpu;
	return 0;
}

static int make_stacks(void)
{
	static const char *const names[NR_STACKS] = { NULL, "#DB", "#DB in NMI", "NMI", "#DF", "#MC" };

	for (int i = STACK_DB; i < NR_STACKS; i++) {
		struct kstack *s = kstack_alloc(IST_STACK_SIZE);

		if (!s)
			return -ENOMEM;
		s->name = names[i];
		starting.stacks[i] = s->top;
	}
	return 0;
}

void ap_main(void)
{
	segments_init(starting.stacks);
	idt_load();
	mce_init_cpu();
	protect_cpu();
	apic_init_cpu();
	irq_work_init_cpu();
	sched_begin_cpu(starting.idle);
	/* From here on it is called upon; its interrupts are off until it idles. */
	__atomic_or_fetch(&cpus_up, 1u << this_cpu(cpu_number), __ATOMIC_RELEASE);
	idle_loop(NULL);
}

static int start_cpu(u32 cpu, u8 id)
{
	u64 deadline;

	cpu_apic_id[cpu] = id;
	if (make_percpu(cpu) != 0 || make_stacks() != 0)
		return -ENOMEM;
	starting.idle = idle_thread_create(cpu);
	if (!starting.idle)
		return -ENOMEM;
	ap_start(id, starting.idle->stack->top, per_cpu_offset[cpu], sleep_ns);
	deadline = trace_clock() + START_TIMEOUT_NS;
	while (!(__atomic_load_n(&cpus_up, __ATOMIC_ACQUIRE) & 1u << cpu)) {
		if (time_after_deadline(deadline))
			return -EIO;
		sleep_ns(1000 * 1000);
	}
	return 0;
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
	for (unsigned i = 0; i < acpi_info.nr_cpus && cpu < NR_CPUS; i++) {
		u8 id = (u8)acpi_info.cpus[i].apic_id;
		int err;

		if (id == self)
			continue;
		err = start_cpu(cpu, id);
		if (!err) {
			cpu++;
			continue;
		}
		/*
		 * What was made for it stays. INIT parks it for good: one that came late would run on a page that
		 * is gone, or with the next one's stack.
		 */
		apic_send_init(id);
		sleep_ns(10 * 1000 * 1000);
		__atomic_and_fetch(&cpus_up, ~(1u << cpu), __ATOMIC_RELEASE);
		printk("smp: the CPU with APIC id %u doesn't start: error %d\n", id, -err);
	}
	ap_boot_remove();
	printk("smp: %u CPUs\n", cpu);
}
