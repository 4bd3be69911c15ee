/* An archive to be walked over by NEXT, which whoever includes this has defined: cpio_next or ustar_next. */
#pragma once

#include "tests/host/host.h"
#include "lib/archive.h"

static u8 archive[8192];
static size_t len;

/* Over a copy in a block of its very size, so that a byte too far is found; the result of the last call. */
static int walk(size_t size, int *files, const char **why)
{
	u8 *copy = malloc(size ?: 1);
	struct archive_file f;
	size_t at = 0, sum = 0;
	int err;

	memcpy(copy, archive, size);
	for (*files = 0; (err = NEXT(copy, size, &at, &f, why)) > 0; ++*files) {
		assert_true(*files < 100);
		sum += strlen(f.name);
		for (size_t i = 0; i < f.size; i++)
			sum += f.data[i];
	}
	assert_true(sum < ~0ul);
	assert_true(err ? *why != NULL : *why == NULL);
	free(copy);
	return err;
}

static void refused(const char *sentence)
{
	const char *why;
	int files;

	assert_int_equal(walk(len, &files, &why), -1);
	assert_string_equal(why, sentence);
}
