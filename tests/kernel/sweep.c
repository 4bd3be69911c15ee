/*
 * The command "sweep": a probe on each instruction of .text, many at a time, while the workload of sweep_work.c runs.
 *
 * A probe that has been hit often is disarmed by a thread beside, so that what loops comes to an end. Of each instruction
 * is kept how it went; tests/guest/sweep.t and "make sweep" read the report.
 */
#include "abi/errno.h"
#include "arch/x86/insn/insn.h"
#include "arch/x86/mm/paging.h"
#include "ftrace/ftrace.h"
#include "ftrace/static_key.h"
#include "kprobe/internal.h"
#include "lib/command.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "lib/symtab.h"
#include "mm/frames.h"
#include "sched/mutex.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/sweep.h"
#include "trace/clock.h"

extern const u8 __text_start[], __text_end[];

#define COOL_NS (3 * 1000 * 1000ul)

static struct {
	u64 technique, from, to, seed, stride, batch, limit, map, ones, slow, verbose, plant;
} options;

struct sweep_place *places;
u32 nr_places;
const char *sweep_refusals[SWEEP_REASONS_MAX];
struct sweep_sums sweep_sums;
static u32 *chosen, nr_chosen;
static u8 *image; /* .text as it was before the first probe */

/* The batch. */
struct sweeper {
	struct kprobe p;
	struct sweep_place *place;
	bool registered, cooled;
};
static struct sweeper *batch;
static u32 nr_batch;
static struct mutex batch_mutex; /* whoever arms or disarms one of it */
static bool cooling;

static size_t text_size(void) { return (size_t)(__text_end - __text_start); }

static void *pages_for(size_t bytes)
{
	u64 pa = frames_alloc((bytes + PAGE_SIZE - 1) / PAGE_SIZE);

	return pa ? phys_to_virt(pa) : NULL;
}

static void find_instructions(const struct symbol *sym)
{
	struct insn insn;

	for (u64 at = sym->start; at < sym->start + sym->size; at += insn.length) {
		if (insn_decode(&insn, (const u8 *)at, sym->start + sym->size - at) != 0) {
			sweep_sums.undecoded++;
			return;
		}
		places[nr_places++] =
			(struct sweep_place){ .offset = (u32)(at - (u64)__text_start), .how = SWEEP_UNTRIED };
	}
}

/* Once: the table of all there are, and the text. */
int sweep_prepare(void)
{
	struct symbol sym;

	if (places)
		return 0;
	mutex_init(&batch_mutex, "sweep");
	places = pages_for(text_size() * sizeof(*places)); /* an instruction has at least a byte */
	chosen = pages_for(text_size() * sizeof(*chosen));
	image = pages_for(text_size());
	batch = pages_for(SWEEP_BATCH_MAX * sizeof(*batch));
	if (!places || !chosen || !image || !batch)
		return -ENOMEM;
	memcpy(image, __text_start, text_size());
	for (u32 i = 0; symtab_nth(&kernel_symtab, i, &sym); i++)
		if (sym.start >= (u64)__text_start && sym.start < (u64)__text_end &&
		    symtab_find(&kernel_symtab, sym.start, &sym) &&
		    (!nr_places || sym.start > (u64)__text_start + places[nr_places - 1].offset))
			find_instructions(&sym);
	return 0;
}

/*
 * notrace: the function tracer's own instructions have probes, so each hit on the way of a traced call would trace another
 * call, with as many hits: a square of what is there, and a sweep that never ends.
 */
static notrace void on_hit(struct kprobe *p, struct pt_regs *regs)
{
	if (options.plant)
		regs->ax = 0; /* sweep_planted() is all that is probed */
	if (regs->ip != p->addr)
		__atomic_fetch_add(&sweep_sums.wrong_ip, 1, __ATOMIC_RELAXED);
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
	struct choice c = { .technique = (enum kprobe_technique)options.technique };
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

/* All are registered before the first is armed: registering under probes takes long. */
void sweep_arm(const u32 *which, u32 n)
{
	mutex_lock(&batch_mutex);
	for (u32 i = 0; i < n; i++)
		enter(&batch[i], &places[which[i]]);
	nr_batch = n;
	mutex_unlock(&batch_mutex);
	for (u32 i = 0; i < n; i++) {
		mutex_lock(&batch_mutex);
		if (batch[i].registered && kprobe_arm(&batch[i].p) != 0)
			refuse(&batch[i], "The function tracer has the entry");
		mutex_unlock(&batch_mutex);
	}
}

static void note_hits(u32 item)
{
	for (u32 i = 0; i < nr_batch; i++) {
		struct sweeper *s = &batch[i];

		if (!s->registered)
			continue;
		if (s->place->how != SWEEP_HIT && reached(&s->p)) {
			s->place->how = SWEEP_HIT;
			s->place->by = (u16)(item + 1);
		}
		if (!s->p.armed && !s->cooled) { /* a bust */
			mutex_lock(&batch_mutex);
			sweep_sums.rearmed += kprobe_arm(&s->p) == 0;
			mutex_unlock(&batch_mutex);
		}
	}
}

static u32 still_unhit(void)
{
	u32 n = 0;

	for (u32 i = 0; i < nr_batch; i++)
		n += batch[i].registered && batch[i].place->how != SWEEP_HIT;
	return n;
}

void sweep_disarm(void)
{
	for (u32 i = 0; i < nr_batch; i++) {
		mutex_lock(&batch_mutex);
		if (batch[i].registered)
			kprobe_disarm(&batch[i].p);
		batch[i].cooled = true;
		mutex_unlock(&batch_mutex);
	}
	mutex_lock(&batch_mutex);
	for (u32 i = 0; i < nr_batch; i++) {
		struct sweeper *s = &batch[i];

		if (!s->registered)
			continue;
		kprobe_unregister(&s->p);
		sweep_sums.hits += s->p.hits;
		sweep_sums.missed += s->p.nmissed;
		if (s->place->how != SWEEP_HIT)
			s->place->how = reached(&s->p) ? SWEEP_HIT : SWEEP_UNHIT;
	}
	nr_batch = 0;
	mutex_unlock(&batch_mutex);
}

static int cool(void *arg)
{
	while (READ_ONCE(cooling)) {
		sleep_ns(COOL_NS);
		if (!mutex_trylock(&batch_mutex))
			continue;
		for (u32 i = 0; i < nr_batch; i++)
			if (batch[i].registered && !batch[i].cooled && reached(&batch[i].p) > options.limit) {
				batch[i].cooled = true;
				kprobe_disarm(&batch[i].p);
			}
		mutex_unlock(&batch_mutex);
	}
	return 0;
}

/* But for the five bytes of sites, which are in the state that is wanted, by whoever wants it. */
static u32 bytes_changed(void)
{
	u32 n = 0;

	for (size_t i = 0; i < text_size(); i++) {
		u64 at = (u64)__text_start + i;

		if (static_site_at(at) || ftrace_site_at(at))
			i += 4;
		else
			n += image[i] != *(volatile const u8 *)at;
	}
	return n;
}

static void compare(struct seq *out, const struct sweep_item *item, u64 outcome)
{
	if (item->loose || outcome == item->outcome)
		return;
	sweep_sums.wrong++;
	seq_printf(out, "sweep: wrong: %s.%s\n%s\n", item->suite, item->name, sweep_said());
}

static void sweep_batch(struct seq *out, u32 nth, const u32 *which, u32 n)
{
	struct thread *cooler;
	u64 start = trace_clock();
	u32 items = 0;

	sweep_arm(which, n);
	cooling = true;
	cooler = thread_create("cooler", cool, NULL, PRIORITY_HIGH, CPU_MASK_ALL);
	while (items < sweep_nr_items && still_unhit()) {
		const struct sweep_item *item = &sweep_items[items];
		u64 outcome;

		if (options.verbose)
			printk("sweep: %s.%s\n", item->suite, item->name);
		outcome = sweep_run(item);
		compare(out, item, outcome);
		note_hits(items++);
	}
	n = still_unhit();
	WRITE_ONCE(cooling, false);
	if (cooler)
		thread_join(cooler);
	sweep_disarm();
	if (bytes_changed()) {
		sweep_sums.wrong++;
		seq_printf(out, "sweep: wrong: %u bytes of .text are not as before\n", bytes_changed());
	}
	printk("sweep: batch %u of %u: %u items, %u unhit, %lu ms\n", nth,
	       (nr_chosen - 1) / (u32)options.batch + 1, items, n, (trace_clock() - start) / 1000000);
}

#define ONE_NS (50 * 1000 * 1000ul)

/* Alone, with the item that was the quickest to hit it, unless even that takes long. Was it tried? */
static bool sweep_one(struct seq *out, u32 which, u32 *hit)
{
	struct sweep_place *place = &places[which];
	const struct sweep_item *item;
	u64 outcome;

	if (place->how != SWEEP_HIT || !place->by)
		return false;
	item = &sweep_items[place->by - 1];
	if (item->ns > ONE_NS)
		return false;
	enter(&batch[0], place);
	if (!batch[0].registered)
		return false;
	if (kprobe_arm(&batch[0].p) == 0) {
		outcome = sweep_run(item);
		if (outcome != item->outcome && !item->loose)
			seq_printf(out, "at %lx: ", batch[0].p.addr);
		compare(out, item, outcome);
	}
	kprobe_unregister(&batch[0].p);
	*hit += reached(&batch[0].p) != 0;
	place->how = SWEEP_HIT;
	return true;
}

static void sweep_ones(struct seq *out)
{
	u32 tried = 0, hit = 0;

	for (u32 i = (u32)(options.seed % options.ones); i < nr_chosen; i += (u32)options.ones)
		tried += sweep_one(out, chosen[i], &hit);
	seq_printf(out, "sweep: one by one: %u probed, %u hit\n", tried, hit);
}

static const struct {
	const char *name;
	u64 *value;
} known[] = {
	{ "from", &options.from },     { "to", &options.to },		{ "seed", &options.seed },
	{ "stride", &options.stride }, { "batch", &options.batch },	{ "limit", &options.limit },
	{ "map", &options.map },       { "ones", &options.ones },	{ "slow", &options.slow },
	{ "plant", &options.plant },   { "verbose", &options.verbose },
};

bool sweep_take_technique(const char *name)
{
	for (options.technique = 0; options.technique < NR_TECHNIQUES; options.technique++)
		if (strcmp(kprobe_technique_names[options.technique], name) == 0)
			return true;
	return false;
}

unsigned sweep_technique(void) { return (unsigned)options.technique; }

static bool take(const char *word)
{
	const char *value = strchr(word, '=');

	if (!value)
		return sweep_take_technique(word);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i].name) == (size_t)(value - word) &&
		    memcmp(known[i].name, word, (size_t)(value - word)) == 0)
			return parse_u64(value + 1, strlen(value + 1), 0, known[i].value);
	return false;
}

/* In the order they are probed: neighbours are in different batches, or a batch would have all of a hot path. */
static void choose(void)
{
	u32 first = (u32)(options.from + options.seed % options.stride), step = (u32)options.stride;
	u32 end = options.to < nr_places ? (u32)options.to : nr_places;
	u32 batches = end > first ? ((end - first) / step + (u32)options.batch) / (u32)options.batch : 0;

	nr_chosen = 0;
	/* The first two instructions of it: behind them is room for a jump. */
	for (u32 i = 0; options.plant && i < nr_places; i++)
		if (((u64)__text_start + places[i].offset) - (u64)sweep_planted < 6)
			chosen[nr_chosen++] = i;
	for (u32 k = 0; !options.plant && k < batches; k++)
		for (u32 i = first + k * step; i < end; i += batches * step)
			chosen[nr_chosen++] = i;
}

static void sweep_all(struct seq *out)
{
	sweep_work_init(options.slow, options.plant ? "planted" : NULL);
	memcpy(image, __text_start, text_size());
	for (u32 i = 0; i < nr_chosen; i += (u32)options.batch)
		sweep_batch(out, i / (u32)options.batch + 1, &chosen[i],
			    nr_chosen - i < options.batch ? nr_chosen - i : (u32)options.batch);
	if (options.ones)
		sweep_ones(out);
}

/* Each technique for itself: what another has hit says nothing. But for what was hit at boot, by the one asked for then. */
static void forget(bool boot_too)
{
	for (u32 i = 0; i < nr_places; i++) {
		places[i].boot &= !boot_too;
		places[i].how = places[i].boot ? SWEEP_HIT : SWEEP_UNTRIED;
		places[i].by = 0;
	}
	memset(sweep_refusals, 0, sizeof(sweep_refusals));
	sweep_sums = (struct sweep_sums){ .undecoded = sweep_sums.undecoded };
}

static int run(int argc, char **argv, struct seq *out)
{
	typeof(options) as_usual = { .to = ~0ul, .stride = 1, .batch = 30000, .limit = 100 };
	int err = sweep_prepare();
	unsigned boot;

	if (err)
		return err;
	boot = sweep_end_of_boot();
	options = as_usual;
	for (int i = 1; i < argc; i++)
		if (!take(argv[i]) || !options.stride || !options.batch || options.batch > SWEEP_BATCH_MAX)
			return -EINVAL;
	forget(boot != options.technique);
	choose();
	sweep_all(out);
	sweep_report(out, kprobe_technique_names[options.technique], options.map);
	return sweep_sums.wrong || sweep_sums.wrong_ip ? -EIO : 0;
}
COMMAND(sweep, "[TECHNIQUE] [NAME=NUMBER...]", "probe every instruction while the tests run", run);
