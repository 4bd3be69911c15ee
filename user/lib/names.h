/* Names of servers, which init knows: a call with a name in its words is answered with a handle to call the server by. */
#pragma once

#include "lib/types.h"

#define NAMES_FIND 1 /* the label; the name fills the words, or ends in a NUL */
#define NAMES_KILL 2 /* the same name: the server is killed, which it is to get over */

/* The handle, or -errno: -ENOENT, there is no such server. */
s64 names_find(const char *name);
/* The server of that name is killed; init will start it again. 0 or -errno, as above. */
s64 names_kill(const char *name);
