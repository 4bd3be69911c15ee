/* How fast the TSC ticks, found by waiting for the PIT. */
#pragma once

#include "lib/types.h"

/* Boot, once, interrupts on: waits about 10 ms in hlt. kHz. Adds the ticks waited to *@waited. */
u64 tsc_calibrate(u64 *waited);
