/* The serial line, for a program that has no console to write to. */
#pragma once

#include "lib/types.h"

/* Thread context, interrupts on. Text as it is, a line at a time: what else prints comes between lines. */
void console_write(const char *text, size_t len);
