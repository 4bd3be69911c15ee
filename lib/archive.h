/* A boot module's files, whichever of two formats packed them. */
#pragma once

#include "lib/types.h"

struct archive_file {
	const char *
		name; /* without a leading "./" or "/", terminated; lives as long as the archive, or in @long_name */
	const u8 *data;
	size_t size;
	u32 mode;	     /* stat(2)'s st_mode */
	char long_name[257]; /* where a ustar header's two parts are put together */
};

/*
 * Any context. The file behind *@at, which begins as 0 and is moved past it: 1 and @out; 0 at the end; -1 with a sentence
 * in *@why, about what stands at *@at. Nothing outside of the @len bytes is read, and @out never points there. The first
 * bytes say which format it is.
 */
int archive_next(const u8 *archive, size_t len, size_t *at, struct archive_file *out, const char **why);

/* Any context. The file of that name, perhaps of no bytes; false, with a sentence that says why not. */
bool archive_find(const u8 *archive, size_t len, const char *name, struct archive_file *out,
		  const char **why);

/* What follows an archive's "./" or "/". */
const char *archive_plain_name(const char *name);
