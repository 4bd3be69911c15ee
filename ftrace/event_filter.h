/*
 * Event filters: C-like conditions on an event's fields, in Linux's grammar, with Linux's words for what is wrong.
 *
 *	prev_pid > 5 && (next_comm ~ "c*" || !common_flags & 1)
 *
 * Pure: parsing makes a short program of a text, matching runs it over a record.
 */
#pragma once

#include "lib/tracepoint.h"

#define FILTER_TEXT_MAX	   960 /* bytes, with the NUL */
#define FILTER_OPERAND_MAX 256
#define FILTER_OPS_MAX	   64 /* terms, and what joins them: not more answers than a word has bits */
#define FILTER_NESTING_MAX 16

/* One step: a comparison adds an answer, anything else makes one of the last one or two. */
struct filter_op {
	u8 kind;
	u8 size; /* of the field; 0: it is in no record */
	bool is_signed : 1, is_string : 1, is_dynamic : 1;
	u16 offset, length; /* of the field in the record; of the operand, if it is text */
	u64 value;	    /* the operand, or its place in the filter's text */
};

struct event_filter {
	u16 nr_ops;
	struct filter_op ops[FILTER_OPS_MAX];
	char text[]; /* as written, without the white space around it */
};

static inline size_t event_filter_size(size_t len) { return sizeof(struct event_filter) + len + 1; }

/*
 * @len bytes of condition into @f, which has event_filter_size(@len). 0, or -EINVAL, what is wrong, and at which byte.
 * @fields as struct event has them, after the common ones, which are known.
 */
int event_filter_parse(struct event_filter *f, const struct event_field *fields, const char *text, size_t len,
		       const char **why, size_t *at);

/* Any context. */
bool event_filter_match(const struct event_filter *f, const void *record, const char *comm, u32 cpu);

/* The field called @name: the event's own, or a common one; NULL. */
const struct event_field *event_field_find(const struct event_field *fields, const char *name, size_t len);
extern const struct event_field event_common_fields[];
/* Where the dynamic @field of @record has its string, and how much there is of it. */
static inline const char *event_field_string(const void *record, const void *field, size_t *size)
{
	u32 place;

	__builtin_memcpy(&place, field, sizeof(place));
	*size = place >> 16;
	return (const char *)record + (place & 0xffff);
}
/* A number in a record. */
u64 event_field_value(const void *field, size_t size, bool is_signed);
