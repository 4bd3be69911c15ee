/* Setting a probe in a test: what refuses it is the test's failure. */
#include "tests/kernel/probe.h"

bool probe_on(struct kprobe *p)
{
	const char *why = NULL;
	int err = kprobe_register(p, &why);

	if (err) {
		ktest_fail(why ? why : "kprobe_register", 0, "probe refused", (u64)(s64)err, 0);
		return false;
	}
	EXPECT_EQ(kprobe_arm(p), 0);
	return true;
}
