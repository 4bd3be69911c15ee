/*
 * The sweep's probes: a batch of them armed at once, what hits each, and the end of those that are hit too often.
 *
 * A probe that has been hit often is disarmed by a thread beside, so that what loops comes to an end.
 */
#include "abi/errno.h"
#include "kprobe/internal.h"
#include "rcu/rcu.h"
#include "sched/mutex.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/sweep.h"

extern const u8 __text_start[];

#define COOL_NS	   (1000 * 1000ul)
#define INNER	   8  /* the probes of a sweep inside a sweep */
#define LOOK_EVERY 50 /* times of these: at all of the batch */

const char *sweep_refusals[SWEEP_REASONS_MAX];

struct sweeper {
	struct kprobe p;
	struct sweep_place *place;
	struct sweeper *next_hot;
	u32 seen; /* by the handler */
	bool registered, cooled;
};
static struct sweeper *batch;
u32 sweep_nr_batch;
static struct mutex batch_mutex; /* whoever arms or disarms one of it */
static bool cooling;
static struct thread *cooler;
static struct sweeper *hot; /* hit often, to be disarmed */

int sweep_batch_init(void)
{
	mutex_init(&batch_mutex, "sweep");
	batch = sweep_pages((SWEEP_BATCH_MAX + INNER) * sizeof(*batch));
	return batch ? 0 : -ENOMEM;
}

/*
 * notrace: the function tracer's own instructions have probes, so each hit on the way of a traced call would trace another
 * call, with as many hits: a square of what is there, and a sweep that never ends.
 */
static notrace void on_hit(struct kprobe *p, struct pt_regs *regs)
{
	struct sweeper *s = container_of(p, struct sweeper, p);

	if (sweep_options.plant && p->addr - (u64)sweep_planted < SWEEP_PLANTED)
		regs->ax = 0;
	if (regs->ip != p->addr)
		__atomic_fetch_add(&sweep_sums.wrong_ip, 1, __ATOMIC_RELAXED);
	if (__atomic_fetch_add(&s->seen, 1, __ATOMIC_RELAXED) != sweep_options.limit)
		return;
	s->next_hot = READ_ONCE(hot);
	while (!__atomic_compare_exchange_n(&hot, &s->next_hot, s, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		cpu_relax();
}

static u64 reached(const struct kprobe *p) { return READ_ONCE(p->hits) + READ_ONCE(p->nmissed); }

static u8 reason_number(const char *why)
{
	u8 i = 0;

	while (i < SWEEP_REASONS_MAX - 1 && sweep_refusals[i] && sweep_refusals[i] != why)
		i++;
	sweep_refusals[i] = why;
	return (u8)(SWEEP_REFUSED + i);
}

static void refuse(struct sweeper *s, const char *why)
{
	s->place->how = reason_number(why);
	if (s->registered)
		kprobe_unregister(&s->p);
	s->registered = false;
}

/*
 * As the file kprobes/technique would have it, and not asked for: a test that asks for another technique at this place gets it.
 * Were it refused, most tests would go on without their probe, and some with one that isn't there.
 */
static bool take_technique(struct kprobe *p, const char **why)
{
	struct choice c = { .technique = (enum kprobe_technique)sweep_options.technique };
	bool applies;

	if (c.technique == KPROBE_AUTO)
		return true;
	c.may_jump = c.technique == KPROBE_JUMP;
	mutex_lock(&kprobe_mutex);
	applies = technique_applies(p->site, c.technique, false, why);
	if (applies)
		technique_set(p->site, &c);
	mutex_unlock(&kprobe_mutex);
	return applies;
}

static void enter(struct sweeper *s, struct sweep_place *place)
{
	const char *why = "?";

	*s = (struct sweeper){ .place = place };
	s->p.addr = (u64)__text_start + place->offset;
	s->p.pre = on_hit;
	s->registered = kprobe_register(&s->p, &why) == 0;
	if (!s->registered || !take_technique(&s->p, &why))
		refuse(s, why);
}

static void cool_one(struct sweeper *s)
{
	if (!s->registered || s->cooled)
		return;
	s->cooled = true;
	kprobe_disarm(&s->p);
}

/* The handler names what it has seen often; what is hit where no handler can run has to be looked for. */
static int cool(void *arg)
{
	for (u64 round = 0; READ_ONCE(cooling); round++) {
		sleep_ns(COOL_NS);
		if (!mutex_trylock(&batch_mutex))
			continue;
		for (struct sweeper *s = __atomic_exchange_n(&hot, NULL, __ATOMIC_ACQUIRE); s;
		     s = s->next_hot)
			cool_one(s);
		for (u32 i = 0; round % LOOK_EVERY == 0 && i < sweep_nr_batch; i++)
			if (reached(&batch[i].p) > sweep_options.limit)
				cool_one(&batch[i]);
		mutex_unlock(&batch_mutex);
	}
	return 0;
}

/* A test that brings many busts takes no longer for it: there are few of these. */
void sweep_arm_again(void)
{
	if (!sweep_nr_batch)
		return;
	mutex_lock(&batch_mutex);
	for (u32 i = 0; i < sweep_nr_batch; i++)
		if (batch[i].registered && !batch[i].p.armed && !batch[i].cooled && !reached(&batch[i].p))
			sweep_sums.rearmed += kprobe_arm(&batch[i].p) == 0;
	mutex_unlock(&batch_mutex);
}

static void start_cooling(void)
{
	cooling = true;
	cooler = thread_create("cooler", cool, NULL, PRIORITY_HIGH, CPU_MASK_ALL);
}

static void stop_cooling(void)
{
	WRITE_ONCE(cooling, false);
	if (cooler)
		thread_join(cooler);
	cooler = NULL;
}

/*
 * All are registered before the first is armed: registering under probes takes long. The hottest are cool again before the
 * last is armed.
 */
void sweep_arm(const u32 *which, u32 n)
{
	mutex_lock(&batch_mutex);
	for (u32 i = 0; i < n; i++)
		enter(&batch[i], &places[which[i]]);
	sweep_nr_batch = n;
	mutex_unlock(&batch_mutex);
	start_cooling();
	for (u32 i = 0; i < n; i++) {
		mutex_lock(&batch_mutex);
		if (batch[i].registered && kprobe_arm(&batch[i].p) != 0)
			refuse(&batch[i], "The function tracer has the entry");
		mutex_unlock(&batch_mutex);
		rcu_tasks_qs(); /* jumps would wait for the end of it */
	}
}

void sweep_note_hits(u32 item)
{
	for (u32 i = 0; i < sweep_nr_batch; i++) {
		struct sweeper *s = &batch[i];

		if (!s->registered)
			continue;
		if (s->place->how != SWEEP_HIT && reached(&s->p)) {
			s->place->how = SWEEP_HIT;
			s->place->by = (u16)item;
		}
		if (!s->p.armed && !s->cooled) { /* a bust */
			mutex_lock(&batch_mutex);
			sweep_sums.rearmed += kprobe_arm(&s->p) == 0;
			mutex_unlock(&batch_mutex);
		}
	}
}

u32 sweep_unhit(void)
{
	u32 n = 0;

	for (u32 i = 0; i < sweep_nr_batch; i++)
		n += batch[i].registered && batch[i].place->how != SWEEP_HIT;
	return n;
}

void sweep_disarm(void)
{
	stop_cooling();
	mutex_lock(&batch_mutex);
	for (u32 i = 0; i < sweep_nr_batch; i++)
		if (batch[i].registered)
			kprobe_disarm(&batch[i].p);
	for (u32 i = 0; i < sweep_nr_batch; i++) {
		struct sweeper *s = &batch[i];

		if (!s->registered)
			continue;
		kprobe_unregister(&s->p);
		sweep_sums.hits += s->p.hits;
		sweep_sums.missed += s->p.nmissed;
		if (s->place->how != SWEEP_HIT)
			s->place->how = reached(&s->p) ? SWEEP_HIT : SWEEP_UNHIT;
	}
	sweep_nr_batch = 0;
	hot = NULL;
	mutex_unlock(&batch_mutex);
}

void sweep_batch_begin_inner(struct sweep_outer *outer)
{
	stop_cooling();
	*outer = (struct sweep_outer){ batch, hot, sweep_nr_batch };
	batch += sweep_nr_batch;
	sweep_nr_batch = 0;
	hot = NULL;
}

void sweep_batch_end_inner(const struct sweep_outer *outer)
{
	batch = outer->batch;
	sweep_nr_batch = outer->nr;
	hot = outer->hot;
	start_cooling();
}

/* Beside the batch; what becomes of it isn't kept. */
bool sweep_arm_one(u32 offset)
{
	static struct sweep_place place;
	struct sweeper *s = &batch[sweep_nr_batch];

	place = (struct sweep_place){ .offset = offset };
	enter(s, &place);
	if (s->registered && kprobe_arm(&s->p) != 0)
		refuse(s, "?");
	return s->registered;
}

bool sweep_disarm_one(void)
{
	struct sweeper *s = &batch[sweep_nr_batch];

	kprobe_unregister(&s->p);
	s->registered = false;
	return reached(&s->p);
}
