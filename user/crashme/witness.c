/* Knows what its memory holds and what its server answers, and looks again and again whether that is so. */
#include "abi/errno.h"
#include "user/crashme/crashme.h"
#include "user/lib/memory.h"
#include "user/lib/message.h"
#include "user/lib/syscall.h"

#define WORDS	2048   /* four pages */
#define PAUSE	1000   /* microseconds */
#define A_WHILE 100000 /* microseconds: to look whether it is to stop */

enum { FINE, NO_MEMORY, MEMORY_CHANGED, NO_ANSWER, WRONG_ANSWER, WRONG_CALL };

static u64 word(u64 round, u64 i) { return (round + 1) * 0x9e3779b97f4a7c15 ^ i * 0xff51afd7ed558ccd; }

static bool stopped(void) { return __atomic_load_n(&crash_report()->stop, __ATOMIC_ACQUIRE); }

static int ask(u32 endpoint, u64 round)
{
	struct message m = { .label = round };

	for (u64 i = 0; i < IPC_WORDS; i++)
		m.words[i] = word(round, i);
	if (message_call(endpoint, &m, 0) != 0)
		return stopped() ? FINE : NO_ANSWER; /* the server may see it first */
	for (u64 i = 0; i < IPC_WORDS; i++)
		if (m.words[i] != ~word(round, i))
			return WRONG_ANSWER;
	return m.label == round + 1 && !m.handle ? FINE : WRONG_ANSWER;
}

int crash_witness(u32 endpoint)
{
	u64 *memory = pages_alloc(WORDS * sizeof(u64) / PAGE_SIZE);
	s64 never = syscall0(SYS_notification_create);
	int result = memory && never > 0 ? FINE : NO_MEMORY;

	for (u64 round = 0; !result && !stopped(); round++) {
		for (u64 i = 0; i < WORDS; i++)
			memory[i] = word(round, i);
		result = ask(endpoint, round);
		for (u64 i = 0; i < WORDS && !result; i++)
			result = memory[i] == word(round, i) ? FINE : MEMORY_CHANGED;
		__atomic_fetch_add(&crash_report()->seen, 1, __ATOMIC_RELAXED);
		syscall3(SYS_notification_wait, (u64)never, PAUSE,
			 0); /* threads of any priority get the CPU */
	}
	return result;
}

int crash_server(u32 endpoint)
{
	struct message m = { 0 };
	s64 err = message_receive(endpoint, &m, A_WHILE);

	while (!stopped()) {
		if (err == -ETIMEDOUT) {
			err = message_receive(endpoint, &m, A_WHILE);
			continue;
		}
		if (err)
			return WRONG_CALL;
		for (u64 i = 0; i < IPC_WORDS; i++)
			m.words[i] = ~m.words[i];
		m.label++;
		m.handle = 0;
		if (message_reply(endpoint, &m) != 0)
			return WRONG_CALL;
		err = message_receive(endpoint, &m, A_WHILE);
	}
	return FINE;
}
