/*
 * The black box's layout: one record for each entry to and exit from a vector, written by entry.asm
 * itself, without a call, so that it sees what is hidden from every instrumentation.
 *
 * Reading it is trace/black_box.c's business.
 */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "lib/compiler.h"
#include "lib/types.h"

enum bb_direction {
	BB_ENTRY = 0,
	BB_EXIT = 1,
	BB_RESUME = 2, /* bust_kprobes() left a recursion for the frame it started from */
};

struct bb_record {
	u64 tsc;
	u64 ip; /* of the interrupted context; on exit, where it goes on */
	u64 sp; /* of the handler: the address of its pt_regs; or of what the stub has saved, when it does all itself */
	u32 depth; /* how many vectors deep this CPU is, this one included */
	u16 vector;
	u16 direction;
};

#define BLACK_BOX_RECORDS 512

static_assert((sizeof(struct bb_record) & (sizeof(struct bb_record) - 1)) == 0, "entry.asm masks bytes");
static_assert((BLACK_BOX_RECORDS & (BLACK_BOX_RECORDS - 1)) == 0, "slots are taken modulo a mask");
static_assert(offsetof(struct bb_record, direction) == offsetof(struct bb_record, vector) + 2,
	      "entry.asm writes vector and direction as one word");

DECLARE_PER_CPU(struct bb_record, bb_ring[BLACK_BOX_RECORDS]);
DECLARE_PER_CPU(u64, bb_head);	/* bytes ever claimed; the next record is there, modulo the ring's size */
DECLARE_PER_CPU(u32, bb_depth); /* vectors entered and not yet left */
