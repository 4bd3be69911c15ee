/*
 * What every host test starts with: libc and cmocka under their own names, lib/ and abi/ beside them
 * (as nl_NAME where libc has NAME), and a main() that speaks TAP.
 *
 * Include it first: the kernel's headers define short macros that libc's headers would trip over.
 */
#pragma once

#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* ctype's functions are macros here; rename.h must find the names free. */
#undef isspace
#undef isdigit
#undef isprint
#undef isalpha
#undef isalnum
/* glibc's own, not meant for us. */
#undef __always_inline

#include "tests/host/rename.h"
#include "abi/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "tests/host/unrename.h"

/* SEED from the environment, else the time; said on stderr, so that a failure can be had again. */
u64 host_seed(void);
/* Uniform enough for choosing test cases; the sequence depends on host_seed() alone. */
u64 host_random(void);
/* make torture: STRESS= is more than 1. */
bool host_torture(void);
static inline u64 host_random_below(u64 n) { return host_random() % n; }

/* The last newline is one that cmocka forgets. */
#define HOST_TEST_MAIN(tests)                                       \
	int main(void)                                              \
	{                                                           \
		int failed;                                         \
                                                                    \
		cmocka_set_message_output(CM_OUTPUT_TAP);           \
		failed = cmocka_run_group_tests(tests, NULL, NULL); \
		putchar('\n');                                      \
		return failed != 0;                                 \
	}
