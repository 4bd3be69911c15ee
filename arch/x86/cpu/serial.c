/* COM1 by port input and output, simple enough to work in a panic. */
#include "arch/x86/cpu/serial.h"

#include "arch/x86/cpu/regs.h"

#define COM1 0x3f8
#define RBR  (COM1 + 0) /* receive buffer; transmit holding on write; divisor low with DLAB */
#define IER  (COM1 + 1)
#define FCR  (COM1 + 2)
#define LCR  (COM1 + 3)
#define MCR  (COM1 + 4)
#define LSR  (COM1 + 5)

#define LSR_THR_EMPTY	 0x20
#define LCR_8N1		 0x03
#define LCR_DLAB	 0x80
#define IER_RECEIVE	 0x01
#define MCR_DTR_RTS_OUT2 0x0b /* OUT2 connects the interrupt line on a PC */

#define DEBUG_PORT 0xe9

static bool debug_port_present;

void serial_init(void)
{
	outb(IER, 0);
	outb(LCR, LCR_DLAB);
	outb(RBR, 1); /* 115200 baud */
	outb(IER, 0);
	outb(LCR, LCR_8N1);
	outb(FCR, 0x07); /* FIFOs on and emptied */
	outb(MCR, MCR_DTR_RTS_OUT2);
	outb(IER, IER_RECEIVE);
}

void serial_putc(char c)
{
	while (!(inb(LSR) & LSR_THR_EMPTY))
		cpu_relax();
	outb(RBR, (u8)c);
}

void debug_port_init(void) { debug_port_present = inb(DEBUG_PORT) == DEBUG_PORT; }

void debug_port_putc(char c)
{
	if (debug_port_present)
		outb(DEBUG_PORT, (u8)c);
}
