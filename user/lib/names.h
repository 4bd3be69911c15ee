/* Names of servers, which init knows: a call with a name in its words is answered with a handle to call the server by. */
#pragma once

#include "lib/types.h"

#define NAMES_FIND 1 /* the label; the name fills the words, or ends in a NUL */

/* The handle, or -errno: -ENOENT, there is no such server. */
s64 names_find(const char *name);
