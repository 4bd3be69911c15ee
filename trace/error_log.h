/* The file "error_log": what was wrong with a refused write, with a caret under the place. */
#pragma once

#include "lib/types.h"

/* Thread context. @column counts from 0 into @command; both texts are copied. */
void error_log(const char *subsystem, const char *command, size_t column, const char *message);

/*
 * Thread context. The same for the place @at in a write of @len bytes, any bytes: the command is the line that it is in, from
 * that place on if it is long. Returns -EINVAL.
 */
int error_log_refuse(const char *subsystem, const char *text, size_t len, size_t at, const char *message);
