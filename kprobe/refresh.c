/*
 * A probe for an emulator to see: QEMU's TCG, with several CPUs, may go on with a translation from before the int3.
 *
 * A CPU that was translating the place when the byte was written keeps what it had read, and shares it with all others; a probe would
 * stand in the text and be hit by nobody. When each CPU has taken an interrupt since, none is translating what it read before, and one
 * more write of the byte throws away all that was made of it (docs/TRICKS.md, "An int3 that isn't there").
 */
#include "arch/x86/cpu/features.h"
#include "arch/x86/cpu/smp.h"
#include "kprobe/internal.h"
#include "sched/timer.h"
#include "sched/work.h"
#include "trace/clock.h"

#define DELAY_NS (10 * 1000 * 1000ul) /* for as many at once as come together */

static void refresh(struct work *w) { kprobe_seen(); }
static WORK(refreshing, refresh);

static void ring(struct timer *t) { schedule_work(&refreshing); }
static struct timer delay;
static bool translated, pending; /* under kprobe_mutex */

void kprobe_seen(void)
{
	mutex_lock(&kprobe_mutex);
	pending = false;
	smp_serialize_others();
	for (unsigned b = 0; b < KPROBE_BUCKETS; b++)
		for (struct kprobe_site *s = kprobe_table[b]; s; s = s->next) {
			if (s->fresh)
				text_refresh((void *)s->addr);
			s->fresh = false;
		}
	mutex_unlock(&kprobe_mutex);
}

void refresh_init(void)
{
	timer_init(&delay, ring);
	translated = cpu_is_tcg();
}

void refresh_want(struct kprobe_site *s)
{
	if (!translated || nr_cpus_up() < 2)
		return;
	s->fresh = true;
	if (pending)
		return;
	pending = true;
	timer_set(&delay, trace_clock() + DELAY_NS);
}
