/* What a server says to who called it. */
#pragma once

#include "user/lib/message.h"

/*
 * message_reply(); who has no room for the handle that goes with it is told so by the label, -EMFILE or -ENOMEM, and has the rest: or
 * it would wait for ever. 0 or -errno: -ENOENT, it has died.
 */
s64 message_answer(u32 endpoint, struct message *m);
