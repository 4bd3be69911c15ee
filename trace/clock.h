/* Trace time: nanoseconds since the first instruction, from the TSC. */
#pragma once

#include "lib/types.h"

/* Any context. Before calibration the TSC counts as 1 GHz, which is what an instruction-counting emulator shows. */
u64 trace_clock(void);
/* Boot, once: @khz from the calibration. */
void trace_clock_init(u64 khz);
