/* Events as text. */
#pragma once

#include "lib/seq.h"
#include "trace/ring_buffer.h"

/* Thread context. One line. */
void trace_print_event(struct seq *out, const struct ring_event *event);
/* Thread context. The file "trace" of a CPU, or of all: a header, and what is there. -ENOMEM. */
int trace_print(struct seq *out, enum ring_set set, u32 cpu);
