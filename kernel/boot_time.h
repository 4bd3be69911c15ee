/* How long the boot took, without what it waited for. */
#pragma once

#include "lib/types.h"

/* Boot. So many ticks of the TSC aren't counted. */
void boot_time_waited(u64 ticks);
/* Boot, at its end: tells the log how many ticks there have been since the first instruction. */
void boot_time_tell(void);
/* Boot. The first thread that goes to user mode is to be told of, too, and with that the boot is over. */
void boot_time_await_user(void);
/* Thread context, interrupts on: the calling thread goes to user mode next. */
void boot_time_user(void);
