/* COM1, a 16550 UART: the console's line. And QEMU's debug port 0xe9, where the kernel log goes. */
#pragma once

#include "lib/types.h"

#define COM1_IRQ 4

/* 115200 8N1, FIFOs on, receive interrupt on. */
void serial_init(void);
/* Any context; spins until the UART takes the byte. */
void serial_putc(char c);

/* Any context. Does nothing where the port isn't there. */
void debug_port_putc(char c);
void debug_port_init(void);
