/* A client that doesn't keep to what servers expect of it. For each thing that it tries it prints what came of it. */
#include "abi/errno.h"
#include "abi/rights.h"
#include "abi/stream.h"
#include "lib/archive.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "user/lib/client.h"
#include "user/lib/console.h"
#include "user/lib/memory.h"
#include "user/lib/names.h"
#include "user/lib/spawn.h"
#include "user/lib/syscall.h"
#include "user/lib/trace.h"
#include "user/lib/user.h"

#define HANDLES 1024 /* that a process has at most */
#define TIMES	(HANDLES + 100)

#define GIVEN_PAGES 256

#define ROOM_WITHIN 5000000000ul /* ns */

static u32 mine; /* a notification, to give away */

static void tell(const char *what, s64 result)
{
	print_format("%s: %s\n", what, result < 0 ? strerror((int)result) : "taken");
}

/* As often as would fill the server's table, if it kept them. */
static void handles_nobody_wants(u32 server, const char *what, u64 label)
{
	struct message m;
	s64 first = 0;

	for (int i = 0; i < TIMES; i++) {
		s64 result;

		m = (struct message){ .label = label, .handle = mine };
		result = client_call(server, &m);
		if (!i)
			first = result;
		if (result != first) {
			tell(what, result);
			return;
		}
	}
	tell(what, first);
}

static void lie_to_console(u32 console)
{
	handles_nobody_wants(console, "a handle with text", CONSOLE_LABEL(CONSOLE_WRITE, 0));
	handles_nobody_wants(console, "a handle with nonsense", 99);
	tell("^C to a notification", console_interrupt_by(console, mine));
	tell("^C to nobody", console_interrupt_by(console, 0));
	tell("keys", console_read_from(console, (char[CONSOLE_BYTES]){ 0 }));
	handles_nobody_wants(console, "^C, again and again", CONSOLE_INTERRUPT);
}

static s64 share(u32 server, size_t pages, u32 rights)
{
	s64 memory = syscall3(SYS_memory_create, pages, 0, 0), given, err;
	struct message m = { .label = TRACE_SHARE };

	if (memory < 0)
		return memory;
	given = syscall3(SYS_handle_duplicate, (u64)memory, rights | RIGHT_DUPLICATE, 0);
	m.handle = (u32)given;
	err = given < 0 ? given : client_call(server, &m);
	syscall3(SYS_handle_close, (u64)memory, 0, 0);
	syscall3(SYS_handle_close, (u64)given, 0, 0);
	return err;
}

static s64 share_often(u32 server)
{
	s64 err = 0;

	for (int i = 0; i < TIMES && !err; i++)
		err = share(server, TRACE_PAGES, RIGHT_READ);
	return err;
}

static s64 stat(u32 server, u64 bytes)
{
	struct message m = { .label = TRACE_STAT, .words = { bytes } };

	return client_call(server, &m);
}

/* As often as would use up the server's account, if it paid for what we keep. */
static void give_and_keep(u32 server)
{
	static u32 kept[TIMES];
	s64 err = 0, stream;
	int n = 0;

	while (n < (int)ARRAY_SIZE(kept) && !err) {
		s64 memory = syscall3(SYS_memory_create, GIVEN_PAGES, 0, 0), second;
		struct message m = { .label = TRACE_STAT };

		if (memory < 0)
			break;
		kept[n++] = (u32)memory;
		second = syscall3(SYS_handle_duplicate, (u64)memory, RIGHT_READ | RIGHT_DUPLICATE, 0);
		m.handle = (u64)second | IPC_GRANT;
		err = second < 0 ? second : message_call(server, &m, 0);
		if (second >= 0)
			syscall3(SYS_handle_close, (u64)second, 0, 0);
	}
	stream = trace_open("/", 1, STREAM_DIRECTORY);
	syscall3(SYS_handle_close, (u64)stream, 0, 0);
	while (n)
		syscall3(SYS_handle_close, kept[--n], 0, 0);
	tell("pages given away, and kept", err);
	tell("and a stream meanwhile", min(stream, 0l));
}

static void lie_to_tracefs(u32 server)
{
	handles_nobody_wants(server, "a request before sharing", TRACE_STAT);
	tell("too few pages", share(server, TRACE_PAGES - 1, RIGHT_READ));
	tell("too many", share(server, TRACE_PAGES + 1, RIGHT_READ));
	tell("pages that can't be read", share(server, TRACE_PAGES, RIGHT_WRITE));
	handles_nobody_wants(server, "no pages at all", TRACE_SHARE);
	tell("pages again and again", share_often(server));
	give_and_keep(server);
	tell("a path without an end", stat(server, ~0ul));
	tell("a path of nothing", stat(server, 16));
}

/* Nothing more can be given to us; who tries must say so. */
static void have_no_room(void)
{
	static u32 taken[HANDLES];
	s64 known = trace_stat("/"), h;
	int n = 0;

	while (n < HANDLES && (h = syscall3(SYS_handle_duplicate, mine, RIGHT_SEND, 0)) > 0)
		taken[n++] = (u32)h;
	tell("a name, without room for it", names_find("console"));
	tell("a stream, without room for it", trace_open("/", 1, STREAM_DIRECTORY));
	while (n)
		syscall3(SYS_handle_close, taken[--n], 0, 0);
	h = trace_open("/", 1, STREAM_DIRECTORY);
	tell("and with", known < 0 ? known : min(h, 0l));
}

/* What one that couldn't be started had goes back when nobody refers to it any more: perhaps later, so there may be no room meanwhile. */
static s64 start(const struct spawn *s, const char **why)
{
	u64 until = (u64)syscall0(SYS_clock) + ROOM_WITHIN;
	s64 err = spawn(s, why);

	while (err == -ENOMEM && (u64)syscall0(SYS_clock) < until) {
		syscall0(SYS_yield);
		err = spawn(s, why);
	}
	return err;
}

/* As often as would use up our account, if what could not be started were kept. */
static void start_what_cannot_be(void)
{
	static char longest[4096];
	char *argv[] = { (char *)"liar", longest };
	size_t pages = (program()->archive_bytes + PAGE_SIZE - 1) / PAGE_SIZE;
	const u8 *archive = memory_map(program()->given[0], pages, RIGHT_READ);
	struct spawn s = { .name = "liar", .priority = 1, .argc = 2, .argv = argv };
	struct archive_file f;
	const char *why = NULL;
	s64 err = -ENOENT;

	memset(longest, 'x', sizeof(longest) - 1);
	if (archive && archive_find(archive, program()->archive_bytes, "liar", &f, &why)) {
		s.file = f.data;
		s.bytes = f.size;
		for (int i = 0; i < 3 * TIMES && (!i || err == -E2BIG); i++)
			err = start(&s, &why);
	}
	tell("too many words for a program", err);
}

int main(int argc, char **argv)
{
	s64 console = names_find("console"), tracefs = names_find("tracefs"),
	    n = syscall0(SYS_notification_create);

	if (console < 0 || tracefs < 0 || n < 0)
		return 1;
	mine = (u32)n;
	lie_to_console((u32)console);
	lie_to_tracefs((u32)tracefs);
	have_no_room();
	start_what_cannot_be();
	return 0;
}
