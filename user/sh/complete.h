/* Tab: the commands and control files that a half-typed word could mean. */
#pragma once

#include "user/sh/line.h"
#include "user/sh/shell.h"

void shell_complete(struct shell *sh, const char *text, size_t len, struct completion *c);
/* Prints the candidates in rows. */
void shell_list_candidates(struct shell *sh, const char *text, size_t len, struct seq *out);
