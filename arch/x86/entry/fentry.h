/* The trampolines of traced functions: what lies on the stack when one calls its consumer, and where they are. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
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

/*
 * For a site with a probe on it, and for one that has other consumers besides. Below frame->ip there is a struct pt_regs
 * instead of the other fields.
 */
extern const u8 ftrace_probe_caller[], ftrace_regs_caller[];
static __always_inline struct pt_regs *ftrace_frame_regs(struct ftrace_frame *frame)
{
	return (struct pt_regs *)&frame->ip - 1;
}

/* One page of copies: R-X, reached only by text_poke(). */
#define TRAMPOLINE_AREA (SLOT_AREA + 0x4000000)

/* Any context. Does a trampoline's code lie at @ip? */
static __always_inline bool in_trampoline(u64 ip)
{
	return ip - TRAMPOLINE_AREA < PAGE_SIZE || ip - (u64)ftrace_caller < ftrace_template.size ||
	       ip - (u64)ftrace_early_caller < ftrace_template.size;
}

extern const u32 ftrace_regs_caller_size;
/* The same of those that save all registers, which the frame pointer leads to. */
static __always_inline bool in_regs_trampoline(u64 ip)
{
	return ip - (u64)ftrace_regs_caller < ftrace_regs_caller_size ||
	       ip - (u64)ftrace_probe_caller < ftrace_regs_caller_size;
}
