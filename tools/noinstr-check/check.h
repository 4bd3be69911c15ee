/*
 * What the checker's rooms share: the image as it was read, its functions with their instructions, and the
 * problems found. Data flows one way: image -> decode -> state, stack -> rules -> report.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Where a function lies; all but the first are hidden from instrumentation (linker.ld). */
enum section { SEC_TEXT, SEC_KPROBES, SEC_NOINSTR, SEC_ENTRY, NR_SECTIONS };
extern const char *const section_names[NR_SECTIONS];

/* What an instruction does to the flow of control. */
enum flow {
	FLOW_PLAIN,
	FLOW_JCC,      /* goes on, or to target */
	FLOW_JMP,      /* to target */
	FLOW_CALL,     /* of target, and goes on unless that never returns */
	FLOW_JMP_IND,  /* to where a register or memory says */
	FLOW_CALL_IND, /* of what a register or memory says */
	FLOW_RET,
	FLOW_IRET,
	FLOW_STOP, /* ud2: there is no next one */
};

/* What it does to the stack pointer, or to the frame pointer that may bring it back. */
enum stack_op {
	STACK_SAME,
	STACK_DOWN,	  /* rsp -= n */
	STACK_FROM_BP,	  /* rsp = rbp + n */
	STACK_LEAVE,	  /* rsp = rbp, then pop */
	STACK_ALIGN,	  /* and rsp, n */
	STACK_STRANGE,	  /* loaded from elsewhere */
	STACK_SAVE_BP,	  /* rbp = rsp + n */
	STACK_CHANGES_BP, /* rbp is something else, rsp -= n */
};

struct insn {
	u64 addr;
	u8 len;
	u8 flow, stack;
	bool padding; /* nop, int3, ud2, zero: may be there without being reached */
	int64_t n;    /* for stack */
	u64 target;
	size_t first_succ; /* of a followed jump table, or of image.branches: in fn.succs */
	size_t nr_succs;

	/* state.c: nesting depths of instrumentation_begin() possible before it, as bits; and who came first. */
	u8 depths;
	bool visited, has_note;
	int pred, choice;
};

struct note {
	u64 addr;
	bool begin;
};

struct fn {
	const char *name;
	u64 addr, size;
	enum section sec;
	bool noreturn;
	bool global; /* seen by other files */
	int vector;  /* the IDT's, for an entry stub; otherwise -1 */

	struct insn *insns; /* sorted by address, once decoded */
	size_t nr_insns;
	u64 *succs;
	size_t nr_succs;
	u64 *entries; /* places reached by address, of tables.c */
	size_t nr_entries;

	bool spoilt; /* something is wrong with it that makes more complaints pointless */

	/* rules.c: facts on return; see there */
	int summary;
	/* How it was first reached, from a vector if it can be; and is there a need to hide it? */
	const char *path;
	bool needed;
	/* A visible function that calls it or takes its address, if any; taken_by without an address: data does. */
	const struct fn *visible_caller, *taken_by;
};

struct image {
	const char *path;
	struct fn *fns; /* sorted by address */
	size_t nr_fns;
	struct {
		u64 addr, size;
		const u8 *bytes;
	} secs[NR_SECTIONS];
	struct note *notes; /* by address; equal ones in the order they were written */
	size_t nr_notes;
	struct label {
		const char *name;
		u64 addr;
	} * labels; /* NASM's local ones, in hidden sections */
	size_t nr_labels;
	struct branch {
		u64 insn, to;
	} * branches; /* that the instruction doesn't show: __ex_table, after a fault; .static_sites, a nop made a jump */
	size_t nr_branches;
	u64 *sites; /* __mcount_loc */
	size_t nr_sites;
	bool is_kernel; /* it has vector_stubs: the lists of tables.c must fit it */
};

/* image.c. Exits on a file that can't be read. */
void image_read(struct image *img, const char *path);
/* The function that @addr lies in, or NULL. */
struct fn *image_fn_at(const struct image *img, u64 addr);
struct fn *image_fn(const struct image *img, const char *name);
/* Up to @max readable bytes at @addr of any loaded section. */
const u8 *image_bytes(const struct image *img, u64 addr, size_t *max);
/* Calls @found for each word of the sections that hold no code. */
void image_data_words(struct image *img, void (*found)(struct image *img, u64 value));
/* The notes at @addr: how many; *first is the first of them. */
size_t image_notes_at(const struct image *img, u64 addr, const struct note **first);

/* lines.c. "file:line" of an address, in a static buffer; "?" without debug information. */
void lines_open(struct image *img);
const char *lines_at(u64 addr);
unsigned line_number(u64 addr);
/* Was it compiled from a test of the kernel's, which does forbidden things on purpose? From assembly? */
bool lines_in_tests(u64 addr);
/* The source file it was compiled from, or "?". */
const char *lines_unit(u64 addr);
bool lines_in_assembly(u64 addr);

/* decode.c */
void decode_hidden(struct image *img, struct fn *f);
void decode_visible(struct image *img);
void check_gaps(const struct image *img);
const char *insn_text(const struct image *img, const struct insn *i);
struct insn *insn_at(struct fn *f, u64 addr);

/* state.c, stack.c */
void state_propagate(struct image *img, struct fn *f);
void stack_check(struct image *img);
/* Calls @next for each place that control may go to after @i within @f; by_jump is false for the next instruction. */
void for_each_next(struct image *img, struct fn *f, size_t i,
		   void (*next)(void *arg, size_t to, bool by_jump), void *arg);

/* tables.c: what is allowed or demanded by name, each with its reason. */
struct listed {
	const char *fn, *what, *why;
};
#define ANY_INDIRECT "*"
/* May @fn, outside begin/end, call @callee (ANY_INDIRECT: what a pointer says)? */
bool listed_exit(const char *fn, const char *callee);
/* May @fn begin without having entered the context? */
bool listed_begin(const char *fn);
/* May @fn, on the path of int3 and #DB, call what a pointer says? */
bool listed_handler(const char *fn);
/* Does the path of int3 and #DB end at @fn: what that calls is no part of it? */
bool listed_trap_end(const char *fn);
/* NULL, or why @f must be hidden whoever calls it. */
const char *listed_must_hide(const struct fn *f);
/* NULL, or from where hidden assembly is entered other than by a vector. */
const char *listed_entry(const char *fn);
/* The vector of an asm_exc_ stub, or -1. */
int listed_vector(const char *fn);
/* The n-th place in @fn that is entered by its address: the local label, or NULL. */
const char *listed_by_address(const char *fn, size_t n);
#define STACK_KEEPS (-1)
/* How deep the stack is after the change of rsp by @text in @fn: a depth or STACK_KEEPS. Without @text: is any listed? */
bool listed_stack(const char *fn, const char *text, int64_t *depth);
/* What calling @fn does to the facts of rules.c: bits set and bits cleared. */
enum { FACT_ENTERED = 1, FACT_DISARMED = 2, NR_FACTS = 4 };
bool listed_context(const char *fn, int *set, int *cleared);
/* Names in the tables that the kernel doesn't have, or has twice; without other problems also what nothing asked for. */
void listed_check_stale(const struct image *img);
/* memcpy and what else the compiler calls by itself. */
bool listed_compiler(const char *name);

/* report.c */
void problem(u64 addr, const char *rule, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
size_t nr_of_problems(void);
size_t report_problems(const struct image *img);
void report_needless(const struct image *img, FILE *out);
void report_summary(const struct image *img, FILE *out);
void report_why(const struct image *img, FILE *out);
void *xalloc(size_t size);
char *xprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Room for one more at the end of an array of @n. */
#define GROW(array, n) ((array) = grow((array), (n), sizeof(*(array))))
void *grow(void *array, size_t n, size_t size);
