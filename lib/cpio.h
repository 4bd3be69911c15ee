/* The archive format "newc" of cpio(5), read in place. */
#pragma once

#include "lib/archive.h"

/* As archive_next(). */
int cpio_next(const u8 *archive, size_t len, size_t *at, struct archive_file *out, const char **why);
