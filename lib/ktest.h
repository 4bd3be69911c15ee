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

/*
 * Any context: a failure if @got isn't @want. Called for each check, so that a test has no code of its own that only runs
 * when it fails.
 */
struct ktest_place {
	const char *file, *what;
	int line;
};
void ktest_check(const struct ktest_place *place, u64 got, u64 want);

/* Thread context. Runs one of them; how many of its checks failed, which it says in @out. */
unsigned ktest_run(void (*run)(void), struct seq *out);

/* A line that a reader of the report will want. */
void ktest_comment(const char *fmt, ...) __printf(1, 2);

#define EXPECT_SAYING(said, got, want)                                                 \
	do {                                                                           \
		static const struct ktest_place _place = { __FILE__, said, __LINE__ }; \
		ktest_check(&_place, got, want);                                       \
	} while (0)
#define EXPECT(cond)	     EXPECT_SAYING(#cond, !!(cond), 1)
#define EXPECT_EQ(got, want) EXPECT_SAYING(#got " == " #want, (u64)(got), (u64)(want))

/* Boot, as soon as there are threads and timers; the tests'. @text: what follows "sweep=" on the command line, up to white space. */
void ktest_boot(const char *text);

/*
 * Thread context. What was printed goes through processes: they have done with it now, so that they don't run in the middle of what
 * is counted next. At most 50 turns, since somebody may spin; none where none may be.
 */
void let_others_print(void);
