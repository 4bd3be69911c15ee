/* Shell-like patterns, as ftrace filters use them: '*', '?', '[a-z]', '[!a-z]', '\' escapes. */
#pragma once

#include "lib/types.h"

/* Does @pattern match the whole of @text? Linear in practice, no recursion: safe for hostile patterns. */
bool glob_match(const char *pattern, const char *text);
