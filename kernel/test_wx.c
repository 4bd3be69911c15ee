/* Text that can be written, on purpose: what the file "wx" is for must be found by it. */
#include "abi/errno.h"
#include "arch/x86/mm/paging.h"
#include "context/watch.h"
#include "lib/ctl.h"

#define NAME (SLOT_AREA + 0x3500000) /* beyond all slots */

static bool writable;

static int show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%u\n", writable);
	return 0;
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 on, page = (u64)rcu_nmi_enter & ~(PAGE_SIZE - 1);
	int err;

	if (!ctl_parse_u64(text, len, &on) || on > 1)
		return -EINVAL;
	if (on == writable)
		return 0;
	err = on ? map_pages(NAME, page - KERNEL_BASE, 1, PAGE_RW) : 0;
	if (!on)
		unmap_pages(NAME, 1);
	if (!err)
		writable = on;
	return err;
}
CTL_FILE(ctl_test_wx, .path = "test/wx", .show = show, .store = store, .test_only = true);
