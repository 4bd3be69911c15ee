/*
 * Int3s become jumps to detours, later and many at once; and int3s again, at once, when anything speaks against it.
 *
 * The steps, and why none can be left out, are in docs/TRICKS.md, "Five bytes at once".
 */
#include "arch/x86/cpu/smp.h"
#include "ftrace/ftrace.h"
#include "kprobe/internal.h"
#include "lib/string.h"
#include "sched/timer.h"
#include "sched/work.h"
#include "trace/clock.h"

#define DELAY_NS (20 * 1000 * 1000ul) /* who comes meanwhile, comes along */
#define RETRY_NS (1000 * 1000ul)
#define BATCH	 64

/* Under kprobe_mutex, but for a round that is put off. */
static u64 asked;	    /* +1 each time somebody wants a jump */
static u64 began, answered; /* as that was when this round began, and the last one that ended */
static u64 due = ~0ul;
static u32 jumps; /* in text */
static struct wait_queue settled;
static struct timer delay; /* arming wakes nobody */
u64 kprobe_jumps_made;

static void delay_over(struct timer *t) { later_wake(); }

void optimize_init(void)
{
	wait_queue_init(&settled, "kprobes jumping");
	timer_init(&delay, delay_over);
	jump_check_init();
}

void optimize_want(struct kprobe_site *s)
{
	if (!s->may_jump || s->no_detour || s->jump != JUMP_NONE)
		return;
	asked++;
	if (due != ~0ul)
		return;
	WRITE_ONCE(due, trace_clock() + DELAY_NS);
	timer_set(&delay, due);
}

u64 optimize_at(void) { return READ_ONCE(due); }

void kprobe_settle(void)
{
	u64 until;

	mutex_lock(&kprobe_mutex);
	until = asked;
	if (due != ~0ul)
		WRITE_ONCE(due, 0);
	mutex_unlock(&kprobe_mutex);
	if (later_wake())
		wait_event(&settled, (s64)(__atomic_load_n(&answered, __ATOMIC_ACQUIRE) - until) >= 0);
}

/* From here on hits by the int3 run the detour's copies: nobody comes into the bytes behind it any more. */
static void make_ready(struct kprobe_site *s)
{
	u8 bytes[INSN_MAX_LENGTH];
	struct insn insn;

	s->no_detour = jump_refused(s->addr, &s->displaced) != NULL;
	if (s->no_detour || detour_make(s) != 0)
		return;
	for (u8 done = 0; done < SITE_SIZE; done += insn.length) {
		kprobe_decode(s->addr + done, INSN_MAX_LENGTH, bytes, &insn);
		for (u8 i = 0; i < insn.length && done + i < SITE_SIZE; i++)
			s->bytes[done + i] = bytes[i];
	}
	s->jump = JUMP_READY;
	technique_trap(s);
}

static u32 make_all_ready(void)
{
	u32 n = 0;

	for (unsigned b = 0; b < KPROBE_BUCKETS; b++)
		for (struct kprobe_site *s = kprobe_table[b]; s; s = s->next) {
			if (s->may_jump && !s->no_detour && s->jump == JUMP_NONE && s->armed)
				make_ready(s);
			n += s->jump == JUMP_READY;
		}
	return n;
}

static void end_round(void)
{
	__atomic_store_n(&answered, began, __ATOMIC_RELEASE);
	wake_all(&settled);
}

/* Who holds the mutex may be waiting for this thread, for slots (kprobe_flush()): so it isn't waited for. */
static bool begin_or_put_off(void)
{
	if (mutex_trylock(&kprobe_mutex))
		return true;
	WRITE_ONCE(due, 0);
	sleep_ns(RETRY_NS);
	return false;
}

bool optimize_begin(void)
{
	bool any;

	if (!time_after_deadline(optimize_at()) || !begin_or_put_off())
		return false;
	began = asked;
	WRITE_ONCE(due, ~0ul);
	any = make_all_ready() != 0;
	if (!any)
		end_round();
	mutex_unlock(&kprobe_mutex);
	return any;
}

/*
 * A bust on another CPU either sees this, and leaves the text alone; or what it did is seen here: each says what it is about
 * to do before it looks at the other.
 */
static bool announce(struct kprobe_site *s)
{
	WRITE_ONCE(s->jump, JUMP_IN);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (READ_ONCE(s->armed) && !READ_ONCE(s->busted))
		return true;
	WRITE_ONCE(s->jump, JUMP_NONE);
	technique_trap(s);
	return false;
}

static void insert_sorted(struct text_exchange *x, u32 n, const struct kprobe_site *s)
{
	s32 offset = (s32)((u64)s->detour + detour_template.entry - (s->addr + SITE_SIZE));

	for (; n > 0 && x[n - 1].addr > s->addr; n--)
		x[n] = x[n - 1];
	x[n].addr = s->addr;
	x[n].bytes[0] = JMP32_BYTE;
	memcpy(x[n].bytes + 1, &offset, sizeof(offset));
}

/* Who meets the exchange's int3 takes the detour, as it were the jump already. How many. */
static u32 jumps_in(void)
{
	static struct text_exchange x[BATCH];
	u32 n = 0;

	for (unsigned b = 0; b < KPROBE_BUCKETS && n < BATCH; b++)
		for (struct kprobe_site *s = kprobe_table[b]; s && n < BATCH; s = s->next)
			if (s->jump == JUMP_READY && announce(s))
				insert_sorted(x, n++, s);
	jumps += n;
	kprobe_jumps_made += n;
	mutex_lock(&text_mutex);
	text_poke_bp_batch(x, n);
	mutex_unlock(&text_mutex);
	return n;
}

void optimize_finish(void)
{
	if (!begin_or_put_off())
		return;
	while (jumps_in() != 0)
		;
	end_round();
	mutex_unlock(&kprobe_mutex);
}

/*
 * Its int3 first: as before it was a jump, who hits it runs the detour's copies, until the tail is whole and known to
 * all CPUs to be so.
 */
static void jump_out(struct kprobe_site *s)
{
	static const u8 int3 = INT3_BYTE;

	mutex_lock(&text_mutex);
	text_poke((void *)s->addr, &int3, 1);
	smp_serialize_others();
	text_poke((void *)(s->addr + 1), s->bytes + 1, SITE_SIZE - 1);
	smp_serialize_others();
	mutex_unlock(&text_mutex);
	jumps--;
}

void unoptimize(struct kprobe_site *s)
{
	if (s->jump == JUMP_NONE)
		return;
	if (s->jump == JUMP_IN)
		jump_out(s);
	barrier();
	WRITE_ONCE(s->jump, JUMP_NONE);
	technique_trap(s);
}

void unoptimize_over(u64 addr)
{
	for (u64 at = addr - (SITE_SIZE - 1); at < addr; at++) {
		struct kprobe_site *s = kprobe_find(at);

		if (s)
			unoptimize(s);
	}
}

void optimize_again_over(u64 addr)
{
	for (u64 at = addr - (SITE_SIZE - 1); at < addr; at++) {
		struct kprobe_site *s = kprobe_find(at);

		if (!s)
			continue;
		s->no_detour = false;
		if (s->armed)
			optimize_want(s);
	}
}

/* Hidden, as a detour calls it without a guard. */
__kprobes u64 jump_landing(u64 ip)
{
	for (u64 at = ip - (SITE_SIZE - 1); at < ip; at++) {
		const struct kprobe_site *s = kprobe_find(at);

		if (s && READ_ONCE(s->jump) != JUMP_NONE)
			return (u64)s->detour + detour_template.size + ip - at;
	}
	return ip;
}

const struct kprobe_site *jump_over(u64 addr)
{
	for (u64 at = addr - (SITE_SIZE - 1); READ_ONCE(jumps) && at <= addr; at++) {
		const struct kprobe_site *s = kprobe_find(at);

		if (s && READ_ONCE(s->jump) == JUMP_IN)
			return s;
	}
	return NULL;
}

/* The jumps that a bust has left, as no probe is armed there. */
static void undo(struct work *w)
{
	mutex_lock(&kprobe_mutex);
	for (unsigned b = 0; b < KPROBE_BUCKETS; b++)
		for (struct kprobe_site *s = kprobe_table[b]; s; s = s->next)
			site_update(s);
	mutex_unlock(&kprobe_mutex);
}
static WORK(undoing, undo);

/* Not by the number of jumps: the last may have been on its way out or in, and is none any more. */
bool jumps_left;

void optimize_busted(void)
{
	if (__atomic_exchange_n(&jumps_left, false, __ATOMIC_RELAXED))
		schedule_work(&undoing);
}
