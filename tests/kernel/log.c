/* The kernel's log, copied while nobody writes to it. */
#include "tests/kernel/log.h"

#include "arch/x86/cpu/regs.h"
#include "kernel/printk.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/frames.h"

const char *log_since(const char *mark)
{
	static char(*text)[16384 + 1];
	struct seq_buf b;
	const char *at;
	u64 flags;

	if (!FRAMES_ONCE(text)) {
		ktest_fail(__FILE__, __LINE__, "memory for the log", 0, 1);
		return "";
	}
	flags = local_irq_save();
	console_lock();
	seq_buf_init(&b, *text, sizeof(*text));
	printk_show_log(&b.seq);
	console_unlock();
	local_irq_restore(flags);
	at = strstr(*text, mark);
	EXPECT(at);
	return at ? at + strlen(mark) : *text;
}
