/* In-guest tests: declared beside nothing but themselves, run by the shell command "ktap", reported as KTAP. */
#pragma once

#include "lib/compiler.h"
#include "lib/seq.h"
#include "lib/types.h"

struct ktest {
	const char *suite, *name;
	void (*run)(void);
};

/* KTEST(suite, name) { EXPECT(...); } Runs in thread context, interrupts on. */
#define KTEST(s, n)                                                                  \
	static void ktest_##s##_##n(void);                                           \
	static const struct ktest ktest_reg_##s##_##n = { #s, #n, ktest_##s##_##n }; \
	REGISTER_IN(ktests, ktest_reg_##s##_##n);                                    \
	static void ktest_##s##_##n(void)
DECLARE_REGISTRY(ktests);

/* Records a failure with its place and both values, and goes on. */
void ktest_fail(const char *file, int line, const char *what, u64 got, u64 want);

/* Thread context. Runs one of them; how many of its checks failed, which it says in @out. */
unsigned ktest_run(void (*run)(void), struct seq *out);

/* A line that a reader of the report will want. */
void ktest_comment(const char *fmt, ...) __printf(1, 2);

#define EXPECT(cond)                                                 \
	do {                                                         \
		if (!(cond))                                         \
			ktest_fail(__FILE__, __LINE__, #cond, 0, 1); \
	} while (0)
#define EXPECT_EQ(got, want)                                                       \
	do {                                                                       \
		u64 _g = (u64)(got), _w = (u64)(want);                             \
		if (_g != _w)                                                      \
			ktest_fail(__FILE__, __LINE__, #got " == " #want, _g, _w); \
	} while (0)
