/* printk: one byte at a time to wherever it must go, with no lock to be left holding. */
#include "kernel/printk.h"

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/serial.h"
#include "lib/command.h"
#include "lib/compiler.h"
#include "lib/printf.h"

#define LOG_SIZE 16384

static char log[LOG_SIZE];
static u32 log_head; /* bytes ever written */
static bool to_console = true;
static volatile bool dying;

void printk_init(bool boot_on_console) { to_console = boot_on_console; }
void printk_boot_done(void) { to_console = true; }
void printk_panic_mode(void) { to_console = dying = true; }

/*
 * One CPU's message at a time. Its own traps and NMIs may print in the middle of it: the letters mix, and
 * nothing waits for itself. A panic takes the lock away from whoever has it.
 */
static u32 speaker; /* CPU number + 1 */

static bool speak_lock(void)
{
	u32 me = this_cpu(cpu_number) + 1, none = 0;

	if (READ_ONCE(speaker) == me)
		return false;
	while (!__atomic_compare_exchange_n(&speaker, &none, me, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		none = 0;
		if (dying)
			return false;
		cpu_relax(); /* the speaker waits for nobody, so nobody need be served here */
	}
	return true;
}

static void emit(void *arg, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		log[log_head++ % LOG_SIZE] = text[i];
		debug_port_putc(text[i]);
		if (to_console)
			serial_putc(text[i]);
	}
}

void vprintk(const char *fmt, va_list ap)
{
	u64 flags = local_irq_save();
	bool locked = speak_lock();

	vformat(emit, NULL, fmt, ap);
	if (locked)
		__atomic_store_n(&speaker, 0, __ATOMIC_RELEASE);
	local_irq_restore(flags);
}

void printk(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintk(fmt, ap);
	va_end(ap);
}

static void seq_to_log(struct seq *s, const char *text, size_t len) { emit(NULL, text, len); }

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
