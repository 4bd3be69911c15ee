/* Ways to end badly that involve all CPUs, for the tests of endings. They exist only with "test" on the command line. */
#include "abi/errno.h"
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "kernel/nmi.h"
#include "kernel/printk.h"
#include "kprobe/kprobe.h"
#include "lib/bug.h"
#include "lib/compiler.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "sched/thread.h"

static bool word_is(const char *text, size_t len, const char *word)
{
	while (len && text[len - 1] == '\n')
		len--;
	return len == strlen(word) && strncmp(text, word, len) == 0;
}

/* A thread on each other CPU that runs @fn, and then this one does: it never ends. */
static void on_all_cpus(int (*fn)(void *arg))
{
	thread_set_affinity(1u << this_cpu(cpu_number));
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (cpus_up & 1u << cpu && cpu != this_cpu(cpu_number))
			thread_create("test", fn, NULL, PRIORITY_DEFAULT, 1u << cpu);
	fn(NULL);
}

static u32 ready; /* CPUs that have come */

static int panic_together(void *arg)
{
	local_irq_disable();
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	while (READ_ONCE(ready) != nr_cpus_up())
		cpu_relax();
	panic("all CPUs panic at once, says one of them");
}

/* One message in the ring, one cut off: what a panic finds in the middle of a printk. */
static void panic_with_messages_waiting(void)
{
	local_irq_disable();
	console_lock();
	printk("test: this message waited\n");
	panic("test/panic, with messages waiting");
}

static int panic_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	if (word_is(text, len, "all"))
		on_all_cpus(panic_together);
	if (word_is(text, len, "waiting"))
		panic_with_messages_waiting();
	panic("test/panic was written to");
}
CTL_FILE(ctl_test_panic, .path = "test/panic", .store = panic_store, .test_only = true);

static int hang_with_interrupts_off(void *arg)
{
	local_irq_disable();
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	for (;;)
		cpu_relax();
	return 0;
}

static int hang_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	if (word_is(text, len, "off"))
		hang_with_interrupts_off(NULL);
	if (word_is(text, len, "all"))
		on_all_cpus(hang_with_interrupts_off);
	for (;;)
		cpu_relax();
	return 0;
}
CTL_FILE(ctl_test_hang, .path = "test/hang", .store = hang_store, .test_only = true);

static u32 deaf_cpu = NR_CPUS;
static volatile bool deaf;

/* NMIs are masked until this returns, which it doesn't. */
static void stay_in_nmi(struct kprobe *p, struct pt_regs *regs)
{
	while (this_cpu(cpu_number) == deaf_cpu) {
		deaf = true;
		cpu_relax();
	}
}

/*
 * CPU 1 stays in its NMI handler. The probe that keeps it there can't be taken out: that would wait for the CPU, as do the end of a thread
 * and of a stream. So who is asked what it is doing is asked here.
 */
static int deaf_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	static struct kprobe p = { .addr = (u64)nmi_arrived, .pre = stay_in_nmi };
	const char *why;
	int err;

	if (deaf || !(cpus_up & 2) || this_cpu(cpu_number) == 1)
		return -EBUSY;
	err = kprobe_register(&p, &why);
	if (!err)
		err = kprobe_arm(&p);
	if (err)
		return err;
	deaf_cpu = 1;
	nmi_send(deaf_cpu);
	while (!deaf)
		cpu_relax();
	for (int i = 0; i < 2; i++)
		warn_cpus(cpus_up);
	return 0;
}
CTL_FILE(ctl_test_deaf, .path = "test/deaf", .store = deaf_store, .test_only = true);
