/* The console: the serial line, with an interrupt to wake whoever waits for a key. */
#include "kernel/console.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/serial.h"
#include "context/spinlock.h"
#include "kernel/printk.h"
#include "kernel/shell/console.h"
#include "kernel/traps.h"
#include "lib/compiler.h"
#include "sched/wait.h"

#define KEYS	  256
#define PIECE_MAX 256
#define CTRL_C	  3

static char keys[KEYS];
static volatile u32 keys_in, keys_out;
static SPINLOCK(keys_lock); /* the interrupt is CPU 0's, and the reader may be on another */

static void (*on_interrupt)(void);

void console_interrupt(void (*fn)(void)) { WRITE_ONCE(on_interrupt, fn); }

/* Interrupts off. What finds no room stays in the UART; QEMU then holds back the rest, a real one would lose it. */
static void receive(void)
{
	void (*fn)(void) = READ_ONCE(on_interrupt);
	bool interrupted = false;
	int c;

	spin_lock(&keys_lock);
	while (keys_in - keys_out < KEYS && (c = serial_getc()) >= 0) {
		if (c == CTRL_C && fn)
			interrupted = true;
		else
			keys[keys_in++ % KEYS] = (char)c;
	}
	spin_unlock(&keys_lock);
	if (interrupted)
		fn();
}

static struct wait_queue key_wait;

static void key_interrupt(void)
{
	receive();
	wake_all(&key_wait);
}

static bool key_ready(void)
{
	u64 flags = local_irq_save();

	receive(); /* what was left in the UART made its interrupt long ago */
	local_irq_restore(flags);
	return keys_in != keys_out;
}

void console_init(void)
{
	wait_queue_init(&key_wait, "console");
	irq_set_handler(COM1_IRQ, key_interrupt);
}

int console_getc(void)
{
	wait_event(&key_wait, key_ready());
	return (u8)keys[keys_out++ % KEYS];
}

/* A piece at a time, so that interrupts needn't wait for a long text; a line isn't cut, unless it is very long. */
static size_t write_piece(const char *text, size_t len)
{
	u64 flags = local_irq_save();
	size_t n = 0;

	console_lock();
	do
		serial_putc(text[n]);
	while (text[n++] != '\n' && n < min(len, (size_t)PIECE_MAX));
	console_unlock();
	local_irq_restore(flags);
	return n;
}

void console_write(const char *text, size_t len)
{
	while (len) {
		size_t n = write_piece(text, len);

		text += n;
		len -= n;
	}
}
