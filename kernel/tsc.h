/* How fast the TSC ticks, found by waiting for the PIT. */
#pragma once

#include "lib/types.h"

/* Boot, once, interrupts on: waits about 10 ms in hlt. kHz, or 0 when the PIT says nothing. Adds the ticks waited to *@waited. */
u64 tsc_calibrate(u64 *waited);
