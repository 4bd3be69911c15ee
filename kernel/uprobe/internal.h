/* What the files of user probes share. */
#pragma once

#include "kernel/uprobe/uprobe.h"
#include "context/rcu_read.h"
#include "kprobe/emulate.h"
#include "mm/space.h"
#include "rcu/rcu.h"
#include "sched/mutex.h"
#include "sched/thread.h"

/* What executing a displaced instruction takes; copied from the place, which may go meanwhile. */
struct displaced {
	u64 va;
	enum emulation emulation;
	struct insn insn;
	u8 bytes[INSN_MAX_LENGTH];
};

/* A place that has probes, in whatever memory it is found. Changed under uprobe_mutex, read under RCU. */
struct uprobe_place {
	struct uprobe_place *next;
	const u8 *image;
	size_t offset;
	struct displaced what;
	struct uprobe *probes;
	unsigned armed;
};

/* A place in one memory object, where there is or was an int3; kept until the memory goes. */
struct uprobe_site {
	struct uprobe_site *next;
	const struct memory *memory;
	u64 offset;
	struct uprobe_place *place; /* NULL: its probes are gone */
	u8 original;
	bool in; /* the int3 is there, or about to be */
	struct rcu_head rcu;
};

/* uprobe.c */
extern struct mutex uprobe_mutex;
/* In an RCU reader. The site at @offset of @m; NULL: there was never one. */
struct uprobe_site *uprobe_site_find(const struct memory *m, u64 offset);
/* Thread context. What is there is written once more, unless an int3 has come meanwhile, or is about to. */
void uprobe_refresh(struct memory *m, u64 offset);
/* Thread context. That memory has its own byte back, also while the probes are armed: they can't be hit there. */
void uprobe_give_up(struct memory *m, u64 offset);
/* Is there any with a ret_handler? */
bool uprobe_any_returns(void);
/* In an RCU reader. One with a ret_handler, if it is still there. */
struct uprobe *uprobe_by_id(u64 id);
/* text.c. Thread context, under uprobe_mutex. Whose text is in this sealed memory? An image, or NULL. */
const void *uprobe_image(struct memory *m);

/* emulate.c. Thread context. True: done, by hand. False: it can't be, or it faults, and nothing has changed. */
bool uprobe_emulate(struct pt_regs *regs, const struct displaced *d);

/* copies.c. Thread context. Where in space @s the copy of that instruction is, or is now; 0: no memory, or no room. */
u64 copy_get(struct space *s, const struct displaced *d);
/* Is @ip in or behind a copy? Then the original's address, and how far behind its beginning @ip is; else false. */
bool copy_original(struct space *s, u64 ip, u64 *original, u64 *behind);
/* An int3 for returns to lead to: the first copy. Is it there, or can it be made? */
#define RETURN_TRAMPOLINE COPIES_START
bool copy_make_trampoline(struct space *s);

/* return.c. In an RCU reader, at @place's entry: the call's return is hooked for each of its probes that is armed and wants that. */
void uprobe_hook_return(struct user_half *u, struct pt_regs *regs, struct uprobe_place *place);
/* Thread context. At the trampoline: all handlers are called, and regs->ip is the real address. False: nothing was hooked. */
bool uprobe_return(struct user_half *u, struct pt_regs *regs);
