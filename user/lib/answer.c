/* An answer always comes, if not with what was asked for. */
#include "user/lib/answer.h"

#include "abi/errno.h"

s64 message_answer(u32 endpoint, struct message *m)
{
	s64 err = message_reply(endpoint, m);

	if (!err || err == -ENOENT || !m->handle)
		return err;
	m->label = (u64)err;
	m->handle = 0;
	return message_reply(endpoint, m);
}
