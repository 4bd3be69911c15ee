/* Rings to write to from a program, with events that tell if they were torn, and pages read as the format says. */
#pragma once

#include "tests/host/host.h"
#include "trace/ring_reader.h"

#define FIXTURE_LEVELS 3 /* contexts that write: 0 is interrupted by 1, both by 2 */

/* An event's data: who wrote it, its number of his, and words that follow from these. */
struct fixture_event {
	u32 level, number, words;
	u32 word[];
};

struct fixture {
	struct ring_cpu ring;
	u64 attempts[FIXTURE_LEVELS], written[FIXTURE_LEVELS]; /* and committed, not taken back */
	u64 discarded;
	/* What was read: */
	u64 events, lost;
	u64 last_time;
	s64 last_number[FIXTURE_LEVELS];
};

void fixture_begin(struct fixture *f, u32 pages, bool overwrite);
void fixture_end(struct fixture *f);
/* Other slots, of @pages pages. */
void fixture_resize(struct fixture *f, u32 pages);
/* One event at @level, of some length that its number gives; at most @max_words of them. */
void fixture_write(struct fixture *f, u32 level, u32 max_words);
/* The same, taken back instead of committed. */
void fixture_discard(struct fixture *f, u32 level, u32 max_words);
/* Reads the next event and looks whether it is what was written; false when there is none. */
bool fixture_read(struct fixture *f, struct ring_reader *rd);
/* The same for a page, by a decoder of its own. */
bool fixture_read_page(struct fixture *f, struct ring_reader *rd);
/* Nobody writes, and all was read: nothing came from nowhere, and what isn't there was counted. */
void fixture_conserved(struct fixture *f);
