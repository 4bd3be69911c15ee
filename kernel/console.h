/* The console's interrupt. What the shell calls is in kernel/shell/console.h. */
#pragma once

/* Boot, once, after the interrupt controller. */
void console_init(void);
