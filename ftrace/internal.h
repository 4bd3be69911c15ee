/* What the files of this folder share. */
#pragma once

#include "arch/x86/mm/text_poke.h"
#include "ftrace/ftrace.h"
#include "lib/compiler.h"
#include "lib/seq.h"

extern struct ftrace_site *ftrace_sites; /* ascending, and behind the last one that no ip reaches */
extern u16 *ftrace_first_site; /* of each 256 bytes of text: its first site, or the next behind them */
extern const u8 __text_start[], __text_end[];
#define FIRST_SITE_SHIFT 8

/* Any context; @ip is a site's. Two or three of them share 256 bytes. */
static __always_inline size_t ftrace_index_of(u64 ip)
{
	size_t i = ftrace_first_site[(ip - (u64)__text_start) >> FIRST_SITE_SHIFT];

	while (ftrace_sites[i].ip < ip)
		i++;
	return i;
}

/* The five bytes of the site at @ip that call @target, or do nothing when that is 0. */
static __always_inline void ftrace_site_code(u8 *code, u64 ip, u64 target)
{
	static const u8 nop5[SITE_SIZE] = NOP5;
	u32 offset = (u32)(target - (ip + SITE_SIZE));

	if (!target) {
		__builtin_memcpy(code, nop5, SITE_SIZE);
		return;
	}
	code[0] = CALL32_BYTE;
	__builtin_memcpy(code + 1, &offset, sizeof(offset));
}

/* Boot. Zeroed frames for @bytes; panics when there are none. */
void *ftrace_boot_alloc(size_t bytes);

/* trampoline.c. The page; a copy that calls @func with @ops, or 0 when all are taken; and back, when nobody is in it. */
void trampoline_init(void);
u64 trampoline_alloc(ftrace_func_t func, struct ftrace_ops *ops);
void trampoline_free(u64 trampoline);
size_t trampolines_free(void);

/* function.c's, which the early trampoline calls. */
void function_trace_call(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame);

/* ops.c */
void ftrace_ops_init(void);
/* Thread context. Puts @draft in the place of the set @of, which is @hash's, and frees what was there. */
void ftrace_hash_replace(struct ftrace_hash *hash, struct ftrace_set *of, struct ftrace_set *draft);

/*
 * filter.c. Names or globs, with ! in front taken out of @draft. NULL: only looked at, what is wrong goes to error_log.
 * @commands: words with a colon are commands at functions, else refused. -EINVAL.
 */
int ftrace_words(const char *text, size_t len, struct ftrace_set *draft, bool commands, bool apply);

/* set.c */
static inline bool ftrace_set_has(const struct ftrace_set *set, size_t i)
{
	return set->nr && set->bits[i / 64] >> i % 64 & 1;
}
void ftrace_set_put(struct ftrace_set *set, size_t i, bool in);
/* -ENOMEM. @from may be NULL: an empty one that has room. */
int ftrace_set_copy(struct ftrace_set *to, const struct ftrace_set *from);
void ftrace_set_free(struct ftrace_set *set);
/* The names in it, or a line that says @empty. */
void ftrace_set_show(struct seq *out, const struct ftrace_set *set, const char *empty);
/* Puts in or takes out what matches; how many do. @set may be NULL: only that. */
size_t ftrace_set_match(struct ftrace_set *set, const char *pattern, bool in);
