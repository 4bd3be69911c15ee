/* The serial line, as the shell sees it: bytes in, bytes out. */
#pragma once

#include "lib/types.h"

/* Waits for the next byte. Thread context, interrupts on. */
int console_getc(void);
/* ^C from now on calls @fn, in hardirq context, instead of being a byte; NULL: it is one again. */
void console_interrupt(void (*fn)(void));
/* Text as it is, lines ending in '\n': whether the wire wants more is the console's business. */
void console_write(const char *text, size_t len);
