/* The events of several CPUs as one sequence: always the one with the earliest time. */
#include "abi/errno.h"
#include "lib/string.h"
#include "trace/internal.h"

static int begin_one(struct ring_merge *m, u32 cpu, struct ring_cpu *r, enum ring_way way)
{
	struct ring_page *page = ring_alloc(1, RING_PAGE_SIZE);
	int err = page ? 0 : -ENOMEM;

	if (!err && way == RING_COPY) {
		err = ring_copy(&m->copies[cpu], r);
		r = &m->copies[cpu];
	}
	if (err) {
		ring_free(page, 1, RING_PAGE_SIZE);
		return err;
	}
	ring_reader_begin(&m->readers[cpu], r, page, way == RING_CONSUME);
	m->cpus |= 1u << cpu;
	return 0;
}

int ring_merge_begin(struct ring_merge *m, enum ring_set set, u32 cpu, enum ring_way way)
{
	int err;

	m->cpus = 0;
	m->event = ring_alloc(1, RING_PAGE_SIZE);
	err = m->event ? 0 : -ENOMEM;
	for (u32 i = 0; i < NR_CPUS && !err; i++) {
		struct ring_cpu *r = ring_cpu_chosen(i, cpu) ? ring_buffer_of(set, i) : NULL;

		m->copies[i] = (struct ring_cpu){};
		if (r)
			err = begin_one(m, i, r, way);
	}
	if (err)
		ring_merge_end(m);
	return err;
}

void ring_merge_end(struct ring_merge *m)
{
	for (u32 i = 0; i < NR_CPUS; i++) {
		if (!(m->cpus & 1u << i))
			continue;
		ring_free(m->readers[i].copy, 1, RING_PAGE_SIZE);
		if (m->copies[i].nr_slots)
			ring_destroy(&m->copies[i]);
	}
	m->cpus = 0;
	ring_free(m->event, 1, RING_PAGE_SIZE);
	m->event = NULL;
}

u64 ring_merge_count(const struct ring_merge *m, u64 *entries)
{
	u64 written = 0;

	*entries = 0;
	for (u32 i = 0; i < NR_CPUS; i++) {
		struct ring_stats s;

		if (!(m->cpus & 1u << i))
			continue;
		ring_stats(m->readers[i].ring, &s);
		*entries += s.entries;
		written += s.entries + s.overrun + s.read;
	}
	return written;
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
	do {
		if (!earliest(m, e))
			return false;
		e->entry = memcpy(m->event, e->entry, e->size);
	} while (!ring_reader_take(&m->readers[e->cpu]));
	return true;
}

bool ring_merge_peek(struct ring_merge *m, u64 *time)
{
	struct ring_event e = { 0 };
	bool found = earliest(m, &e);

	if (found)
		*time = e.time;
	return found;
}
