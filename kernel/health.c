/* Takes the system's pulse: what a recursion or a recovery could have left wrong. */
#include "kernel/health.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/wx.h"
#include "context/trap.h"
#include "kernel/process.h"
#include "kprobe/kprobe.h"
#include "lib/ctl.h"
#include "mm/frames.h"

extern const u8 __text_start[], __entry_text_end[];

/* FNV-1a (Fowler, Noll, Vo): any changed byte changes it. */
static u64 sum(u64 h, const u8 *from, const u8 *to)
{
	for (; from < to; from++)
		h = (h ^ *from) * 0x100000001b3;
	return h;
}

void health_take(struct health *h)
{
	struct wx_result current, poke;

	kprobe_flush(); /* slots that nobody has any more are still being given back */
	*h = (struct health){
		.context_word = context_read(),
		.guard_bits = this_cpu(guard_bits),
		.step_depth = this_cpu(step_depth),
		.bb_depth = this_cpu(bb_depth),
		.lock_count = preempt_depth(), /* a held spinlock is a preempt depth */
		.nesting = this_cpu(watch).nesting,
		.nmi_nesting = this_cpu(watch).nmi_nesting,
		.watch_counter = this_cpu(watch).counter,
		.irqs_on = irqs_enabled(),
		.watching = rcu_is_watching(),
		.frames_free = frames_free_count(),
	};
	h->text_sum = sum(0xcbf29ce484222325, __text_start, __entry_text_end);
	h->text_sum = sum(h->text_sum, (const u8 *)SLOT_AREA, (const u8 *)SLOT_AREA + PAGE_SIZE);
	wx_check(&current);
	wx_check_root(text_poke_root(), &poke);
	h->wx_violations = current.violations + poke.violations;
}

static unsigned line(struct seq *out, const char *what, u64 before, u64 after)
{
	seq_printf(out, "  %-22s %16lx %16lx  %s\n", what, before, after,
		   before == after ? "same" : "DIFFERENT");
	return before != after;
}

/* Each time the CPU idles it is two more. */
static unsigned grown(struct seq *out, const char *what, u64 before, u64 after)
{
	bool fine = after >= before && !((after - before) & 1);

	seq_printf(out, "  %-22s %16lx %16lx  %s\n", what, before, after,
		   before == after ? "same"
		   : fine	   ? "has idled"
				   : "DIFFERENT");
	return !fine;
}

/* Processes get pages as they touch them, and whoever reads this by a stream has its room: a leak shows as more than that. */
#define NEAR 128

static unsigned near(struct seq *out, const char *what, u64 before, u64 after)
{
	bool fine = READ_ONCE(nr_processes) && before - after + NEAR <= 2 * NEAR;

	if (before == after || !fine)
		return line(out, what, before, after);
	seq_printf(out, "  %-22s %16lx %16lx  processes run\n", what, before, after);
	return 0;
}

unsigned health_compare(struct seq *out, const struct health *b, const struct health *a)
{
	unsigned bad = 0;

	seq_printf(out, "  %-22s %16s %16s\n", "", "before", "after");
	bad += line(out, "context word", b->context_word, a->context_word);
	bad += line(out, "RCU watching", b->watching, a->watching);
	bad += grown(out, "watching counter", b->watch_counter, a->watch_counter);
	bad += line(out, "  task and irq nesting", b->nesting, a->nesting);
	bad += line(out, "  nmi nesting", b->nmi_nesting, a->nmi_nesting);
	bad += line(out, "guard bits", b->guard_bits, a->guard_bits);
	bad += line(out, "step depth", b->step_depth, a->step_depth);
	bad += line(out, "vector depth", b->bb_depth, a->bb_depth);
	bad += line(out, "locks held", b->lock_count, a->lock_count);
	bad += line(out, "interrupts on", b->irqs_on, a->irqs_on);
	bad += line(out, "text bytes (checksum)", b->text_sum, a->text_sum);
	bad += near(out, "free frames", b->frames_free, a->frames_free);
	bad += line(out, "W^X violations", b->wx_violations, a->wx_violations);
	return bad;
}

static struct health snapshot;

/* "health": written, it takes a snapshot; read, it compares. */
static int show(struct seq *out, const struct ctl_file *self)
{
	struct health now;

	if (!snapshot.text_sum)
		return -EINVAL;
	health_take(&now);
	return health_compare(out, &snapshot, &now) ? -EIO : 0;
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	health_take(&snapshot);
	return 0;
}
CTL_FILE(ctl_health, .path = "health", .show = show, .store = store);
