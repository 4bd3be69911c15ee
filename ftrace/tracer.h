/* The tracers: each registers itself, one is current. */
#pragma once

#include "ftrace/ftrace.h"
#include "lib/compiler.h"

struct tracer {
	const char *name;
	/* Thread context. 0, or -errno: then "nop" becomes the current one. */
	int (*start)(void);
	/* Thread context. When it returns, nothing of it runs any more. */
	void (*stop)(void);
};

#define TRACER(var, ...)                                  \
	static const struct tracer var = { __VA_ARGS__ }; \
	REGISTER_IN(tracers, var)
DECLARE_REGISTRY(tracers);

/* A file in options/. */
struct trace_option {
	const char *name;
	bool *value;
	void (*changed)(void); /* thread context, after *value has changed; may be NULL */
};

/* Boot, once. */
void tracers_init(void);
/* Thread context. -EINVAL: there is none of this name, and nothing has changed; or what its start() says. */
int tracer_set(const char *name);
/* The function tracer: current already when tracers_init() finds that it has started (ftrace_early_start()). */
extern struct ftrace_ops function_ops;

/* set_ftrace_filter and set_ftrace_notrace: the functions that tracers trace. */
extern struct ftrace_hash ftrace_global_hash;
/* notrace; preemption off. Does set_ftrace_pid let the current thread be traced? */
bool ftrace_pid_traced(void);
/* Called when set_ftrace_pid changed between none and some. */
void function_slow_refresh(void);
bool ftrace_pids_active(void);
