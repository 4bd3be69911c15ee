/* A console and a few control files for the shell's tests to play with. */
#pragma once

#include "tests/host/host.h"
#include "lib/ctl.h"

/* What console_getc() will say, then ^D for ever. */
void console_type(const char *keys);
/* All that was written to the console since the last call. */
const char *console_said(void);

/* The last write to "alpha". */
struct written {
	char text[8192];
	size_t len;
	bool append;
	unsigned times;
};
extern struct written alpha;

/*
 * The files: alpha (read and write), ro, wo, failing (both ways), big (5,000 bytes), full (4,096),
 * dir/one, dir/sub/two, and test/secret, which is test_only.
 */
int fixture_reset(void **state);
