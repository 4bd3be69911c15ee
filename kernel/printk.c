/*
 * printk: one message at a time on the console, from any context, without ever waiting for oneself.
 *
 * Who isn't NMI-like waits for the console and prints. Who is NMI-like may have interrupted the console's holder: it
 * prints when the console is free and no message of this CPU lies unfinished beneath, and else leaves its message
 * in the CPU's ring, for the holder to print when it is done, or for this CPU's next interrupt.
 */
#include "kernel/printk.h"

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/serial.h"
#include "context/context.h"
#include "context/irq_work.h"
#include "kernel/message_ring.h"
#include "lib/command.h"
#include "lib/compiler.h"
#include "lib/printf.h"
#include "lib/string.h"

#define LOG_SIZE 16384

static char log[LOG_SIZE];
static u32 log_head; /* bytes ever written */
static bool to_console = true;
static bool other_line; /* somebody else's is begun on the console; under the console's lock */

static u32 dying;	  /* CPU number + 1 of the one that panics: the console is its alone */
static u32 holder;	  /* of the console: CPU number + 1, and above it the NMI depth where it was taken */
static u32 flusher;	  /* CPU number + 1 of the holder while it empties rings */
static u32 lost[NR_CPUS]; /* messages that found no room, not reported yet */

#define HOLDER_CPU   0xff
#define HOLDER_DEPTH 8

void printk_init(bool boot_on_console) { to_console = boot_on_console; }
void printk_boot_done(void) { to_console = true; }

static u32 me(void) { return this_cpu(cpu_number) + 1; }
static bool holding(void) { return (READ_ONCE(holder) & HOLDER_CPU) == me(); }

/* Another CPU is dying, and this one hasn't been stopped: it keeps quiet, so that there is one report. */
static bool silenced(void)
{
	u32 d = READ_ONCE(dying);

	return d && d != me();
}

static void emit(void *arg, const char *text, size_t len)
{
	while (unlikely(silenced()))
		cpu_relax();
	for (size_t i = 0; i < len; i++) {
		log[log_head++ % LOG_SIZE] = text[i];
		debug_port_putc(text[i]);
		if (!to_console)
			continue;
		if (other_line) {
			other_line = false;
			serial_putc('\n');
		}
		serial_putc(text[i]);
	}
}

void printk_other_line(bool begun) { other_line = begun; }

bool console_trylock(void)
{
	u32 none = 0, mine = me() | nmi_depth() << HOLDER_DEPTH;

	return __atomic_compare_exchange_n(&holder, &none, mine, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

void console_lock(void)
{
	while (!console_trylock())
		cpu_relax(); /* the holder waits for nobody, so nobody need be served here */
}

static void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vformat(emit, NULL, fmt, ap);
	va_end(ap);
}

/* What the rings hold now; what comes in the meantime isn't waited for, so this ends. */
static void flush(bool all)
{
	WRITE_ONCE(flusher, me());
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		u32 n;

		if (!ring_empty(cpu))
			ring_flush(cpu, emit, all);
		if (READ_ONCE(lost[cpu])) {
			n = __atomic_exchange_n(&lost[cpu], 0, __ATOMIC_RELAXED);
			say("printk: %u messages lost\n", n);
		}
	}
	WRITE_ONCE(flusher, 0);
}

static bool anything_ready(void)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (ring_ready(cpu))
			return true;
	return false;
}

/*
 * The second look is for who left a message between our flush and the release, and found the console taken: one of
 * us sees the other, as both exchange first. Not a third one: what comes then has its CPU's interrupt.
 */
void console_unlock(void)
{
	flush(false);
	__atomic_exchange_n(&holder, 0, __ATOMIC_SEQ_CST);
	if (unlikely(anything_ready()) && console_trylock()) {
		flush(false);
		__atomic_exchange_n(&holder, 0, __ATOMIC_SEQ_CST);
	}
}

static void flush_interrupt(struct irq_work *w)
{
	console_lock();
	console_unlock();
}
static DEFINE_PER_CPU(struct irq_work, flush_work) = IRQ_WORK_INIT(flush_interrupt);

/*
 * Interrupts are off while a CPU flushes: a trap then, outside a real NMI, comes from the flushing itself. A probe
 * there whose handler prints would fill the ring as fast as it is emptied.
 */
static bool caused_by_flushing(void) { return READ_ONCE(flusher) == me() && !in_real_nmi(); }

static void leave_in_ring(const char *fmt, va_list ap)
{
	u32 cpu = this_cpu(cpu_number);
	bool feedback = caused_by_flushing();

	if (feedback || !ring_write(fmt, ap))
		__atomic_fetch_add(&lost[cpu], 1, __ATOMIC_RELAXED);
	if (feedback)
		return;
	if (console_trylock()) /* its holder may have looked just before there was something */
		console_unlock();
	if (!ring_empty(cpu))
		irq_work_queue(this_cpu_ptr(flush_work));
}

/* May this message go to the console at once? Then the console is ours. */
static bool take_console(void)
{
	if (!in_nmi() && !holding()) {
		console_lock();
		return true;
	}
	if (!console_trylock())
		return false;
	flush(false);
	if (ring_empty(this_cpu(cpu_number)))
		return true;
	console_unlock(); /* a message lies unfinished beneath: ours comes after it */
	return false;
}

void vprintk(const char *fmt, va_list ap)
{
	u64 flags = local_irq_save();

	if (unlikely(READ_ONCE(dying))) {
		if (dying == me())
			vformat(emit, NULL, fmt, ap);
		else if (
			!in_nmi()) /* an NMI-like context goes on, to where the NMI that stops this CPU gets in */
			emit(NULL, "", 0);
	} else if (take_console()) {
		vformat(emit, NULL, fmt, ap);
		console_unlock();
	} else {
		leave_in_ring(fmt, ap);
	}
	local_irq_restore(flags);
}

void printk(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintk(fmt, ap);
	va_end(ap);
}

void printk_panic_mode(void)
{
	WRITE_ONCE(dying, me());
	WRITE_ONCE(holder, me());
	to_console = true;
	if (log_head && log[(log_head - 1) % LOG_SIZE] != '\n')
		say("\n"); /* somebody's line was cut off */
	flush(true);
}

void printk_recovered(void)
{
	u32 depth = nmi_depth();

	if (holding() && holder >> HOLDER_DEPTH >= depth) {
		WRITE_ONCE(flusher, 0);
		__atomic_store_n(&holder, 0, __ATOMIC_RELEASE);
	}
	__atomic_fetch_add(&lost[this_cpu(cpu_number)], ring_abandon(depth), __ATOMIC_RELAXED);
}

static void seq_to_log(struct seq *s, const char *text, size_t len) { printk("%.*s", (int)len, text); }

struct seq *printk_seq(void)
{
	static struct seq s = { .write = seq_to_log };

	return &s;
}

void printk_show_log(struct seq *out)
{
	u32 end = log_head, n = end < LOG_SIZE ? 0 : end - LOG_SIZE;

	for (; n != end; n++)
		seq_putc(out, log[n % LOG_SIZE]);
}

static int dmesg(int argc, char **argv, struct seq *out)
{
	printk_show_log(out);
	return 0;
}
COMMAND(dmesg, "", "print the kernel log", dmesg);
