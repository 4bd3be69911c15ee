/* Basic regular expressions, as grep has them: . * [...] ^ $ and \ before one of them. */
#pragma once

#include "lib/types.h"

#define PATTERN_MAX 256

/*
 * Is there something in @text that @pattern, of less than PATTERN_MAX bytes, matches? Both end in a NUL. An unfinished [ or \ stands for itself.
 */
bool regex_match(const char *pattern, const char *text, bool ignore_case);
