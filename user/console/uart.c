/* The kernel has set it up; what is left is to look before each byte, or before as many as it takes at once. */
#include "user/console/uart.h"

#include "user/lib/syscall.h"

#define COM1 0x3f8
#define RBR  (COM1 + 0) /* received; to be sent, when written */
#define LSR  (COM1 + 5)

#define LSR_DATA_READY 0x01
#define LSR_THR_EMPTY  0x20 /* then there is room for FIFO bytes */
#define FIFO	       16

u32 uart_ports;

/* What can't be read is as all ones, as on the bus. */
static u8 in(u16 port)
{
	u64 value;

	return syscall_value(SYS_ports_in, uart_ports, port, 1, 0, 0, &value) ? 0xff : (u8)value;
}

int uart_get(void) { return in(LSR)&LSR_DATA_READY ? in(RBR) : -1; }

void uart_put(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		while (i % FIFO == 0 && !(in(LSR)&LSR_THR_EMPTY))
			syscall0(SYS_yield);
		syscall6(SYS_ports_out, uart_ports, RBR, 1, (u8)text[i], 0, 0);
	}
}
