/* The trampolines of traced functions: what lies on the stack when one calls its consumer, and where they are. */
#pragma once

#include "arch/x86/mm/paging.h"
#include "lib/compiler.h"
#include "lib/types.h"

/* As fentry.asm saves it, lowest first. */
struct ftrace_frame {
	u64 r9, r8, cx, dx, si, di;
	u64 ip;	    /* where the traced function goes on: behind its site */
	u64 parent; /* its own return address: who writes here hooks its return */
};

struct ftrace_template {
	u32 ops, call, size; /* offsets of the operands to change; bytes */
};
extern const struct ftrace_template ftrace_template;
/* For all consumers of a site, and for the function tracer in boot: both of the same size. */
extern const u8 ftrace_caller[], ftrace_early_caller[];

/* One page of copies: R-X, reached only by text_poke(). */
#define TRAMPOLINE_AREA (SLOT_AREA + 0x4000000)

/* Any context. Does a trampoline's code lie at @ip? */
static __always_inline bool in_trampoline(u64 ip)
{
	return ip - TRAMPOLINE_AREA < PAGE_SIZE || ip - (u64)ftrace_caller < ftrace_template.size ||
	       ip - (u64)ftrace_early_caller < ftrace_template.size;
}
