/* The kernel log, declared low because every floor speaks; defined in kernel/printk.c. */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

void printk(const char *fmt, ...) __printf(1, 2);
void vprintk(const char *fmt, va_list ap);
