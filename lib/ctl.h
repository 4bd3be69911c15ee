/*
 * Control files: a path below /sys/kernel/tracing, a way to show it and a way to store to it.
 *
 * Declared low so that every subsystem registers its own files beside its code; the table that
 * holds them is tracefs/.
 */
#pragma once

#include "lib/compiler.h"
#include "lib/seq.h"
#include "lib/types.h"

struct ctl_file {
	const char *path; /* "events/kprobes/x/enable", relative to /sys/kernel/tracing */
	/* Prints the whole file; 0 or -errno. NULL: write-only, reading is -EACCES. */
	int (*show)(struct seq *out, const struct ctl_file *self);
	/*
	 * One write, @text is NUL-terminated at @len. @append: the shell's '>>' (without it the
	 * file was opened with O_TRUNC, and Linux's grammar gives that a meaning). 0 or -errno; a
	 * refused write changes nothing. NULL: read-only (-EACCES).
	 */
	int (*store)(const struct ctl_file *self, const char *text, size_t len, bool append);
	void *arg;
	/* Instead of these: a folder of files like those here, up to one without a path, each with @arg. Folders may overlap. */
	const struct ctl_file *inside;
	bool unlocked; /* it waits: others may use files meanwhile, and it calls tracefs_lock() itself where it mustn't be so */
	bool bytes;	/* it sees to NULs itself; else a write with one in it is -EINVAL */
	bool test_only; /* exists only with "test" on the kernel command line */
};

/* Registers a file known at build time. */
#define CTL_FILE(var, ...)                                  \
	static const struct ctl_file var = { __VA_ARGS__ }; \
	REGISTER_IN(ctl_files, var)
DECLARE_REGISTRY(ctl_files);

/* What a control file is written: one number, white space around it allowed. False, and @out unchanged, on anything else. */
bool ctl_parse_u64(const char *text, size_t len, u64 *out);

/*
 * Run-time files. Thread context. -EEXIST if the path is taken, -ENOSPC when there is no ctl_room() for one more; the
 * caller keeps *f alive until ctl_remove().
 */
int ctl_add(const struct ctl_file *f);
void ctl_remove(const struct ctl_file *f);
size_t ctl_room(void);
