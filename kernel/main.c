/* The table of contents: everything the kernel does before its first program, in order. */
#include "kernel/main.h"

#include "arch/x86/boot/boot_info.h"
#include "arch/x86/cpu/acpi.h"
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/features.h"
#include "arch/x86/cpu/fpu.h"
#include "arch/x86/cpu/mce.h"
#include "arch/x86/cpu/pic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/serial.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/syscall.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/text_poke.h"
#include "context/chaos.h"
#include "ftrace/ftrace.h"
#include "ftrace/graph.h"
#include "ftrace/static_key.h"
#include "ftrace/tracer.h"
#include "kernel/boot_time.h"
#include "kernel/cmdline.h"
#include "kernel/init.h"
#include "kernel/printk.h"
#include "kernel/rcu_check.h"
#include "kernel/script.h"
#include "kernel/smp.h"
#include "kernel/tsc.h"
#include "kernel/uprobe/uprobe.h"
#include "kprobe/boot.h"
#include "kprobe/kprobe.h"
#include "lib/bug.h"
#include "lib/debug.h"
#include "lib/ktest.h"
#include "mm/frames.h"
#include "kernel/traps.h"
#include "rcu/rcu.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "sched/work.h"
#include "trace/clock.h"
#include "trace/ring_buffer.h"
#include "tracefs/tracefs.h"

/* Where the firmware says the local APIC is; where every one is at reset when it says nothing. */
static u64 apic_base(void) { return acpi_info.local_apic ? acpi_info.local_apic : 0xfee00000; }

/* The boot CPU's are in the image. */
static const u64 *ist_stacks(void)
{
	static u64 tops[NR_STACKS];

	for (int i = 0; i < NR_STACKS; i++)
		tops[i] = kstacks[i].top;
	return tops;
}

/* notrace: what comes first, so that functions can be traced from kernel_main() on. */
notrace void kernel_start(void)
{
	percpu_keep(); /* the other CPUs' variables are made from these, as linked */
	trace_clock_start(boot_tsc);
	ring_buffer_early_init(); /* a few pages for what is recorded from here on */
	boot_info_read();
	if (cmdline_has(boot_info.cmdline, "trace=function"))
		ftrace_early_start();
	kernel_main();
}

void kernel_main(void)
{
	u64 waited = 0;

	segments_init(ist_stacks()); /* GDT, TSS, IST stacks: what a trap needs to land */
	extable_init();		     /* faults that are expected */
	idt_init();		     /* all 256 vectors: from here on a fault is a report */
	syscall_init_cpu();	     /* the other way in from user mode */
	fpu_init_cpu();		     /* for users alone */
	mce_init_cpu();		     /* and so is broken hardware */
	serial_init();		     /* COM1 */
	debug_port_init();	     /* and the port the kernel log goes to */
	printk_init(!script_sent());

	boot_info_check(); /* memory map and command line */
	acpi_init();	   /* how many CPUs there are, while low memory can be read */
	paging_init(&boot_info, frames_early_alloc); /* direct map, guard pages; identity map gone */
	frames_init(&boot_info);		     /* page frames, by a buddy allocator */
	paging_set_allocator(frame_alloc, frame_free);
	cmdline_init(boot_info.cmdline);
	test_files_enabled = cmdline.test;

	text_poke_init(); /* the tables in which text has a writable alias */
	features_init();  /* instructions that this CPU has are put in the place of nops */
	ring_buffer_init(cmdline.trace_buf_size); /* where events go: CPU 0's ring gets its size */
	ftrace_init();				  /* the sites, sorted and checked */
	kprobe_init();				  /* the first page of out-of-line slots */
	uprobe_init();				  /* the lock of those in programs */

	if (sched_init() != 0) /* threads: this one, and an idle one */
		panic("boot: no memory for the idle thread");
	static_key_init(); /* branches that are nops until their key is switched */
	graph_slow_refresh(); /* function_graph's way while it doesn't run: so text is the same before it has and after */
	if (cmdline.debug) /* last: interrupts are off, and who takes a mutex is told so from then on */
		static_key_set(&debug_key, true);
	pic_init(); /* interrupt lines, remapped and masked */
	if (apic_map(apic_base()) != 0)
		panic("boot: no memory to map the local APIC");
	apic_init_cpu();
	vector_set_handler(VECTOR_TIMER, timer_interrupt);
	if (cmdline.sweep)
		ktest_boot(cmdline.sweep); /* probes want a timer */
	local_irq_enable();
	trace_clock_init(tsc_calibrate(&waited));
	waited -= rdtsc();
	smp_init(); /* the other CPUs; mostly waiting for them */
	waited += rdtsc();
	if (work_init() != 0) /* the thread for what can't be done where it arises */
		panic("boot: no memory for kworker");
	if (rcu_init() != 0) /* the threads of grace periods and of callbacks */
		panic("boot: no memory for RCU's threads");
	if (kprobe_later_init() != 0) /* the thread that frees probes' copies */
		panic("boot: no memory for the probes' thread");
	ring_buffer_init_others();
	if (cmdline.debug)
		rcu_check_set(true);
	tracefs_init();
	ftrace_profile_init(); /* a file for each CPU that has come */
	if (*cmdline.trace && tracer_set(cmdline.trace) != 0)
		printk("cmdline: \"trace=%s\" ignored: no such tracer, or no memory for it\n", cmdline.trace);
	if (cmdline.kprobe_event)
		kprobe_boot_events(cmdline.kprobe_event);
	if (cmdline.chaos)
		chaos_start(cmdline.chaos); /* unwelcome events at marked points */

	printk("nestling: booted by %s, %lu MiB usable, %lu frames free\n", boot_info.protocol,
	       frames_total() * PAGE_SIZE >> 20, frames_free_count());
	boot_time_waited(waited);
	boot_time_tell();
	printk("Type \"help\" for the commands, \"tour\" for the scenes.\n");

	init_run(); /* which doesn't come back */
}
