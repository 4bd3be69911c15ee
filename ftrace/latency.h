/* Latencies: the threshold that several tracers go by, and the longest one found. */
#pragma once

#include "lib/types.h"

extern u64 tracing_thresh;	/* ns; 0: none */
extern u64 tracing_max_latency; /* ns */
