/* printk from int3 and NMI in the middle of other messages: every line whole, in order, and what is lost counted. */
#include "kernel/printk.h"

#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/serial.h"
#include "arch/x86/cpu/smp.h"
#include "context/context.h"
#include "kernel/message_ring.h"
#include "kernel/nmi.h"
#include "kernel/panic.h"
#include "lib/printf.h"
#include "lib/symtab.h"
#include "sched/thread.h"
#include "tests/kernel/log.h"
#include "tests/kernel/probe.h"

static unsigned number; /* of this test in the log */
static char mark[48];

/* An NMI that others have sent, and that came together with another, would hide one of these tests'. */
static void settle(void)
{
	u32 here = this_cpu(cpu_number);

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		if (!(cpus_up & 1u << cpu))
			continue;
		EXPECT_EQ(thread_set_affinity(1u << cpu), 0);
		preempt_disable();
		nmi_settle();
		preempt_enable();
	}
	thread_set_affinity(1u << here); /* where the others expect it */
	thread_set_affinity(CPU_MASK_ALL);
}

static void begin(void)
{
	settle();
	snprintf(mark, sizeof(mark), "printk test %u begins\n", ++number);
	printk("%s", mark);
}

/* How many lines of @log are, as a whole, @line. */
static unsigned count_lines(const char *log, const char *line)
{
	size_t len = strlen(line);
	unsigned n = 0;

	while (*log) {
		const char *end = log;

		while (*end && *end != '\n')
			end++;
		n += (size_t)(end - log) == len && strncmp(log, line, len) == 0;
		log = *end ? end + 1 : end;
	}
	return n;
}

static bool in_order(const char *log, const char *first, const char *second)
{
	const char *at = strstr(log, first);

	return at && strstr(at + 1, second);
}

static unsigned limit; /* of hits that do something */
static u64 left_in_ring;

/* In an int3 inside printk. The report of an NMI that nobody sent is a message from inside an NMI. */
static void print_and_nmi(struct kprobe *p, struct pt_regs *regs)
{
	if (p->hits != limit)
		return;
	printk("int3 says one\n");
	apic_send_nmi(apic_id());
	printk("int3 says two\n");
	left_in_ring += !ring_empty(this_cpu(cpu_number));
}

KTEST(printk, messages_from_int3_and_nmi_inside_a_message)
{
	struct kprobe p = { .addr = (u64)debug_port_putc, .pre = print_and_nmi, .technique = KPROBE_INT3 };
	const char *log;

	left_in_ring = 0;
	limit = 30; /* of the letters on the way */
	begin();
	if (!probe_on(&p))
		return;
	printk("this line of sixty letters is interrupted in its middle: %s\n", "ok");
	probe_off(&p);
	log = log_since(mark);
	EXPECT_EQ(left_in_ring, 1);
	EXPECT_EQ(count_lines(log, "this line of sixty letters is interrupted in its middle: ok"), 1);
	EXPECT_EQ(count_lines(log, "int3 says one"), 1);
	EXPECT_EQ(count_lines(log, "int3 says two"), 1);
	EXPECT(in_order(log, "this line", "int3 says one\n"));
	EXPECT(in_order(log, "int3 says one\n", "nmi: CPU "));
	EXPECT(in_order(log, ", sent by nobody here\n", "int3 says two\n"));
	EXPECT(ring_empty(this_cpu(cpu_number)));
}

static bool give_console_up;

/* Formatting is done twice: first to measure, then into the ring. */
static void nmi_in_ring(struct kprobe *p, struct pt_regs *regs)
{
	if (p->hits != 2)
		return;
	if (give_console_up)
		console_unlock();
	apic_send_nmi(apic_id());
}

/* The NMI's message waits for the one beneath, which isn't finished, though the console may be free. */
static void message_inside_a_message(bool console_free)
{
	struct kprobe p = { .addr = (u64)sprint_symbol, .pre = nmi_in_ring, .technique = KPROBE_INT3 };
	const char *log;
	u64 flags;

	give_console_up = console_free;
	begin();
	if (!probe_on(&p))
		return;
	flags = local_irq_save();
	console_lock(); /* so that printk leaves its message in the ring */
	printk("half of it %pS the other half\n", (void *)sprint_symbol);
	if (!console_free) {
		EXPECT(!ring_empty(this_cpu(cpu_number)));
		console_unlock();
	}
	EXPECT(ring_empty(this_cpu(cpu_number)));
	local_irq_restore(flags);
	probe_off(&p);
	log = log_since(mark);
	EXPECT(in_order(log, "half of it sprint_symbol+0x0/0x", " the other half\nnmi: CPU "));
	EXPECT(strstr(log, ", sent by nobody here\n"));
}

KTEST(printk, an_nmi_inside_a_message_for_the_ring)
{
	message_inside_a_message(false);
}
KTEST(printk, a_free_console_does_not_change_the_order)
{
	message_inside_a_message(true);
}

KTEST(printk, an_nmi_prints_at_once_when_it_can)
{
	u64 flags;

	begin();
	flags = local_irq_save();
	apic_send_nmi(apic_id());
	for (int i = 0; i < 1000; i++) /* until it has come */
		cpu_relax();
	EXPECT(strstr(log_since(mark), ", sent by nobody here\n"));
	local_irq_restore(flags);
}

static unsigned sent;

/* Each message of this test has one colon. */
static void nmi_at_colon(struct kprobe *p, struct pt_regs *regs)
{
	if ((char)regs->di == ':' && sent < 3) {
		sent++;
		apic_send_nmi(apic_id());
	}
}

/*
 * An NMI in the middle of the message, one while its report is printed, and one while the report of that is: there the
 * console's holder looks no more, and the last report has this CPU's next interrupt.
 */
KTEST(printk, what_comes_too_late_has_its_interrupt)
{
	struct kprobe p = { .addr = (u64)debug_port_putc, .pre = nmi_at_colon, .technique = KPROBE_INT3 };
	const char *log;
	unsigned n = 0;
	u64 flags;

	sent = 0;
	begin();
	if (!probe_on(&p))
		return;
	flags = local_irq_save();
	printk("one: whole\n");
	EXPECT_EQ(sent, 3);
	EXPECT(!ring_empty(this_cpu(cpu_number)));
	local_irq_restore(flags);
	for (int i = 0; i < 1000000 && !ring_empty(this_cpu(cpu_number)); i++)
		cpu_relax();
	EXPECT(ring_empty(this_cpu(cpu_number)));
	probe_off(&p);
	log = log_since(mark);
	EXPECT_EQ(count_lines(log, "one: whole"), 1);
	while ((log = strstr(log, ", sent by nobody here\n"))) {
		log++;
		n++;
	}
	EXPECT_EQ(n, 3);
}

#define MANY 300

KTEST(printk, what_finds_no_room_is_counted)
{
	unsigned kept, lost = 0;
	const char *log, *at;
	u64 flags;

	begin();
	flags = local_irq_save();
	console_lock();
	for (int i = 0; i < MANY; i++)
		printk("one of %d lines of thirty-one\n", MANY);
	console_unlock();
	local_irq_restore(flags);
	log = log_since(mark);
	kept = count_lines(log, "one of 300 lines of thirty-one");
	at = strstr(log, "printk: ");
	EXPECT(at);
	for (at = at ? at + 8 : ""; *at >= '0' && *at <= '9'; at++)
		lost = lost * 10 + (unsigned)(*at - '0');
	EXPECT(strncmp(at, " messages lost\n", 15) == 0);
	EXPECT(kept > 100 && lost > 0);
	EXPECT_EQ(kept + lost, MANY);
}

/* As if bust_kprobes() had thrown away what was begun inside the trap that this depth stands for. */
static void recover_at_depth(unsigned depth)
{
	u32 deeper = (nmi_depth() - depth) * NMI_ONE;

	context_sub(deeper);
	printk_recovered();
	warn_recovered();
	context_add(deeper);
}

static void recover_in_ring(struct kprobe *p, struct pt_regs *regs)
{
	if (p->hits == 2)
		recover_at_depth(limit);
}

/* A message begun at depth 2 while the console is held; when it is half written, everything from @depth on is thrown away. */
static bool is_lost(unsigned depth)
{
	struct kprobe p = { .addr = (u64)sprint_symbol, .pre = recover_in_ring, .technique = KPROBE_INT3 };
	u64 flags;

	limit = depth;
	begin();
	if (!probe_on(&p))
		return false;
	flags = local_irq_save();
	console_lock();
	context_add(2 * NMI_ONE);
	printk("half of it %pS the other half\n", (void *)sprint_symbol);
	context_sub(2 * NMI_ONE);
	console_unlock();
	local_irq_restore(flags);
	probe_off(&p);
	return strstr(log_since(mark), "printk: 1 messages lost\n");
}

KTEST(printk, what_was_thrown_away_is_not_waited_for)
{
	u64 flags = local_irq_save();

	context_add(2 * NMI_ONE);
	EXPECT(console_trylock());
	recover_at_depth(1); /* the console's holder is gone */
	EXPECT(console_trylock());
	context_sub(2 * NMI_ONE);
	context_add(3 * NMI_ONE);
	printk_recovered(); /* it goes on */
	EXPECT(!console_trylock());
	context_sub(3 * NMI_ONE);
	console_unlock();
	local_irq_restore(flags);
	EXPECT(is_lost(1));
	EXPECT(is_lost(2));
	EXPECT(!is_lost(3));
}

static void warn_again(struct kprobe *p, struct pt_regs *regs)
{
	if (p->hits > 1)
		return;
	recover_at_depth(limit);
	warn("the next one");
}

/* A report begun at depth 2; in its middle everything from @depth on is thrown away. Is the next one told whole? */
static bool has_room_again(unsigned depth)
{
	struct kprobe p = { .addr = (u64)sprint_symbol, .pre = warn_again, .technique = KPROBE_INT3 };
	u64 flags;

	limit = depth;
	begin();
	if (!probe_on(&p))
		return false;
	flags = local_irq_save();
	context_add(2 * NMI_ONE);
	warn("the first");
	context_sub(2 * NMI_ONE);
	local_irq_restore(flags);
	probe_off(&p);
	EXPECT(strstr(log_since(mark), "the next one"));
	return !strstr(log_since(mark), "while another report is written");
}

KTEST(printk, a_report_thrown_away_leaves_its_room)
{
	EXPECT(has_room_again(1));
	EXPECT(has_room_again(2));
	EXPECT(!has_room_again(3));
}

static void print_always(struct kprobe *p, struct pt_regs *regs) { printk("again\n"); }

/* Each letter that is printed prints a line: that must come to an end. */
KTEST(printk, a_probe_that_prints_on_the_way_of_printing)
{
	struct kprobe p = { .addr = (u64)debug_port_putc, .pre = print_always, .technique = KPROBE_INT3 };
	const char *log;

	begin();
	if (!probe_on(&p))
		return;
	printk("fed back\n");
	probe_off(&p);
	printk("and over\n");
	log = log_since(mark);
	EXPECT_EQ(count_lines(log, "fed back"), 1);
	EXPECT_EQ(count_lines(log, "again"), strlen("fed back\n"));
	EXPECT(strstr(log, " messages lost\n"));
	EXPECT_EQ(count_lines(log, "and over"), 1);
}

#define LINES 160

static int print_lines(void *cpu)
{
	unsigned lines = LINES / max(nr_cpus_up(), 1u);

	for (unsigned i = 0; i < lines; i++)
		printk("CPU %u prints this line %s\n", (u32)(long)cpu, "in several pieces");
	return 0;
}

KTEST(printk, lines_of_all_cpus_are_whole)
{
	struct thread *threads[NR_CPUS];
	unsigned whole = 0, wanted = 0;
	const char *log;
	char line[64];

	begin();
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		threads[cpu] = cpus_up & 1u << cpu ? thread_create("printer", print_lines, (void *)(long)cpu,
								   PRIORITY_DEFAULT, 1u << cpu)
						   : NULL;
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (threads[cpu])
			thread_join(threads[cpu]);
	log = log_since(mark);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		struct seq_buf b;

		if (!threads[cpu])
			continue;
		seq_buf_init(&b, line, sizeof(line));
		seq_printf(&b.seq, "CPU %u prints this line in several pieces", cpu);
		whole += count_lines(log, line);
		wanted += LINES / max(nr_cpus_up(), 1u);
	}
	EXPECT_EQ(whole, wanted);
}
