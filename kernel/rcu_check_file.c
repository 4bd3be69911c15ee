/* The file rcu/check: wrong use of RCU is looked for, or not; and how often it was found. */
#include "abi/errno.h"
#include "context/rcu_read.h"
#include "ftrace/static_key.h"
#include "kernel/rcu_check.h"
#include "lib/ctl.h"
#include "rcu/rcu.h"

/*
 * Armed after a grace period: then every reader that wasn't counted when it began has ended. Switched off, a grace period
 * later those have ended that were counted when they began; their ends weren't.
 */
void rcu_check_set(bool on)
{
	WRITE_ONCE(rcu_check_armed, false);
	static_key_set(&rcu_check_key, on);
	if (on)
		rcu_check_forget();
	synchronize_rcu();
	if (on)
		WRITE_ONCE(rcu_check_armed, true);
	else
		for (u32 up = READ_ONCE(cpus_up); up; up &= up - 1)
			*per_cpu_ptr(rcu_readers, (u32)__builtin_ctz(up)) = 0;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%d: %u reports\n", static_key_enabled(&rcu_check_key), rcu_check_reports);
	return 0;
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 on;

	if (!ctl_parse_u64(text, len, &on) || on > 1)
		return -EINVAL;
	rcu_check_set(on);
	return 0;
}
CTL_FILE(ctl_rcu_check, .path = "rcu/check", .show = show, .store = store);
