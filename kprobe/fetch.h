/*
 * What a probe event records besides the place: each argument of its definition is a small program that makes a value
 * of the probed context's registers and memory.
 */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "lib/seq.h"
#include "lib/types.h"

#define PROBE_ARGS_MAX	 32 /* of one event; Linux takes 128 */
#define ARG_NAME_MAX	 32 /* Linux's numbers, from here on */
#define ARG_TEXT_MAX	 63 /* of what stands behind the name, but for the NUL */
#define FETCH_OPS_MAX	 16
#define FETCH_ARRAY_MAX	 64
#define PROBE_RECORD_MAX 1024 /* bytes of one record, strings too */
#define FETCH_STRING_MAX 256  /* of one string, with its NUL */

struct fetch_type {
	const char *name, *field; /* in a definition; in the file "format" */
	const char *fmt;	  /* in its "print fmt" */
	u8 size;
	char style; /* how it is printed: d u x; S: a symbol; s: a string */
};

enum fetch_kind {
	FETCH_REG,   /* the register at @value in pt_regs */
	FETCH_IMM,   /* @value */
	FETCH_COMM,  /* the address of the thread's name */
	FETCH_TEXT,  /* that of the argument's own text */
	FETCH_ADD,   /* what there is and @value */
	FETCH_LOAD,  /* what is in memory there */
	FETCH_ULOAD, /* in user memory */
};
struct fetch_op {
	u8 kind;
	u64 value;
};

struct probe_arg {
	char name[ARG_NAME_MAX + 1], text[ARG_TEXT_MAX + 1];
	char string[ARG_TEXT_MAX]; /* of \"string" */
	const struct fetch_type *type;
	u16 offset, size;	    /* in the record; of an array all of it */
	u8 count;		    /* of an array; 0: it is none */
	u8 shift_left, shift_right; /* of a bit field */
	bool memory, user,
		user_text; /* the value is an address; of user memory; with strings of the user's */
	u8 nr_ops;
	struct fetch_op ops[FETCH_OPS_MAX];
};

static inline bool fetch_is_string(const struct probe_arg *a) { return a->type->style == 's'; }

/* A definition being read; what is wrong with it. */
struct probe_text {
	const char *line;
	size_t at; /* the column in question */
	const char **why;
	const struct probe_file *file; /* that the place is in; NULL: it's the kernel */
};
/* A program's file, as far as arguments need it: where what is at @offset of it is in memory. */
struct probe_file {
	bool (*address)(const struct probe_file *f, u64 offset, u64 *addr);
};
static inline int probe_bad(struct probe_text *t, size_t at, const char *why, int err)
{
	t->at = at;
	*t->why = why;
	return -err;
}
/* parse.c. The address of what has this name; false: nothing has, or several have. */
bool probe_symbol(const char *name, size_t len, u64 *addr);

/* What of a place decides which arguments there are. */
#define FETCH_ENTRY  1 /* a function's: it has $argN */
#define FETCH_RETURN 2 /* it has $retval */
#define FETCH_USER   4 /* a program's: all memory is the user's */

/* fetch_parse.c. The expression from t->at up to @end, FETCH[:TYPE], into the zeroed @a. 0, or -EINVAL. */
int fetch_parse(struct probe_text *t, size_t end, struct probe_arg *a, unsigned place);
/* fetch_type.c. A type's name, without what stands in brackets behind it; its column is t->at. 0, or -EINVAL. */
int fetch_parse_type(struct probe_text *t, size_t end, struct probe_arg *a);
const struct fetch_type *fetch_type_find(const char *name, size_t len);
/* As a trace line has it; @record: the whole. */
void fetch_print(struct seq *out, const struct probe_arg *a, const u8 *record);
/* "NAME=FORMAT", as "print fmt" has it; and the operands for it. */
void fetch_print_format(struct seq *out, const struct probe_arg *a);
void fetch_print_operands(struct seq *out, const struct probe_arg *a);

/*
 * fetch.c. Any context; of a hit in user mode and in task context, a user's page that isn't there yet is made. The argument into @record, whose strings end at @end so far; returns where they end then. What can't be read is 0.
 */
u32 fetch_store(const struct probe_arg *a, const struct pt_regs *regs, u8 *record, u32 end);
