/* Two processes and a message that goes to and fro: what a round trip takes. For who traces it, the smallest traffic there is. */
#include "abi/errno.h"
#include "lib/archive.h"
#include "lib/string.h"
#include "user/lib/memory.h"
#include "user/lib/message.h"
#include "user/lib/spawn.h"
#include "user/lib/syscall.h"
#include "user/lib/thread.h"
#include "user/lib/user.h"

#define ROUNDS_MAX 10000000ul

/* The other side: each word comes back one larger. */
static int pong(u32 endpoint)
{
	struct message m;
	s64 err = message_receive(endpoint, &m, 0);

	while (!err) {
		for (int i = 0; i < IPC_WORDS; i++)
			m.words[i]++;
		m.handle = 0;
		err = message_reply_receive(endpoint, &m);
	}
	return err != -EPIPE;
}

/* This program once more, with the end of the line that receives; -errno. */
static s64 start_pong(u32 endpoint)
{
	const u8 *archive = memory_map(program()->given[0],
				       (program()->archive_bytes + PAGE_SIZE - 1) / PAGE_SIZE, RIGHT_READ);
	char *argv[] = { (char *)"pingpong", (char *)"pong" };
	struct spawn s = { .name = "pong",
			   .priority = PRIORITY_SHELL,
			   .out = program()->out,
			   .given = { 0, endpoint },
			   .rights = { 0, RIGHT_RECEIVE },
			   .argc = 2,
			   .argv = argv };
	struct archive_file f;
	const char *why;

	if (!archive || !archive_find(archive, program()->archive_bytes, "pingpong", &f, &why))
		return -ENOENT;
	s.file = f.data;
	s.bytes = f.size;
	return spawn(&s, &why);
}

static int ping(u32 endpoint, u64 rounds)
{
	struct message m = { .label = 0 };
	u64 start = (u64)syscall0(SYS_clock), ns;

	for (u64 i = 0; i < rounds; i++)
		if (message_call(endpoint, &m, 0) != 0)
			return 1;
	ns = (u64)syscall0(SYS_clock) - start;
	print_format("%lu round trips, %lu ns each, the last word is %lu\n", rounds, ns / rounds,
		     m.words[IPC_WORDS - 1]);
	return m.words[IPC_WORDS - 1] != rounds;
}

int main(int argc, char **argv)
{
	u64 rounds = 1000;
	s64 endpoint;

	if (argc > 1 && !strcmp(argv[1], "pong"))
		return pong(program()->given[1]);
	if (argc > 2 || (argc == 2 && (!parse_u64(argv[1], strlen(argv[1]), 10, &rounds) || !rounds ||
				       rounds > ROUNDS_MAX))) {
		print("usage: pingpong [ROUNDS]\n");
		return 1;
	}
	endpoint = syscall0(SYS_endpoint_create);
	if (endpoint < 0 || start_pong((u32)endpoint) < 0) {
		print("pingpong: the other side can't be started\n");
		return 1;
	}
	return ping((u32)endpoint, rounds);
}
