/* Calls of servers that may die: what a call fails with then, and that it may be made again. */
#pragma once

#include "user/lib/message.h"

/*
 * message_call(), and once more when the server died over it, up to a number of times: init starts it again, behind the same
 * endpoint. The answer's label, of which less than 0 is -errno, or what the call itself failed with.
 */
s64 client_call(u32 endpoint, struct message *m);
