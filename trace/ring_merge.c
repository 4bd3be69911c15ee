/* The events of several CPUs as one sequence: always the one with the earliest time. */
#include "abi/errno.h"
#include "trace/internal.h"

int ring_merge_begin(struct ring_merge *m, enum ring_set set, u32 cpu, bool consume)
{
	m->cpus = 0;
	for (u32 i = 0; i < NR_CPUS; i++) {
		struct ring_cpu *r = ring_cpu_chosen(i, cpu) ? ring_buffer_of(set, i) : NULL;
		struct ring_page *copy = r ? ring_alloc(1, RING_PAGE_SIZE) : NULL;

		if (r && !copy) {
			ring_merge_end(m);
			return -ENOMEM;
		}
		if (!r)
			continue;
		ring_reader_begin(&m->readers[i], r, copy, consume);
		m->cpus |= 1u << i;
	}
	return 0;
}

void ring_merge_end(struct ring_merge *m)
{
	for (u32 i = 0; i < NR_CPUS; i++)
		if (m->cpus & 1u << i)
			ring_free(m->readers[i].copy, 1, RING_PAGE_SIZE);
	m->cpus = 0;
}

static bool earliest(struct ring_merge *m, struct ring_event *e)
{
	bool found = false;

	for (u32 i = 0; i < NR_CPUS; i++) {
		const struct ring_record *rec = m->cpus & 1u << i ? ring_reader_peek(&m->readers[i]) : NULL;

		if (!rec || (found && rec->time >= e->time))
			continue;
		*e = (struct ring_event){ rec->time, i, rec->lost, rec->data, rec->size };
		found = true;
	}
	return found;
}

bool ring_merge_next(struct ring_merge *m, struct ring_event *e)
{
	do
		if (!earliest(m, e))
			return false;
	while (!ring_reader_take(&m->readers[e->cpu]));
	return true;
}
