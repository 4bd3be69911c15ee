/*
 * The tree of control files as its clients see it: absolute paths in, text in and out, -errno back.
 *
 * Nothing here knows a client. A shell in user mode will reach the same calls by message, so they
 * take and give only text, lengths and numbers. Thread context. One file is read or written at a time, whoever they are that want
 * to; who waits for events, or for his reader, lets others in.
 */
#pragma once

#include "lib/seq.h"
#include "lib/types.h"

#define TRACEFS_MOUNT	  "/sys/kernel/tracing"
#define TRACEFS_PATH_MAX  256  /* bytes of an absolute path, its NUL included */
#define TRACEFS_WRITE_MAX 4096 /* bytes of one write */

/* Do the files marked test_only exist? Set once at boot. */
extern bool test_files_enabled;

/* Boot, when all CPUs have come: their files. */
void tracefs_init(void);

/* Prints the whole file into @out; of a file that doesn't end, until tracefs_interrupt(). -ENOENT, -ENOTDIR, -EISDIR, -EACCES when it can only be written, or the
 * file's own error. */
int tracefs_read(const char *path, struct seq *out);

/* For who has something to do with files between reads and writes; not in one. */
void tracefs_lock(void);
void tracefs_unlock(void);
/* In the middle of reading a file: others may use files until tracefs_resume(). False: others may anyway, and nothing is to be resumed. */
bool tracefs_pause(void);
void tracefs_resume(void);
/* Does the caller keep others from the files? */
bool tracefs_is_mine(void);

/* Task or hardirq context. What prints to @out, or waits for what to print, is to end. */
void tracefs_interrupt(struct seq *out);

/*
 * One write of @len bytes; @text is NUL-terminated at @len. Without @append the file counts as
 * truncated first, so a write of nothing is what "> FILE" means. Errors as for reading, -EACCES when
 * the file can only be read, -E2BIG beyond TRACEFS_WRITE_MAX.
 */
int tracefs_write(const char *path, const char *text, size_t len, bool append);

/* What a write to @path would be refused for before the file itself is asked: lets a shell fail first and run
 * nothing. */
int tracefs_may_write(const char *path);
/* The same for reading. */
int tracefs_may_read(const char *path);

/* Calls @each for every entry of the directory @path, in byte order; @name does not outlive the call. */
typedef void (*tracefs_entry_fn)(void *arg, const char *name, bool is_dir);
int tracefs_readdir(const char *path, tracefs_entry_fn each, void *arg);

/* Is there anything at @path, and is it a directory? 0, -ENOENT or -ENOTDIR (something above it is a file).
 */
int tracefs_stat(const char *path, bool *is_dir);
/* Is there a directory at @path? 0, -ENOENT or -ENOTDIR. */
int tracefs_check_dir(const char *path);

/*
 * Makes @path absolute and plain in @out (TRACEFS_PATH_MAX bytes): relative paths start at @cwd, "."
 * and ".." and doubled slashes go away. As on Linux, what stands before a "/", "." or ".." must be a
 * directory: -ENOENT or -ENOTDIR otherwise. The last name need not exist.
 */
int tracefs_resolve(const char *cwd, const char *path, char *out);
