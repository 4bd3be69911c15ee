/*
 * Formatted text: C's printf without floating point, plus the kernel's %pS (symbol+0xoff/0xsize) and %ps (symbol).
 *
 * Flags "-+ #0", width and precision (also *), lengths hh h l ll z t, conversions d i u x X o c s p %.
 * May be called from any context: no locks, no allocation.
 */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

typedef void (*format_emit_fn)(void *arg, const char *text, size_t len);

/* Formats through @emit, in pieces; returns the total length. */
int vformat(format_emit_fn emit, void *arg, const char *fmt, va_list ap);

/* As in C: always terminates (size > 0), returns the length the whole text would have had. */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
