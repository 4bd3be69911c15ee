/*
 * The command "sweep": a probe on each instruction of .text, many at a time, while the workload of sweep_work.c runs.
 *
 * Of each instruction is kept how it went; tests/guest/sweep.t and "make sweep" read the report.
 */
#include "abi/errno.h"
#include "arch/x86/cpu/hw_breakpoint.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/black_box.h"
#include "arch/x86/entry/graph.h"
#include "arch/x86/insn/insn.h"
#include "arch/x86/mm/paging.h"
#include "ftrace/ftrace.h"
#include "ftrace/static_key.h"
#include "kprobe/internal.h"
#include "lib/bug.h"
#include "lib/command.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "lib/symtab.h"
#include "mm/frames.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/sweep.h"
#include "trace/clock.h"
#include "trace/ring_buffer.h"

extern const u8 __text_start[], __text_end[];

struct sweep_options sweep_options;

struct sweep_place *places;
u32 nr_places;
struct sweep_sums sweep_sums;
static u32 *chosen, nr_chosen;
static bool sweeping;
static u8 *image; /* .text as it was before the first probe */

/* All that a sweep is in the middle of. */
static struct state {
	struct sweep_options options;
	struct sweep_place *places;
	u32 nr_places, *chosen, nr_chosen;
	u8 *image;
	struct sweep_sums sums;
	const char *refusals[SWEEP_REASONS_MAX];
	struct sweep_outer batch;
} outer;

static size_t text_size(void) { return (size_t)(__text_end - __text_start); }

/* On average an instruction has four bytes, so this is ample: room for one a byte is more than memory gives in one piece. */
static size_t places_max(void) { return text_size() / 2; }

void *sweep_pages(size_t bytes)
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
		BUG_ON(nr_places == places_max());
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
	places = sweep_pages(places_max() * sizeof(*places));
	chosen = sweep_pages(places_max() * sizeof(*chosen));
	image = sweep_pages(text_size());
	if (!places || !chosen || !image || sweep_batch_init() != 0 || sweep_work_prepare() != 0)
		return -ENOMEM;
	memcpy(image, __text_start, text_size());
	for (u32 i = 0; symtab_nth(&kernel_symtab, i, &sym); i++)
		if (sym.start >= (u64)__text_start && sym.start < (u64)__text_end &&
		    symtab_find(&kernel_symtab, sym.start, &sym) &&
		    (!nr_places || sym.start > (u64)__text_start + places[nr_places - 1].offset))
			find_instructions(&sym);
	return 0;
}

/* But for the five bytes of sites, which are in the state that is wanted, by whoever wants it. */
static u32 bytes_changed(u64 *first)
{
	u32 n = 0;

	for (size_t i = 0; i < text_size(); i++) {
		u64 at = (u64)__text_start + i;

		if (static_site_at(at) || ftrace_site_at(at))
			i += 4;
		else if (image[i] != *(volatile const u8 *)at && !n++)
			*first = at;
	}
	return n;
}

/* What an item is to leave as it was. */
struct left {
	u32 calls; /* hooked returns that this thread has to come back by */
	bool watched, recording;
};

static struct left look(void)
{
	struct left l = { 0, hw_breakpoint_any(), tracing_is_on() };

	for (const struct graph_entry *e = this_cpu(graph_here)->top; e->slot; e--)
		l.calls++;
	return l;
}

/* What a test leaves behind may fail another one much later, and look like that one's. */
static void check_left(struct seq *out, const struct sweep_item *item, struct left before)
{
	struct left now = look();

	if (irqs_enabled() && !this_cpu(bb_depth) && !steps_now() && now.calls == before.calls &&
	    now.watched == before.watched && now.recording == before.recording)
		return;
	sweep_sums.wrong++;
	seq_printf(
		out,
		"sweep: wrong: %s.%s leaves interrupts %s, vector depth %u, %u steps, %u hooked calls instead of %u%s%s\n",
		item->suite, item->name, irqs_enabled() ? "on" : "off", this_cpu(bb_depth), steps_now(),
		now.calls, before.calls, now.watched ? ", a watchpoint" : "",
		now.recording ? "" : ", recording off");
	this_cpu(bb_depth) = this_cpu(step_depth) = 0;
	local_irq_enable();
}

static void compare(struct seq *out, const struct sweep_item *item, u64 outcome, struct left before)
{
	check_left(out, item, before);
	if (sweep_options.verbose && outcome != item->outcome)
		printk("sweep: otherwise: %s\n", sweep_said());
	if (item->loose || outcome == item->outcome)
		return;
	sweep_sums.wrong++;
	seq_printf(out, "sweep: wrong: %s.%s\n%s\n", item->suite, item->name, sweep_said());
}

/* What is done when no probe is armed, done again under those of its own code. */
static void one_more(void)
{
	u64 first;

	if (sweep_arm_one((u32)((u64)sweep_planted - (u64)__text_start)))
		sweep_disarm_one();
	bytes_changed(&first);
}

static void sweep_batch(struct seq *out, const u32 *which, u32 n, bool slow)
{
	u64 start = trace_clock(), first;
	u32 items = 0, unhit, changed;

	sweep_arm(which, n);
	if (sweep_options.verbose)
		printk("sweep: armed after %lu ms\n", (trace_clock() - start) / 1000000);
	sweep_note_hits(0);
	for (; items < sweep_nr_items && sweep_unhit(); sweep_note_hits(++items)) {
		const struct sweep_item *item = &sweep_items[items];
		u64 outcome, began;
		struct left before;

		if (item->slow && !slow)
			continue;
		if (sweep_options.verbose)
			printk("sweep: %s.%s\n", item->suite, item->name);
		began = trace_clock();
		before = look();
		outcome = sweep_run(item);
		if (sweep_options.verbose)
			printk("sweep: %lu ms\n", (trace_clock() - began) / 1000000);
		compare(out, item, outcome, before);
	}
	one_more();
	unhit = sweep_unhit();
	sweep_disarm();
	changed = bytes_changed(&first);
	if (changed && !outer.places) { /* the outer one's jumps come and go */
		sweep_sums.wrong++;
		seq_printf(out, "sweep: wrong: %u bytes of .text are not as before, the first at %pS\n",
			   changed, (void *)first);
	}
	printk("sweep: %u items, %u of %u unhit, %lu ms\n", items, unhit, n,
	       (trace_clock() - start) / 1000000);
}

#define ONE_NS (50 * 1000 * 1000ul)

/* Alone, with the item that was the quickest to hit it, unless even that takes long. Was it tried? */
static bool sweep_one(struct seq *out, u32 which, u32 *hit)
{
	struct sweep_place *place = &places[which];
	const struct sweep_item *item;
	struct left before;
	u64 outcome;

	if (place->how != SWEEP_HIT || !place->by)
		return false;
	item = &sweep_items[place->by - 1];
	if (item->ns > ONE_NS)
		return false;
	if (!sweep_arm_one(place->offset))
		return false;
	before = look();
	outcome = sweep_run(item);
	if (outcome != item->outcome && !item->loose)
		seq_printf(out, "at %lx: ", (u64)__text_start + place->offset);
	compare(out, item, outcome, before);
	*hit += sweep_disarm_one();
	return true;
}

static void sweep_ones(struct seq *out)
{
	u32 tried = 0, hit = 0;

	for (u32 i = (u32)(sweep_options.seed % sweep_options.ones); i < nr_chosen;
	     i += (u32)sweep_options.ones)
		tried += sweep_one(out, chosen[i], &hit);
	seq_printf(out, "sweep: one by one: %u probed, %u hit\n", tried, hit);
}

/* clang-format off */
#define OPTION(name) { #name, offsetof(struct sweep_options, name) }
/* clang-format on */
static const struct {
	const char *name;
	size_t offset;
} known[] = {
	OPTION(from),  OPTION(to),  OPTION(seed), OPTION(stride), OPTION(batch), OPTION(limit),
	OPTION(again), OPTION(map), OPTION(ones), OPTION(slow),	  OPTION(plant), OPTION(verbose),
};

static bool technique_named(const char *name, u64 *technique)
{
	for (*technique = 0; *technique < NR_TECHNIQUES; ++*technique)
		if (strcmp(kprobe_technique_names[*technique], name) == 0)
			return true;
	return false;
}

bool sweep_take_technique(const char *name) { return technique_named(name, &sweep_options.technique); }

static bool take(struct sweep_options *o, const char *word)
{
	const char *value = strchr(word, '=');

	if (!value)
		return technique_named(word, &o->technique);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i].name) == (size_t)(value - word) &&
		    memcmp(known[i].name, word, (size_t)(value - word)) == 0)
			return parse_u64(value + 1, strlen(value + 1), 0, (u64 *)((u8 *)o + known[i].offset));
	return false;
}

/* In the order they are probed: neighbours are in different batches, or a batch would have all of a hot path. */
static void choose(void)
{
	u32 first = (u32)(sweep_options.from + sweep_options.seed % sweep_options.stride),
	    step = (u32)sweep_options.stride;
	u32 end = sweep_options.to < nr_places ? (u32)sweep_options.to : nr_places;
	u32 batches = end > first
			      ? ((end - first) / step + (u32)sweep_options.batch) / (u32)sweep_options.batch
			      : 0;

	nr_chosen = 0;
	for (u32 i = 0; sweep_options.plant && i < nr_places; i++)
		if (((u64)__text_start + places[i].offset) - (u64)sweep_planted < SWEEP_PLANTED)
			chosen[nr_chosen++] = i;
	for (u32 k = 0; !sweep_options.plant && k < batches; k++)
		for (u32 i = first + k * step; i < end; i += batches * step)
			chosen[nr_chosen++] = i;
}

static void sweep_batches(struct seq *out, u32 size, bool slow)
{
	u32 last = (nr_chosen + size - 1) / size;

	for (u32 i = 0; i < last; i++) {
		printk("sweep: batch %u of %u\n", i + 1, last);
		sweep_batch(out, &chosen[i * size], min(nr_chosen - i * size, size), slow);
	}
}

/* Here, too, neighbours are in different batches. */
static void choose_unhit(u32 size)
{
	u32 n = 0, batches;

	for (u32 i = 0; i < nr_places; i++)
		n += places[i].how == SWEEP_UNHIT;
	batches = (n + size - 1) / size;
	nr_chosen = 0;
	for (u32 k = 0; k < batches; k++)
		for (u32 i = 0, nth = 0; i < nr_places; i++)
			if (places[i].how == SWEEP_UNHIT && nth++ % batches == k)
				chosen[nr_chosen++] = i;
}

/*
 * What wasn't hit is tried again, without the others: they use up what there is of trampolines and jumps, so that what makes
 * these isn't reached, and where they are a test may find no room for its own.
 */
static void sweep_all(struct seq *out)
{
	sweeping = true;
	sweep_work_init(sweep_options.slow, sweep_options.plant ? "planted" : NULL);
	memcpy(image, __text_start, text_size());
	sweep_batches(out, (u32)sweep_options.batch, false);
	if (sweep_options.again) {
		choose_unhit((u32)sweep_options.again);
		sweep_batches(out, (u32)sweep_options.again, true);
		choose();
	}
	if (sweep_options.ones)
		sweep_ones(out);
	sweeping = outer.places;
}

/* Each technique for itself: what another has hit says nothing. But for what was hit at boot, by the one asked for then. */
static void forget(bool boot_too)
{
	for (u32 i = 0; i < nr_places; i++) {
		places[i].boot &= !boot_too;
		places[i].how = SWEEP_UNTRIED;
		places[i].by = 0;
	}
	memset(sweep_refusals, 0, sizeof(sweep_refusals));
	sweep_sums = (struct sweep_sums){ .undecoded = sweep_sums.undecoded };
}

static int sweep(const struct sweep_options *wanted, struct seq *out)
{
	unsigned boot = sweep_end_of_boot();

	sweep_options = *wanted;
	forget(boot != sweep_options.technique);
	choose();
	for (u32 i = 0; i < nr_chosen; i++)
		if (places[chosen[i]].boot)
			places[chosen[i]].how = SWEEP_HIT;
	sweep_all(out);
	sweep_report(out, kprobe_technique_names[sweep_options.technique], sweep_options.map);
	return sweep_sums.wrong || sweep_sums.wrong_ip ? -EIO : 0;
}

/* A sweep is part of its own workload, so that its code is probed, too: one that plants, and has but a few places. */
static int sweep_inside(const struct sweep_options *wanted, struct seq *out)
{
	static struct sweep_place few[8];
	static u32 chosen_of_few[ARRAY_SIZE(few)];
	static u8 *second_image;
	struct symbol sym;
	int err;

	if (!wanted->plant || outer.places)
		return -EBUSY;
	second_image = second_image ?: sweep_pages(text_size());
	if (!second_image)
		return -ENOMEM;
	outer = (struct state){ .options = sweep_options,
				.places = places,
				.nr_places = nr_places,
				.chosen = chosen,
				.nr_chosen = nr_chosen,
				.image = image,
				.sums = sweep_sums };
	memcpy(outer.refusals, sweep_refusals, sizeof(sweep_refusals));
	sweep_batch_begin_inner(&outer.batch);
	sweep_work_begin_inner();
	places = few;
	chosen = chosen_of_few;
	image = second_image;
	nr_places = 0;
	if (symtab_find(&kernel_symtab, (u64)sweep_planted, &sym))
		find_instructions(&sym);
	err = sweep(wanted, out);
	sweep_work_end_inner();
	sweep_batch_end_inner(&outer.batch);
	memcpy(sweep_refusals, outer.refusals, sizeof(sweep_refusals));
	sweep_options = outer.options;
	places = outer.places;
	nr_places = outer.nr_places;
	chosen = outer.chosen;
	nr_chosen = outer.nr_chosen;
	image = outer.image;
	sweep_sums = outer.sums;
	outer.places = NULL;
	return err;
}

static int run(int argc, char **argv, struct seq *out)
{
	struct sweep_options wanted = { .to = ~0ul, .stride = 1, .batch = 2000, .again = 1500, .limit = 100 };
	int err = sweep_prepare();

	if (err)
		return err;
	for (int i = 1; i < argc; i++)
		if (!take(&wanted, argv[i]) || !wanted.stride || !wanted.batch ||
		    wanted.again > SWEEP_BATCH_MAX || wanted.batch > SWEEP_BATCH_MAX)
			return -EINVAL;
	return sweeping ? sweep_inside(&wanted, out) : sweep(&wanted, out);
}
COMMAND(sweep, "[TECHNIQUE] [NAME=NUMBER...]", "probe every instruction while the tests run", run);
