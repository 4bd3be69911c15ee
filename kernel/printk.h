/* The kernel log: kept in memory, copied to the debug port, and to the console unless a script is to have it alone. */
#pragma once

#include "lib/printk.h"
#include "lib/seq.h"

/* Boot, once: whether the boot log goes to the console, too. From printk_boot_done() on, everything does. */
void printk_init(bool boot_on_console);
void printk_boot_done(void);
/*
 * A panic, with the other CPUs stopped, or given up: the console is taken from whoever has it, all messages that wait are
 * printed as far as they are written, and from now on only this CPU prints, at once and to the console.
 */
void printk_panic_mode(void);
/*
 * After bust_kprobes() has thrown frames away, in the trap context that resumes: what those frames held or were
 * writing is given up. Messages that won't be finished count as lost.
 */
void printk_recovered(void);
void printk_show_log(struct seq *out);
/* A sink that is the log, each write a message: for the report of a panic, when nobody else prints. */
struct seq *printk_seq(void);

/*
 * The serial line and the log, for one CPU at a time. Interrupts off; task or hardirq context, and this CPU doesn't hold
 * it (console_trylock() may be tried anywhere). console_unlock() also prints the messages that wait.
 */
void console_lock(void);
bool console_trylock(void);
void console_unlock(void);
/* Under that lock, who isn't the kernel has sent something: has a line begun, and not ended, which a message would have to end? */
void printk_other_line(bool begun);
