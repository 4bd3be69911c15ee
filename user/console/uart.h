/* A 16550 by handle. */
#pragma once

#include "lib/types.h"

/* COM1's ports; set before anything else here is called. */
extern u32 uart_ports;

/* A received byte, or -1. */
int uart_get(void);
void uart_put(const char *text, size_t len);
