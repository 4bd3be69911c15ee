/* Messages from C: all that abi/ipc.h has in registers, in a structure. */
#pragma once

#include "abi/ipc.h"
#include "abi/syscall.h"
#include "lib/types.h"

struct message {
	u64 label;
	u64 words[IPC_WORDS];
	u64 handle; /* to give, with IPC_GRANT for good; or got; 0: none */
	u64 badge;  /* of who called; got by receiving, as the next */
	u64 token;
};

/* message.asm: one of the four, with all registers out of @m and into it. 0 or -errno; then @m is as it was. */
s64 message_syscall(u64 number, u64 endpoint_and_timeout, struct message *m);

/* How long at most, in microseconds: 0 is for ever. */
static inline s64 message_call(u32 endpoint, struct message *m, u32 us)
{
	return message_syscall(SYS_ipc_call, endpoint | (u64)us << IPC_TIMEOUT_SHIFT, m);
}
static inline s64 message_receive(u32 endpoint, struct message *m, u32 us)
{
	return message_syscall(SYS_ipc_receive, endpoint | (u64)us << IPC_TIMEOUT_SHIFT, m);
}
/* To who called with @m's token. */
static inline s64 message_reply(u32 endpoint, struct message *m)
{
	return message_syscall(SYS_ipc_reply, endpoint, m);
}
static inline s64 message_reply_receive(u32 endpoint, struct message *m)
{
	return message_syscall(SYS_ipc_reply_receive, endpoint, m);
}
