/* The file "error_log": what was wrong with a refused write, with a caret under the place. */
#pragma once

#include "lib/types.h"

/* Thread context. @column counts from 0 into @command; both texts are copied. */
void error_log(const char *subsystem, const char *command, size_t column, const char *message);
