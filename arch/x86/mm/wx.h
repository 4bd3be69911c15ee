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
 * Task or hardirq context. Walks all that the current CR3 reaches: no frame that is executable through one
 * mapping may be writable through any.
 */
void wx_check(struct wx_result *out);
/* The same from another root table, at physical address @pa: for tables this CPU hasn't loaded. 0: those that it has. */
void wx_check_root(u64 pa, struct wx_result *out);
/*
 * Any context: an observed poke's. The tables that this CPU has loaded, and the others at @shared. In the middle of another
 * poke's it finds nothing, not even a mapping.
 */
void wx_check_poke(u64 shared, struct wx_result *out, struct wx_result *out_shared);
/* The tables text_poke() loads: outside a poke they too must be without a writable name for text. */
u64 text_poke_root(void);
