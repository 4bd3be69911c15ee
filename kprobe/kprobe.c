/* The table of probed places, the probes at each, and putting an int3 into text and taking it out. */
#include "kprobe/kprobe.h"

#include "abi/errno.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/mm/text_poke.h"
#include "context/trap.h"
#include "ftrace/ftrace.h"
#include "kprobe/internal.h"
#include "mm/kmalloc.h"
#include "rcu/rcu.h"
#include "trace/policy.h"

struct kprobe_site *kprobe_table[KPROBE_BUCKETS];
struct mutex kprobe_mutex;
bool kprobe_calls;

void kprobe_init(void)
{
	mutex_init(&kprobe_mutex, "kprobes");
	later_init();
	slot_init();
	trampolines_init();
	optimize_init();
	refresh_init();
}

static int site_make(struct kprobe_site **out, u64 addr, const char **why)
{
	struct kprobe_site *s = kzalloc(sizeof(*s));
	int err;

	*why = "No memory for another probe";
	if (!s)
		return -ENOMEM;
	s->addr = addr;
	err = kprobe_check(addr, &s->insn, why);
	s->length = s->insn.length;
	s->rep = s->insn.rep;
	s->entry = ftrace_site_at(addr) != NULL;
	s->emulation = (u8)emulate_choose(&s->insn);
	if (!err) {
		unoptimize_over(addr);
		err = slot_alloc(s, why);
	}
	if (err) {
		optimize_again_over(addr);
		kfree(s);
		return err;
	}
	*out = s;
	return 0;
}

/* Nobody finds it any more: when all CPUs have answered nobody holds it, unless in its copy. */
static void site_free(struct kprobe_site *s)
{
	optimize_again_over(s->addr);
	if (s->lingered) {
		site_free_later(s);
		return;
	}
	if (s->slot)
		slot_free(s->slot);
	kfree(s);
}

/* Before a post handler is there, that can't be called. */
static int choose(struct kprobe_site *s, const struct kprobe *more, bool new, const char **why)
{
	struct choice c;
	int err = technique_choose(s, more, &c, why);

	if (err)
		return err;
	if (new) {
		technique_set(s, &c);
		return 0;
	}
	*why = "The function tracer has patched this place, which another technique needs";
	return technique_change(s, &c);
}

static int add(struct kprobe *p, const char **why)
{
	struct kprobe_site **head = &kprobe_table[kprobe_bucket(p->addr)], *s = kprobe_find(p->addr);
	struct kprobe **link;
	bool new = !s;
	int err = new ? site_make(&s, p->addr, why) : 0;

	if (err)
		return err;
	err = choose(s, p, new, why);
	if (err) {
		if (new)
			site_free(s);
		return err;
	}
	p->hits = p->nmissed = 0;
	p->armed = false;
	p->next = NULL;
	p->site = s;
	s->post |= p->post != NULL;
	/* Each is whole before a trap handler can find it. */
	barrier();
	for (link = &s->probes; *link; link = &(*link)->next)
		;
	WRITE_ONCE(*link, p);
	if (new) {
		s->next = *head;
		barrier();
		WRITE_ONCE(*head, s);
	}
	return 0;
}

int kprobe_register(struct kprobe *p, const char **why)
{
	int err;

	mutex_lock(&kprobe_mutex);
	err = add(p, why);
	mutex_unlock(&kprobe_mutex);
	return err;
}

/* Is one of its probes armed? */
static bool wanted(const struct kprobe_site *s)
{
	for (const struct kprobe *p = s->probes; p; p = p->next)
		if (READ_ONCE(p->armed))
			return true;
	return false;
}

/* Again, if a bust came in between. By another policy none is: who looks at all of them asks for that guard, too. */
void only_update(struct kprobe_site *s)
{
	struct kprobe *only;

	do {
		only = static_key_enabled(&guard_policy_key) ? NULL : only_armed(s);
		only_store(s, only);
	} while (only && !READ_ONCE(only->armed));
}

static int int3_in(struct kprobe_site *s)
{
	static const u8 int3 = INT3_BYTE;

	if (s->armed)
		return 0;
	if (s->entry && ftrace_site_at(s->addr)->patched)
		return -EBUSY;
	unoptimize(s); /* a bust was in between: what READY promises may not have held all the time */
	s->original = *(volatile u8 *)s->addr;
	WRITE_ONCE(s->busted, false);
	barrier(); /* a bust restores the original of whatever is armed: first the one, then the other */
	WRITE_ONCE(s->armed, true); /* before the int3: its first hit may come at once */
	barrier();
	text_poke((void *)s->addr, &int3, 1);
	if (unlikely(READ_ONCE(s->busted))) { /* before our int3, perhaps: then that is nobody's */
		text_poke((void *)s->addr, &s->original, 1);
		smp_serialize_others(); /* who takes it out, as he was hit by it, has done so: before the text is another's */
	}
	refresh_want(s);
	return 0;
}

static void int3_out(struct kprobe_site *s)
{
	if (!s->armed)
		return;
	text_poke((void *)s->addr, &s->original, 1);
	barrier(); /* and only then is a hit nobody's */
	WRITE_ONCE(s->armed, false);
}

/* What it had goes first. Inline: tests bust at each instruction of site_update(). */
static __always_inline int update(struct kprobe_site *s)
{
	bool call = wanted(s) && s->technique == KPROBE_FTRACE;
	bool int3 = wanted(s) && !call, had_int3 = s->armed;
	int err = 0;

	if (only_armed(s))
		only_update(s); /* now: what is called for it alone would miss it */
	if (!call)
		site_call(s, false, NULL);
	if (!int3)
		unoptimize(s);
	mutex_lock(&text_mutex);
	if (!int3)
		int3_out(s);
	else
		err = int3_in(s);
	mutex_unlock(&text_mutex);
	if (s->armed)
		optimize_want(s);
	if (s->entry && had_int3 && !s->armed)
		ftrace_refresh(); /* a tracer may be waiting for it */
	if (call)
		err = site_call(s, true, only_armed(s));
	only_update(s);
	return err;
}

/*
 * Again, if a bust came in between: what was put in then is there for nobody. Each says first what it does, and then looks at the
 * other: here what is in the text and who wants it, there who is disarmed and what is in the text.
 */
int site_update(struct kprobe_site *s)
{
	int err;

	do
		err = update(s);
	while ((READ_ONCE(s->armed) || s->called) && !wanted(s));
	return err;
}

int kprobe_arm(struct kprobe *p)
{
	int err;

	mutex_lock(&kprobe_mutex);
	WRITE_ONCE(p->armed, true);
	err = site_update(p->site);
	if (!err && !READ_ONCE(p->armed))
		err = -EAGAIN;
	if (err) {
		WRITE_ONCE(p->armed, false);
		site_update(p->site);
	}
	mutex_unlock(&kprobe_mutex);
	return err;
}

static void disarm(struct kprobe *p)
{
	WRITE_ONCE(p->armed, false);
	site_update(p->site);
}

void kprobe_disarm(struct kprobe *p)
{
	mutex_lock(&kprobe_mutex);
	disarm(p);
	mutex_unlock(&kprobe_mutex);
}

static void unlink_site(struct kprobe_site *s)
{
	struct kprobe_site **link = &kprobe_table[kprobe_bucket(s->addr)];

	while (*link != s)
		link = &(*link)->next;
	WRITE_ONCE(*link, s->next);
}

void kprobe_unregister(struct kprobe *p)
{
	struct kprobe_site *s = p->site;
	struct kprobe **link = &s->probes;
	const char *why;

	mutex_lock(&kprobe_mutex);
	disarm(p);
	while (*link != p) /* NOLINT(clang-analyzer-core.NullDereference): it is among them */
		link = &(*link)->next;
	WRITE_ONCE(*link, p->next);
	if (!s->probes)
		unlink_site(s);
	else
		choose(s, NULL, false, &why);
	/*
	 * A CPU in the middle of a hit has its interrupts off, from the int3 to the end of the step: when all
	 * have answered, nobody is in the slot or holds the probe. One that comes by a call or a detour has preemption off; he
	 * may be on his way to another place, and hold this one, as it is before that in its chain.
	 */
	smp_serialize_others();
	if (s->was_called || (!s->probes && READ_ONCE(kprobe_calls)))
		synchronize_rcu_expedited();
	if (!s->probes)
		site_free(s);
	p->site = NULL;
	mutex_unlock(&kprobe_mutex);
}

void kprobe_for_each(void (*each)(void *arg, struct kprobe *p), void *arg)
{
	mutex_lock(&kprobe_mutex);
	for (unsigned b = 0; b < KPROBE_BUCKETS; b++)
		for (struct kprobe_site *s = kprobe_table[b]; s; s = s->next)
			for (struct kprobe *p = s->probes; p; p = p->next)
				each(arg, p);
	mutex_unlock(&kprobe_mutex);
}

enum kprobe_technique kprobe_technique_of(const struct kprobe *p)
{
	return READ_ONCE(p->site->jump) == JUMP_IN ? KPROBE_JUMP : (enum kprobe_technique)p->site->chosen;
}

u32 kprobe_context(const struct pt_regs *regs) { return probed_context(regs); }
