/* The console for who has none: a line at a time, under the lock that the kernel's messages take. */
#include "kernel/console.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/serial.h"
#include "kernel/printk.h"
#include "lib/compiler.h"

#define PIECE_MAX 256

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
