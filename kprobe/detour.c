/* Detours: a place's copy of the template, the displaced instructions behind it, and whom it calls. */
#include "arch/x86/entry/unwind.h"
#include "kprobe/handlers.h"
#include "lib/bug.h"
#include "lib/string.h"

static_assert(1 << DETOUR_GUARD == GUARD_BIT(GUARD_KPROBE, GUARD_TASK), "detour.asm sets it by its number");

/* Within 31 bits of address, so that a detour reads its own in one instruction. */
static struct kprobe *called[MAX_DETOURS / DETOURS_A_PAGE * DETOURS_A_PAGE];

/* From a detour: not in a thread, or in a handler's own work. Preemption is off. Hidden: a jump in here would lead here. */
void kprobe_detour_slow(struct kprobe_site *s, struct pt_regs *regs);
static notrace void call_guarded(struct kprobe_site *s, struct pt_regs *regs, u64 none, u64 of_these)
{
	call_pre(s, regs);
}
__kprobes void kprobe_detour_slow(struct kprobe_site *s, struct pt_regs *regs)
{
	if (!guard_call(GUARD_KPROBE, context_read() - PREEMPT_ONE, call_guarded, s, regs, 0, 0))
		missed(s);
}

/*
 * By another policy than that of the detour's own code this is whom it calls, and what that has taken is given back. Hidden: it
 * mustn't be hit before the guard is taken.
 */
static __kprobes void call_each(struct kprobe *several, struct pt_regs *regs)
{
	struct kprobe_site *s = container_of(several, struct kprobe_site, several);

	if (guard_by_other_policy()) {
		guard_clear(GUARD_BIT(GUARD_KPROBE, GUARD_TASK));
		kprobe_detour_slow(s, regs);
		return;
	}
	call_pre(s, regs);
}

static void put32(u8 *code, u32 at, u64 value)
{
	u32 v = (u32)value;

	memcpy(code + at, &v, sizeof(v));
}

static void put_operands(u8 *code, const struct kprobe_site *s)
{
	const struct detour_template *t = &detour_template;
	u64 site = (u64)s;

	memcpy(code + t->site, &site, sizeof(site));
	for (size_t i = 0; i < ARRAY_SIZE(t->place); i++)
		put32(code, t->place[i], s->addr);
	put32(code, t->probe, (u64)s->probe);
	for (size_t i = 0; i < ARRAY_SIZE(t->calls); i++) {
		u32 offset;

		memcpy(&offset, code + t->calls[i], sizeof(offset));
		put32(code, t->calls[i], offset + ((u64)detour_code - (u64)s->detour));
	}
}

/* They are as they were found decoding, but for what they name relative to ip. */
static void put_displaced(u8 *code, const struct kprobe_site *s)
{
	u32 at = detour_template.size;
	struct insn insn;
	u8 bytes[INSN_MAX_LENGTH];

	for (u8 done = 0; done < s->displaced; done += insn.length) {
		BUG_ON(kprobe_decode(s->addr + done, INSN_MAX_LENGTH, bytes, &insn) != 0);
		BUG_ON(insn_copy(code + at + done, bytes, &insn, s->addr + done,
				 (u64)s->detour + at + done) != 0);
	}
	at += s->displaced;
	code[at] = JMP32_BYTE;
	put32(code, at + 1, s->addr + s->displaced - ((u64)s->detour + at + SITE_SIZE));
}

int detour_make(struct kprobe_site *s)
{
	u8 code[DETOUR_SIZE];
	int err = 0;
	u64 n;

	if (s->detour)
		return 0; /* the text is what it was */
	s->detour = slots_take(&detours, s, &err);
	if (!s->detour)
		return err;
	n = (u64)s->detour - DETOUR_AREA;
	s->probe = &called[n / PAGE_SIZE * DETOURS_A_PAGE + n % PAGE_SIZE / DETOUR_SIZE];
	s->several.pre = call_each;
	only_update(s);
	BUG_ON(detour_template.size + s->displaced + SITE_SIZE > DETOUR_SIZE);
	memset(code, INT3_BYTE, sizeof(code));
	memcpy(code, detour_code, detour_template.size);
	put_operands(code, s);
	put_displaced(code, s);
	text_poke(s->detour, code, sizeof(code));
	s->was_called = s->lingered = kprobe_calls = true;
	return 0;
}

void detour_free(struct kprobe_site *s)
{
	if (s->detour)
		slots_give(&detours, s->detour);
}

/* notrace, and what it calls, as all that a backtrace takes in the middle of a tracer. */
notrace struct kprobe_site *detour_copy_at(u64 ip, u64 *original)
{
	struct kprobe_site *s = slots_owner(&detours, ip);
	u64 off = s ? ip - (u64)s->detour - detour_template.size : ~0ul;

	if (off >= DETOUR_SIZE)
		return NULL;
	*original = s->addr + (off < s->displaced ? off : s->displaced);
	return s;
}

notrace u64 text_original(u64 ip)
{
	struct kprobe_site *s;
	u64 original, off;

	if (in_detours(ip)) {
		s = slots_owner(&detours, ip);
		return detour_copy_at(ip, &original) ? original : s ? s->addr : ip;
	}
	s = in_slots(ip) ? slot_owner(ip) : NULL;
	if (!s)
		return ip;
	off = ip - (ip < (u64)step_copy(s) ? (u64)s->slot : (u64)step_copy(s));
	return s->addr + (off < s->length ? off : s->length);
}
