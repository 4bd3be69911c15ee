/* What the files of this folder share about the rings. */
#pragma once

#include "lib/ctl.h"
#include "trace/ring_buffer.h"

/* The rings, and which of the two sets is live. */
extern struct ring_cpu ring_sets[2][NR_CPUS];
extern u32 ring_live_set;

/* Around a change of rings: in between nobody writes. They nest. */
void ring_buffer_stop(void);
void ring_buffer_start(void);
/* The second half of the first, for boot: who writes now has seen it. */
void ring_buffer_refresh(void);

static inline bool ring_cpu_chosen(u32 cpu, u32 chosen) { return chosen == RING_ALL_CPUS || cpu == chosen; }

/* Room for @n things of @size bytes each, zeroed; NULL. */
void *ring_alloc(size_t n, size_t size);
void ring_free(void *p, size_t n, size_t size);
/* Pages of the ring at @r, none when it has none yet; -ENOMEM, and nothing is kept. */
int ring_create(struct ring_cpu *r, size_t pages);
void ring_destroy(struct ring_cpu *r);
/* A new ring at @to with all that is in @from, which may be written to meanwhile. -ENOMEM. */
int ring_copy(struct ring_cpu *to, struct ring_cpu *from);
void ring_buffer_files_init(void);

/* Boot. A file like @file in per_cpu/cpuN/ for each CPU that has a ring: its path is the name there. */
void trace_add_per_cpu(const struct ctl_file *file);
/* Which CPU a file is about, or RING_ALL_CPUS. */
u32 trace_file_cpu(const struct ctl_file *self);
