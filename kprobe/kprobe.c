/* The table of probes, and putting an int3 into text and taking it out. */
#include "kprobe/kprobe.h"

#include "abi/errno.h"
#include "arch/x86/mm/text_poke.h"
#include "arch/x86/cpu/smp.h"
#include "ftrace/ftrace.h"
#include "kprobe/bust.h"
#include "kprobe/internal.h"

struct kprobe *kprobe_table[KPROBE_BUCKETS];

void kprobe_init(void) { slot_init(); }

int kprobe_register(struct kprobe *p, const char **why)
{
	struct kprobe **head = &kprobe_table[kprobe_bucket(p->addr)];
	int err = kprobe_check(p->addr, &p->insn, why);

	if (err)
		return err;
	if (kprobe_find(p->addr)) {
		*why = KPROBE_TAKEN;
		return -EBUSY;
	}
	p->hits = p->nmissed = 0;
	p->armed = false;
	p->slot = NULL;
	if (!can_emulate(&p->insn)) {
		p->slot = slot_alloc(p->addr, &p->insn);
		if (!p->slot) {
			*why = "All out-of-line slots are taken";
			return -ENOSPC;
		}
	}
	/* The probe is whole before a trap handler can find it. */
	p->next = *head;
	barrier();
	WRITE_ONCE(*head, p);
	return 0;
}

void kprobe_unregister(struct kprobe *p)
{
	struct kprobe **link = &kprobe_table[kprobe_bucket(p->addr)];

	kprobe_disarm(p);
	while (*link != p)
		link = &(*link)->next;
	WRITE_ONCE(*link, p->next);
	/*
	 * A CPU in the middle of a hit has its interrupts off, from the int3 to the end of the step: when all
	 * have answered, nobody is in the slot or holds the probe.
	 */
	smp_serialize_others();
	if (p->slot)
		slot_free(p->slot);
}

int kprobe_arm(struct kprobe *p)
{
	static const u8 int3 = INT3_BYTE;
	struct ftrace_site *site = ftrace_site_at(p->addr);
	u64 busts;

	if (p->armed)
		return 0;
	if (site && site->patched)
		return -EBUSY;
	busts = READ_ONCE(bust_count);
	p->original = *(volatile u8 *)p->addr;
	barrier(); /* a bust restores the original of whatever is armed: first the one, then the other */
	WRITE_ONCE(p->armed, true); /* before the int3: its first hit may come at once */
	barrier();
	text_poke((void *)p->addr, &int3, 1);
	if (READ_ONCE(bust_count) == busts)
		return 0;
	/* Busted in the middle, before or after our int3: it counts as disarmed, so it must be. */
	text_poke((void *)p->addr, &p->original, 1);
	WRITE_ONCE(p->armed, false);
	return -EAGAIN;
}

void kprobe_disarm(struct kprobe *p)
{
	if (!p->armed)
		return;
	text_poke((void *)p->addr, &p->original, 1);
	barrier(); /* and only then is a hit nobody's */
	WRITE_ONCE(p->armed, false);
}

void kprobe_for_each(void (*each)(void *arg, struct kprobe *p), void *arg)
{
	for (unsigned b = 0; b < KPROBE_BUCKETS; b++)
		for (struct kprobe *p = kprobe_table[b], *next; p; p = next) {
			next = p->next;
			each(arg, p);
		}
}
