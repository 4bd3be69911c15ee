/*
 * Function-entry instrumentation: every visible function starts with a 5-byte nop that can become
 * a call. Sites are found by the compiler's list (__mcount_loc), chosen by filter, patched live.
 */
#pragma once

#include "lib/symtab.h"
#include "lib/types.h"

struct ftrace_site {
	u64 ip;
	bool traced;   /* is a call now */
	bool filtered; /* named by set_ftrace_filter */
	bool draft;    /* would be, if the write now being read is taken */
};

/* Boot, once: sorts the sites, and panics when one lies in a hidden section or isn't a nop. */
void ftrace_init(void);

size_t ftrace_nr_sites(void);
/* The @i-th site in address order. */
struct ftrace_site *ftrace_site(size_t i);
/* Any context. The site whose five bytes hold @ip, or NULL. */
struct ftrace_site *ftrace_site_at(u64 ip);

/*
 * Thread context. Brings every site to what tracer and filter say; sites with a probe's int3 in
 * them are left as they are and counted in the return value.
 */
size_t ftrace_update(bool tracing);

/* Is any site named? Without one the filter lets all functions pass. */
bool ftrace_filter_active(void);
