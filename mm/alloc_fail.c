/* A countdown that every allocation takes part in; test/fail_alloc sets it. */
#include "mm/alloc_fail.h"

#include "abi/errno.h"
#include "lib/compiler.h"
#include "lib/ctl.h"

static u64 countdown; /* 0: off */

void alloc_fail_nth(u64 n) { __atomic_store_n(&countdown, n, __ATOMIC_RELAXED); }
u64 alloc_fail_pending(void) { return __atomic_load_n(&countdown, __ATOMIC_RELAXED); }

/* Compare and exchange: however many CPUs allocate at once, exactly one of them meets the 1. */
bool alloc_should_fail(void)
{
	u64 left = alloc_fail_pending();

	while (unlikely(left))
		if (__atomic_compare_exchange_n(&countdown, &left, left - 1, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return left == 1;
	return false;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%lu\n", alloc_fail_pending());
	return 0;
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 n;

	if (!ctl_parse_u64(text, len, &n))
		return -EINVAL;
	alloc_fail_nth(n);
	return 0;
}
CTL_FILE(ctl_fail_alloc, .path = "test/fail_alloc", .show = show, .store = store, .test_only = true);
