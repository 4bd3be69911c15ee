/* A boot module's files: the archive format "newc" of cpio(5), read in place. */
#pragma once

#include "lib/types.h"

struct cpio_file {
	const char *name; /* without a leading "./" or "/", terminated */
	const u8 *data;
	size_t size;
	u32 mode; /* stat(2)'s st_mode */
};

/*
 * Any context. The file behind *@at, which begins as 0 and is moved past it: 1 and @out; 0 at the end; -1 with a sentence
 * in *@why, about what stands at *@at. Nothing outside of the @len bytes is read, and @out never points there.
 */
int cpio_next(const u8 *archive, size_t len, size_t *at, struct cpio_file *out, const char **why);
