/* Options of tracing, each a bool: a file in options/, and a word in trace_options. */
#pragma once

#include "lib/compiler.h"
#include "lib/ctl.h"

struct trace_option {
	const char *name;
	bool *value;
	/* Thread context, after *value has changed. NULL: nothing else is to be done. */
	void (*changed)(void);
	const char *tracer; /* the one it is for: trace_options has it while that is current. NULL: all */
};

/* Beside the code that looks at the bool @ptr: TRACE_OPTION(ident, "its-name", &it, .changed = …). */
#define TRACE_OPTION(ident, text, ptr, ...)                                                    \
	static const struct trace_option trace_option_##ident = { .name = (text),              \
								  .value = (ptr),              \
								  ##__VA_ARGS__ };             \
	REGISTER_IN(trace_options, trace_option_##ident);                                      \
	CTL_FILE(ctl_trace_option_##ident, .path = "options/" text, .show = trace_option_show, \
		 .store = trace_option_store, .arg = (void *)&trace_option_##ident)
DECLARE_REGISTRY(trace_options);

/* The files in options/. */
int trace_option_show(struct seq *out, const struct ctl_file *self);
int trace_option_store(const struct ctl_file *self, const char *text, size_t len, bool append);
