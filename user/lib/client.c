/* A call that outlives the server: the same words again, to its successor. */
#include "user/lib/client.h"

#include "abi/errno.h"
#include "user/lib/syscall.h"

#define TRIES 100

s64 client_call(u32 endpoint, struct message *m)
{
	s64 err = -EPIPE;

	for (int i = 0; i < TRIES && err == -EPIPE; i++) {
		err = message_call(endpoint, m, 0);
		if (err == -EPIPE)
			syscall0(SYS_yield);
	}
	return err ? err : (s64)m->label;
}
