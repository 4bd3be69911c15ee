/* The archive format "ustar" of POSIX's pax(1), as tar writes it, read in place. */
#pragma once

#include "lib/archive.h"

/* Does it begin as such an archive does? An empty one has nothing but zeros. */
bool ustar_is(const u8 *archive, size_t len);
/* As archive_next(). Links and devices are files of no bytes; extended headers (pax, GNU's) are refused. */
int ustar_next(const u8 *archive, size_t len, size_t *at, struct archive_file *out, const char **why);
