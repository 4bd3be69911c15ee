/*
 * Probes in programs: handlers for an instruction of a file in the boot module, in whatever process runs it, now or later.
 *
 * The int3 lies in the memory object that has the text, through the poke's alias, so all who map it have it. A hit:
 *   int3 --> handlers --> emulated -------------------------------------> after the instruction
 *                    |--> copy in the process's own page, jump back ------^
 *                    \--> copy under TF --#DB--> fix-up ------------------^
 */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "arch/x86/insn/insn.h"
#include "lib/elf.h"
#include "lib/types.h"

/* A program's text: the executable segment that something is in. */
struct uprobe_text {
	const u8 *file;
	size_t len;
	struct elf_segment segment;
};

/* A place in one. */
struct uprobe_spot {
	const u8 *image; /* the segment's bytes in the boot module: whose text it is */
	size_t offset;	 /* in the memory object that has it */
	u64 va;
	bool entry; /* a function begins there */
	struct insn insn;
	u8 bytes[INSN_MAX_LENGTH];
};

struct uprobe_place;

/* One user's. Handlers run in the thread that was hit, with preemption off. */
struct uprobe {
	/* Called before the instruction; regs->ip is where it is. */
	void (*handler)(struct uprobe *u, struct pt_regs *regs);
	/* Instead of that, at a function's entry: called when it has returned to @ret_addr, which is regs->ip. */
	void (*ret_handler)(struct uprobe *u, struct pt_regs *regs, u64 ret_addr);
	u64 hits, nmissed;
	bool armed;

	struct uprobe *next; /* kernel/uprobe/'s, all of it: at the same place */
	struct uprobe_place *place;
	struct uprobe *next_return; /* among those with a ret_handler */
	u64 id;
};

/* Boot, once. */
void uprobe_init(void);

/*
 * text.c. Thread context. The program /bin/@name, of which the text is taken in which @offset of the file lies, or, by symbol, a
 * function: -ENOENT, -EINVAL, -EADDRNOTAVAIL, and the reason as a sentence in *@why.
 */
int uprobe_program(const char *name, const u8 **file, size_t *len, const char **why);
int uprobe_text_at(const u8 *file, size_t len, u64 offset, struct uprobe_text *out, u64 *va,
		   const char **why);
/* Where what is at @offset of the file is in memory, text or not; and the other way round. False: nowhere. */
bool uprobe_address(const u8 *file, size_t len, u64 offset, u64 *va);
bool uprobe_offset(const u8 *file, size_t len, u64 va, u64 *offset);
/* May @va of that text be probed? -EILSEQ: no instruction starts there; -EINVAL: it can't run elsewhere, or it is in no function. */
int uprobe_check(const struct uprobe_text *t, u64 va, struct uprobe_spot *out, const char **why);

/* Thread context, as all that follows. Known and disarmed. -ENOMEM. */
int uprobe_register(struct uprobe *u, const struct uprobe_spot *at);
/* Disarms first. Afterwards no handler of it runs any more; what it has hooked returns without it. */
void uprobe_unregister(struct uprobe *u);
/* -ENOMEM: then it isn't. */
int uprobe_arm(struct uprobe *u);
void uprobe_disarm(struct uprobe *u);

/*
 * hit.c, from the way of a user's trap, interrupts off. True: it was ours. False: the user's; @regs->vector and *@about may have
 * become those of a step that he makes himself.
 */
bool uprobe_trap(struct pt_regs *regs, u64 *about);
/* A user's exception is about to be told to others: one in a copy is moved to the original, and a step given up. */
void uprobe_leave_copy(struct pt_regs *regs);
/* return.c. The thread's end. */
struct user_half;
void uprobe_thread_end(struct user_half *u);
