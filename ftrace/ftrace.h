/*
 * Function-entry instrumentation: every visible function starts with a 5-byte nop that can become a call.
 *
 * Sites are found by the compiler's list (__mcount_loc). Consumers, each a struct ftrace_ops, say which sites they
 * want; a site that has one calls it by a trampoline of its own, a site that has several by a common one.
 */
#pragma once

#include "arch/x86/entry/fentry.h"
#include "lib/types.h"
#include "sched/mutex.h"

/* Held by whoever changes visible text: a site's, a static key's, a probe's bytes. Taken last of all mutexes. */
extern struct mutex text_mutex;

struct ftrace_site {
	u64 ip;
	const char *name;
	u32 ops;     /* bit n: the consumer with number n wants it */
	u32 patched; /* the same as the text has it: 0 is the nop */
	u64 target;  /* what the text calls */
	u64 probed;  /* the probe's trampoline */
};

/*
 * Boot, before anything else, with what kernel_start() has made: the function tracer is on, by a trampoline of the image,
 * and ftrace_init() will find it so.
 */
void ftrace_early_start(void);
/* Boot, once: sorts the sites, and panics when one lies in a hidden section or isn't a nop. */
void ftrace_init(void);
/* Boot, when all CPUs have come: the profile's files. */
void ftrace_profile_init(void);

size_t ftrace_nr_sites(void);
/* The @i-th site in address order. */
struct ftrace_site *ftrace_site(size_t i);
/* Any context. The site whose five bytes hold @ip, or NULL. */
struct ftrace_site *ftrace_site_at(u64 ip);

/* A set of sites. */
struct ftrace_set {
	u64 *bits; /* NULL: empty */
	size_t nr; /* how many are in it */
};
/* Which functions: those in @filter, or all when that is empty, but those in @notraced. Several consumers may share one. */
struct ftrace_hash {
	struct ftrace_set filter, notraced;
	bool exact; /* an empty @filter is no function */
};

struct ftrace_ops;
/*
 * In the traced function's context, at its entry; @ip: its site. In thread context preemption is as it was. It may call
 * traced functions only with FTRACE_OPS_FL_RECURSION, must not block, and is notrace itself.
 */
typedef void (*ftrace_func_t)(u64 ip, u64 parent_ip, struct ftrace_ops *ops, struct ftrace_frame *frame);

#define FTRACE_OPS_FL_RECURSION 1 /* it has no recursion guard of its own, and needs one */

struct ftrace_ops {
	ftrace_func_t func;
	u32 flags;
	struct ftrace_hash *hash; /* NULL: own */
	struct ftrace_hash own;
	/* ops.c's */
	ftrace_func_t call; /* what the trampoline calls: @func, or the one that guards it */
	u64 trampoline;	    /* 0: not registered */
	u32 bit;
};
#define FTRACE_MAX_OPS 31

/*
 * Thread context. Has the site at @ip call @trampoline, which is the probe's, or with 0 no more; and when it has other consumers,
 * kprobe_ftrace_handler() beside them. -EBUSY: a probe's int3 is in it. When it isn't called any more, threads may still be on their
 * way there: they find no probe.
 */
int ftrace_set_probed(u64 ip, u64 trampoline);
/* The code of one at @at, of ftrace_template.size bytes, that calls @func with @ops. */
void ftrace_trampoline_code(u8 *code, u64 at, ftrace_func_t func, const void *ops);
/* kprobe/'s: a consumer, in the traced function's context. */
void kprobe_ftrace_handler(u64 ip, u64 parent_ip, struct ftrace_ops *none, struct ftrace_frame *frame);

/* Thread context. -EBUSY: it is registered; -ENOSPC: FTRACE_MAX_OPS are. */
int register_ftrace_function(struct ftrace_ops *ops);
/*
 * Thread context, preemption on. When it returns nobody is in @ops->func or will call it: waits for each thread to have
 * blocked or yielded. -EINVAL: it isn't registered.
 */
int unregister_ftrace_function(struct ftrace_ops *ops);
/*
 * Thread context, registered or not. Adds the functions that match the pattern, first taking out all with @reset; then
 * the pattern may be "". -EINVAL: nothing matches it, or -ENOMEM; then nothing has changed.
 */
int ftrace_set_filter(struct ftrace_ops *ops, const char *pattern, bool reset);
int ftrace_set_notrace(struct ftrace_ops *ops, const char *pattern, bool reset);
/* Thread context. Frees the sets of one that isn't registered. */
void ftrace_free_filter(struct ftrace_ops *ops);

/*
 * Thread context. Looks again at sites that are not as wanted; how many still aren't: those with a probe's int3 in them.
 */
size_t ftrace_refresh(void);
