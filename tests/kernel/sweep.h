/* The sweep's parts: probes on all instructions (sweep.c), what runs into them (sweep_work.c), and what came of it. */
#pragma once

#include "arch/x86/boot/boot_info.h"
#include "arch/x86/cpu/acpi.h"
#include "lib/seq.h"
#include "lib/types.h"

/* How it went with an instruction; SWEEP_REFUSED + n: for reason n. */
enum { SWEEP_UNKNOWN, SWEEP_UNTRIED, SWEEP_UNHIT, SWEEP_HIT, SWEEP_REFUSED };

struct sweep_place {
	u32 offset; /* in .text */
	u16 by;	    /* the item that hit it first, +1: the quickest that does */
	u8 how;
	bool boot; /* hit before the first command */
};
extern struct sweep_place *places; /* sweep.c: all instructions of .text, in order */
extern u32 nr_places;

#define SWEEP_REASONS_MAX 24
extern const char *sweep_refusals[SWEEP_REASONS_MAX];

extern struct sweep_sums {
	u64 hits, missed, wrong_ip;
	u32 undecoded, wrong, rearmed;
} sweep_sums;

extern struct sweep_options {
	u64 technique, from, to, seed, stride, batch, again, limit, map, ones, slow, verbose, plant;
} sweep_options;

/* sweep.c. Memory for good; NULL: none. */
void *sweep_pages(size_t bytes);
/* Once: the table of all instructions. -ENOMEM */
int sweep_prepare(void);
/* By name; false: there is none. */
bool sweep_take_technique(const char *name);

/* sweep_batch.c: probes by the technique that the options name. */
#define SWEEP_BATCH_MAX 32768 /* as many as there are slots */
extern u32 sweep_nr_batch;
int sweep_batch_init(void);
/* Places by number; then what became of them is told. */
void sweep_arm(const u32 *which, u32 n);
void sweep_disarm(void);
/* Of the batch. Who is hit by now, by item number @item, +1; 0: none of them. How many aren't. */
void sweep_note_hits(u32 item);
u32 sweep_unhit(void);
/* For a sweep inside a sweep: it has a batch of its own, and the other one's probes stay. */
struct sweep_outer {
	struct sweeper *batch, *hot;
	u32 nr;
};
void sweep_batch_begin_inner(struct sweep_outer *outer);
void sweep_batch_end_inner(const struct sweep_outer *outer);
/* One more, by its offset in .text. False: there can be none. Was it hit? */
bool sweep_arm_one(u32 offset);
bool sweep_disarm_one(void);
/* sweep_boot.c. Which technique that was; NR_TECHNIQUES: none. */
unsigned sweep_end_of_boot(void);

/* sweep_report.c. */
void sweep_report(struct seq *out, const char *technique, bool map);

enum sweep_kind {
	SWEEP_TEST,   /* one of the kernel's own: how many of its checks fail */
	SWEEP_SCRIPT, /* commands: what they print */
	SWEEP_LINES,  /* lines written to a file, and commands */
	SWEEP_CODE,   /* a function: what it returns */
};

struct sweep_item {
	const char *suite, *name;
	const char *script, *lines, *file;
	void (*test)(void);
	u64 (*code)(void);
	enum sweep_kind kind;
	bool loose; /* what comes out is something else each time, or other than without probes: it only has to end */
	bool slow; /* only for what the others don't hit */
	u64 ns;	   /* how long it takes without probes */
	u64 outcome;
};

/* sweep_work.c. */
extern struct sweep_item *sweep_items;
extern unsigned sweep_nr_items;
/* Once. -ENOMEM */
int sweep_work_prepare(void);
/* For a sweep inside a sweep: its items come behind the others. */
void sweep_work_begin_inner(void);
void sweep_work_end_inner(void);
/* Without probes. Fills the table, the quickest first: also with what takes long, or only with what is called @only. */
void sweep_work_init(bool slow, const char *only);
/* Thread context. What came out of it. */
u64 sweep_run(const struct sweep_item *item);
/* The beginning of what the last one printed, or of what its checks said. */
const char *sweep_said(void);
/* sweep_play.c. Once. -ENOMEM */
int sweep_play_prepare(void);
/* Thread context. Commands between ';', what they print and what is wrong with them into @sink. */
void sweep_play(const char *script, struct seq *sink);
/* Code that ran at boot, called again on what it found then; and what no script reaches. */
u64 sweep_parse_again(void);
u64 sweep_interrupt(void);
u64 sweep_planted(void); /* 7, unless an instruction of it was done wrong */
#define SWEEP_PLANTED 6	 /* bytes of its first two; behind them is room for a jump */
/* What was parsed last, in any of these: one room for all, as the image has little. */
extern struct sweep_parsed {
	struct boot_info boot;
	struct acpi_info acpi;
} sweep_parsed;
/* sweep_insn.c, sweep_tables.c. */
u64 sweep_decode(void);
u64 sweep_tables(void);
/* sweep_pure.c, sweep_images.c */
u64 sweep_pure(void);
u64 sweep_images(void);
