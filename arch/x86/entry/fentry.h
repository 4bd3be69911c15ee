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

/*
 * A probe's own trampolines: pages behind that one. In each piece a copy of probe_caller, with the operands that are at these
 * offsets changed; and behind it one of ftrace_caller.
 */
#define PROBE_TRAMPOLINES      (TRAMPOLINE_AREA + PAGE_SIZE)
#define PROBE_TRAMPOLINE_SIZE  512ul
#define PROBE_TRAMPOLINE_LIGHT 384ul
#define NR_PROBE_TRAMPOLINES   64ul
struct probe_template {
	u32 ip, site, same, handler, schedule, landing, size;
};
extern const struct probe_template probe_template;
extern const u8 probe_caller[];

/* What it knows of C: kprobe/fentry.c sees to it that this is so. */
#define SITE_ONLY	  24
#define KPROBE_PRE	  8
#define KPROBE_HITS	  32
#define GUARD_KPROBE_TASK 0x100
#define NOT_THREAD	  0xfffffe00 /* in the context word */

static __always_inline bool in_probe_trampolines(u64 ip, bool light)
{
	u64 at = ip - PROBE_TRAMPOLINES;

	return at < NR_PROBE_TRAMPOLINES * PROBE_TRAMPOLINE_SIZE &&
	       (at % PROBE_TRAMPOLINE_SIZE >= PROBE_TRAMPOLINE_LIGHT) == light;
}

/* Any context. Does a trampoline's code lie at @ip? */
static __always_inline bool in_trampoline(u64 ip)
{
	return ip - TRAMPOLINE_AREA < PAGE_SIZE || ip - (u64)ftrace_caller < ftrace_template.size ||
	       ip - (u64)ftrace_early_caller < ftrace_template.size || in_probe_trampolines(ip, true);
}

extern const u32 ftrace_regs_caller_size;
/* The same of those that save all registers, which the frame pointer leads to. */
static __always_inline bool in_regs_trampoline(u64 ip)
{
	return ip - (u64)ftrace_regs_caller < ftrace_regs_caller_size ||
	       ip - (u64)ftrace_probe_caller < ftrace_regs_caller_size || in_probe_trampolines(ip, false);
}
