/* The server's client: one request at a time, through pages that are shared when they are first needed. */
#include "user/lib/trace.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "user/lib/client.h"
#include "user/lib/memory.h"
#include "user/lib/names.h"
#include "user/lib/syscall.h"

static u32 server, memory;
static char *shared;

static s64 connect(void)
{
	struct message m = { .label = TRACE_SHARE };
	s64 h = server ? server : names_find("tracefs");

	if (h < 0)
		return h;
	server = (u32)h;
	if (!shared)
		shared = pages_share(TRACE_PAGES, &memory);
	if (!shared)
		return -ENOMEM;
	m.handle = memory;
	return client_call(server, &m);
}

/* -ESTALE: the server doesn't know our pages, be it that it is new, or that there were too many clients since. */
static s64 request(struct message *m)
{
	struct message saved = *m;
	s64 err = client_call(server, m);

	if (err != -ESTALE)
		return err;
	err = connect();
	if (err < 0)
		return err;
	*m = saved;
	return client_call(server, m);
}

static s64 prepare(void) { return shared ? 0 : connect(); }

s64 trace_open(const char *text, size_t len, unsigned kind)
{
	struct message m = { .label = TRACE_OPEN, .words = { kind, len } };
	s64 err = len > TRACE_TEXT_BYTES ? -E2BIG : prepare();

	if (err < 0)
		return err;
	memcpy(shared + TRACE_TEXT, text, len);
	err = request(&m);
	return err < 0 ? err : (s64)m.handle;
}

s64 trace_read(const char *path, char *buf, size_t size)
{
	s64 stream = trace_open(path, strlen(path), STREAM_FILE), err;
	u64 used = 0, n = 0;

	if (stream < 0)
		return stream;
	do {
		err = used + 1 < size ? syscall_value(SYS_stream_read, (u64)stream, (u64)buf + used,
						      size - 1 - used, 0, 0, &n)
				      : -E2BIG;
		used += err ? 0 : n;
	} while (!err && n);
	buf[used] = '\0';
	syscall3(SYS_handle_close, (u64)stream, 0, 0);
	return err ? err : (s64)used;
}

s64 trace_write(const char *path, const char *text, size_t len, bool append)
{
	struct message m = { .label = TRACE_WRITE, .words = { strlen(path), len, append } };
	s64 err = strlen(path) > TRACE_TEXT - TRACE_PATH ? -ENAMETOOLONG
		  : len > TRACE_TEXT_BYTES		 ? -E2BIG
							 : prepare();

	if (err < 0)
		return err;
	memcpy(shared + TRACE_PATH, path, strlen(path));
	memcpy(shared + TRACE_TEXT, text, len);
	return request(&m);
}

s64 trace_stat(const char *path)
{
	struct message m = { .label = TRACE_STAT, .words = { strlen(path) } };
	s64 err = strlen(path) > TRACE_TEXT - TRACE_PATH ? -ENAMETOOLONG : prepare();

	if (err < 0)
		return err;
	memcpy(shared + TRACE_PATH, path, strlen(path));
	return request(&m);
}
