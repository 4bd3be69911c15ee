/* The kernel log: kept in memory, copied to the debug port, and to the console unless a script is to have it alone. */
#pragma once

#include "lib/printk.h"
#include "lib/seq.h"

/* Boot, once: whether the boot log goes to the console, too. From printk_boot_done() on, everything does. */
void printk_init(bool boot_on_console);
void printk_boot_done(void);
/* A panic wants to be seen: everything goes to the console, at once. */
void printk_panic_mode(void);
void printk_show_log(struct seq *out);
/* A sink that is the log: for what prints to a struct seq. */
struct seq *printk_seq(void);
