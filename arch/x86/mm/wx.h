/* The W^X checker: reads CR3 and the raw tables, and believes nothing the mapper says. */
#pragma once

#include "lib/types.h"

struct wx_result {
	unsigned leaves;     /* mappings seen */
	unsigned executable; /* of these, executable by the kernel */
	unsigned violations;
	/* The first one's two virtual addresses: equal when one mapping has both rights. */
	u64 bad_exec, bad_write;
};

/*
 * Thread context. Walks all that the current CR3 reaches: no frame that is executable through one
 * mapping may be writable through any.
 */
void wx_check(struct wx_result *out);
/* The same from another root table, at physical address @pa: for tables this CPU hasn't loaded. */
void wx_check_root(u64 pa, struct wx_result *out);
/* The tables text_poke() loads: outside a poke they too must be without a writable name for text. */
u64 text_poke_root(void);
