/* Function names by address and addresses by name, from the table the second link pass adds. */
#pragma once

#include "lib/types.h"

struct symtab {
	u64 base; /* all offsets count from here */
	u32 count;
	const u32 *offsets;  /* ascending, one a symbol */
	const u32 *sizes;    /* bytes, 0 when unknown */
	const u32 *names;    /* where the symbol's name starts in @strings */
	const char *strings; /* NUL-terminated names */
};

struct symbol {
	const char *name;
	u64 start, size;
};

/* The symbol that contains @addr; false when none does. A symbol of unknown size reaches to the next. */
bool symtab_find(const struct symtab *t, u64 addr, struct symbol *out);
/* By exact name: the first in address order; @matches (may be NULL) counts how many share the name. */
bool symtab_find_name(const struct symtab *t, const char *name, struct symbol *out, unsigned *matches);
/* The @i-th symbol in address order; false past the end. */
bool symtab_nth(const struct symtab *t, u32 i, struct symbol *out);

/* Any context. Writes "name+0xoff/0xsize", or the bare address in hex when unknown; returns the length as snprintf. */
int sprint_symbol(char *buf, size_t size, u64 addr);

/* The kernel's own table. Host tests bring theirs. */
extern const struct symtab kernel_symtab;
/* The same of its variables: those with a name of their own in their file, statics of functions not. */
extern const struct symtab data_symtab;
