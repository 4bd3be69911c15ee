/*
 * The program "probed" of the boot module, for tests of user probes: run whole or from an address, and probed all over.
 *
 *	probed_begin(&r); … status = probed_end(&r, 0, 0);
 */
#pragma once

#include "kernel/program.h"
#include "kernel/uprobe/uprobe.h"

struct probed_run {
	struct process *process;
	struct notification *ended;
	struct elf_program prog;
};

/* Thread context, all of it. Failures are reported. A process that doesn't run yet. */
bool probed_begin(struct probed_run *r);
/* Runs from the program's beginning, or from @at; with @arg, if that isn't 0, in rdi, and without a stack. */
bool probed_start(struct probed_run *r, u64 at, u64 arg);
/* Waits for its end; its status. */
int probed_end(struct probed_run *r);
/* All of it. */
int probed_status(void);

/* Where a function of it begins; 0, reported: there is none. */
u64 probed_function(const char *name, u64 *size);
/* The place in its text; false: refused. */
bool probed_spot(u64 va, struct uprobe_spot *out);

#define PROBED_MAX 400
struct probed_all {
	unsigned n, refused;
	struct uprobe probes[PROBED_MAX];
	u64 at[PROBED_MAX];
};
/* Each instruction of this function that can be probed is, besides. */
/* One for all tests, made when it is first asked for: it is too large for the image. Task context. */
struct probed_all *probed_places(void);

void probed_add(struct probed_all *all, const char *function);
void probed_arm(struct probed_all *all);
void probed_drop(struct probed_all *all);
u64 probed_hits(const struct probed_all *all);
