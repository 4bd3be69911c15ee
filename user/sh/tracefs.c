/* The tree of control files as the shell's files know it (tracefs/tracefs.h), over the server and its streams. */
#include "tracefs/tracefs.h"

#include "abi/errno.h"
#include "abi/stream.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "user/lib/syscall.h"
#include "user/lib/trace.h"
#include "user/sh/sh.h"

static void close(s64 handle) { syscall3(SYS_handle_close, (u64)handle, 0, 0); }

void tracefs_interrupt(struct seq *out)
{
	__atomic_store_n(&out->closed, true, __ATOMIC_SEQ_CST);
	sh_end_running();
}

/* Behind a reader that has gone in the middle of a line comes the line's end, and that is all. */
int sh_read_stream(s64 stream, struct seq *out)
{
	char buf[2048];
	u64 n;
	s64 err;

	if (stream < 0)
		return (int)stream;
	sh_set_stream((u32)stream);
	if (seq_is_closed(out)) /* just before */
		syscall3(SYS_stream_interrupt, (u64)stream, 0, 0);
	while (!(err = syscall_value(SYS_stream_read, (u64)stream, (u64)buf, sizeof(buf), 0, 0, &n)) && n) {
		seq_write(out, buf, n);
		if (seq_is_closed(out) && !out->in_line)
			break;
	}
	sh_set_stream(0);
	close(stream);
	return (int)err;
}

int tracefs_read(const char *path, struct seq *out)
{
	return sh_read_stream(trace_open(path, strlen(path), STREAM_FILE), out);
}

int tracefs_write(const char *path, const char *text, size_t len, bool append)
{
	return (int)trace_write(path, text, len, append);
}

int tracefs_may_write(const char *path)
{
	s64 flags = trace_stat(path);

	if (flags < 0)
		return (int)flags;
	if (flags & TRACE_DIRECTORY)
		return -EISDIR;
	return flags & TRACE_WRITABLE ? 0 : -EACCES;
}

int tracefs_stat(const char *path, bool *is_dir)
{
	s64 flags = trace_stat(path);

	*is_dir = flags >= 0 && flags & TRACE_DIRECTORY;
	return flags < 0 ? (int)flags : 0;
}

int tracefs_check_dir(const char *path)
{
	bool is_dir;

	return tracefs_stat(path, &is_dir) ?: is_dir ? 0 : -ENOTDIR;
}

/* A directory's lines as they come, each a name. */
struct names {
	struct seq seq;
	tracefs_entry_fn each;
	void *arg;
	char name[TRACEFS_PATH_MAX];
	size_t len;
};

static void end_name(struct names *n)
{
	bool is_dir = n->len && n->name[n->len - 1] == '/';

	n->name[n->len - is_dir] = '\0';
	n->each(n->arg, n->name, is_dir);
	n->len = 0;
}

static void name_write(struct seq *s, const char *text, size_t len)
{
	struct names *n = container_of(s, struct names, seq);

	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n')
			end_name(n);
		else if (n->len < sizeof(n->name) - 1)
			n->name[n->len++] = text[i];
}

int tracefs_readdir(const char *path, tracefs_entry_fn each, void *arg)
{
	struct names n = { .seq.write = name_write, .each = each, .arg = arg };

	return sh_read_stream(trace_open(path, strlen(path), STREAM_DIRECTORY), &n.seq);
}
