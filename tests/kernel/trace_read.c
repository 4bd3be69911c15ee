/* Counts through the merged events. */
#include "tests/kernel/trace_read.h"

#include "lib/string.h"

bool ring_buffer_read(u64 n, struct ring_entry *out)
{
	struct ring_merge merge;
	struct ring_event e;
	bool found;

	if (ring_merge_begin(&merge, RINGS_LIVE, RING_ALL_CPUS, RING_LOOK) != 0)
		return false;
	do
		found = ring_merge_next(&merge, &e);
	while (found && n--);
	if (found) {
		*out = (struct ring_entry){ .time = e.time,
					    .type = e.entry->type,
					    .cpu = (u8)e.cpu,
					    .flags = e.entry->flags,
					    .preempt_count = e.entry->preempt_count,
					    .pid = e.entry->pid };
		memcpy(out->payload, e.entry + 1, min(sizeof(out->payload), e.size - sizeof(*e.entry)));
	}
	ring_merge_end(&merge);
	return found;
}
