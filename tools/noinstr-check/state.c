/*
 * Is an instruction between instrumentation_begin() and _end()? The notes carried along every path.
 *
 * A note emits nothing, so a jump to its address may have been meant for the place before or behind it; only
 * who falls into it has surely passed it. So what is carried is the set of depths that are possible, as bits,
 * and where paths join, what both allow. Nothing left: the paths disagree (docs/TRICKS.md, "Notes without an
 * instruction").
 */
#include "tools/noinstr-check/check.h"

#include <stdlib.h>
#include <string.h>

#define OUTSIDE 1u /* depth 0 */

struct run {
	struct image *img;
	struct fn *f;
	bool report;
	unsigned errors;
	size_t *todo, nr_todo;
	size_t from;
	u8 out;
};

void for_each_next(struct image *img, struct fn *f, size_t at,
		   void (*next)(void *arg, size_t to, bool by_jump), void *arg)
{
	const struct insn *i = &f->insns[at];
	const struct fn *callee = i->flow == FLOW_CALL ? image_fn_at(img, i->target) : NULL;
	bool falls = i->flow == FLOW_PLAIN || i->flow == FLOW_JCC || i->flow == FLOW_CALL_IND ||
		     (i->flow == FLOW_CALL && !(callee && callee->noreturn));
	struct insn *to;

	/* Behind the last instruction that could be decoded there is none: that has been reported. */
	if (falls && (to = insn_at(f, i->addr + i->len)))
		next(arg, (size_t)(to - f->insns), false);
	if ((i->flow == FLOW_JCC || i->flow == FLOW_JMP) && (to = insn_at(f, i->target)))
		next(arg, (size_t)(to - f->insns), true);
	for (size_t k = 0; k < i->nr_succs; k++)
		if ((to = insn_at(f, f->succs[i->first_succ + k])))
			next(arg, (size_t)(to - f->insns), true);
}

static u8 through(const struct note *notes, size_t n, u8 depths)
{
	for (size_t i = 0; i < n; i++)
		depths = (u8)(notes[i].begin ? depths << 1 : depths >> 1);
	return depths;
}

/* The branches by which an instruction was first reached, as line numbers. */
static const char *way_to(const struct run *r, int at)
{
	char *text = xprintf("%u", line_number(r->f->insns[at].addr));
	unsigned last = 0, steps = 0;

	for (int i = r->f->insns[at].pred; i >= 0 && steps < 8; i = r->f->insns[i].pred) {
		unsigned line = r->f->insns[i].flow == FLOW_JCC ? line_number(r->f->insns[i].addr) : 0;

		if (!line || line == last)
			continue;
		text = xprintf("%u, %s", line, text);
		last = line;
		steps++;
	}
	return text;
}

static void conflict(struct run *r, size_t to)
{
	const struct insn *i = &r->f->insns[to];

	r->errors++;
	if (r->report && !r->f->spoilt)
		problem(i->addr, "join", NULL,
			"%s(): paths meet, one between instrumentation_begin() and _end(), one not: "
			"one by lines %s, the other by lines %s",
			r->f->name, i->pred >= 0 ? way_to(r, i->pred) : "(entry)",
			r->from != (size_t)-1 ? way_to(r, (int)r->from) : "(entry)");
	r->f->spoilt |= r->report;
}

static void arrive(void *arg, size_t to, bool by_jump)
{
	struct run *r = arg;
	struct insn *i = &r->f->insns[to];
	const struct note *notes;
	size_t n = i->has_note ? image_notes_at(r->img, i->addr, &notes) : 0;
	u8 depths = r->out;

	if (n && by_jump) {
		for (size_t skip = 0; skip < n; skip++)
			depths |= through(notes + skip, n - skip, r->out);
	} else if (n) {
		depths = through(notes, n, r->out);
		if (!depths) {
			r->errors++;
			if (r->report && !r->f->spoilt)
				problem(i->addr, "end", NULL, "%s(): instrumentation_end() without a begin",
					r->f->name);
			depths = OUTSIDE;
		}
	}
	if (i->choice >= 0)
		depths &= (u8)(1u << i->choice);
	if (i->visited)
		depths &= i->depths;
	if (!depths) {
		conflict(r, to);
		return;
	}
	if (i->visited && depths == i->depths)
		return;
	if (!i->visited)
		i->pred = r->from == (size_t)-1 ? -1 : (int)r->from;
	i->visited = true;
	i->depths = depths;
	GROW(r->todo, r->nr_todo);
	r->todo[r->nr_todo++] = to;
}

static bool leaves_hidden(const struct image *img, const struct insn *i)
{
	const struct fn *callee;

	if (i->flow == FLOW_CALL_IND)
		return true;
	if (i->flow != FLOW_CALL)
		return false;
	callee = image_fn_at(img, i->target);
	return !callee || callee->sec == SEC_TEXT;
}

static bool returns(const struct fn *f, const struct insn *i)
{
	if (i->flow == FLOW_RET || i->flow == FLOW_IRET || (i->flow == FLOW_JMP_IND && !i->nr_succs))
		return true;
	return (i->flow == FLOW_JMP || i->flow == FLOW_JCC) &&
	       (i->target < f->addr || i->target >= f->addr + f->size);
}

/* What an instruction demands: a visible call must be inside, a return outside, if either is possible. */
static u8 demanded(struct run *r, const struct insn *i)
{
	if (leaves_hidden(r->img, i))
		return i->depths & ~OUTSIDE ? i->depths & (u8)~OUTSIDE : i->depths;
	if (!returns(r->f, i))
		return i->depths;
	if (i->depths & OUTSIDE)
		return i->flow == FLOW_JCC ? i->depths : OUTSIDE;
	r->errors++;
	if (r->report && !r->f->spoilt)
		problem(i->addr, "begin", NULL, "%s() may return without instrumentation_end()", r->f->name);
	return i->depths;
}

static unsigned run(struct image *img, struct fn *f, bool report)
{
	struct run r = { .img = img, .f = f, .report = report, .from = (size_t)-1, .out = OUTSIDE };
	struct insn *first = insn_at(f, f->addr);

	for (size_t i = 0; i < f->nr_insns; i++)
		f->insns[i].visited = false;
	if (first)
		arrive(&r, (size_t)(first - f->insns), true);
	for (size_t n = 0; n < f->nr_entries; n++)
		if ((first = insn_at(f, f->entries[n])))
			arrive(&r, (size_t)(first - f->insns), true);
	while (r.nr_todo) {
		r.from = r.todo[--r.nr_todo];
		r.out = demanded(&r, &f->insns[r.from]);
		f->insns[r.from].depths = r.out;
		for_each_next(img, f, r.from, arrive, &r);
	}
	free(r.todo);
	return r.errors;
}

static struct insn *undecided(struct fn *f)
{
	for (size_t i = 0; i < f->nr_insns; i++)
		if (f->insns[i].visited && (f->insns[i].depths & (f->insns[i].depths - 1)) &&
		    f->insns[i].choice < 0)
			return &f->insns[i];
	return NULL;
}

/* Where both readings of a jump are still possible, one is tried after the other: a place has one depth. */
static unsigned decide(struct image *img, struct fn *f, int *tries)
{
	unsigned errors = run(img, f, false);
	struct insn *i = errors ? NULL : undecided(f);
	u8 possible = i ? i->depths : 0;

	if (!i)
		return errors;
	for (int depth = 0; depth < 8 && *tries > 0; depth++) {
		if (!(possible & 1u << depth))
			continue;
		--*tries;
		i->choice = depth;
		errors = decide(img, f, tries);
		if (!errors)
			return 0;
	}
	return errors;
}

void state_propagate(struct image *img, struct fn *f)
{
	int tries = 64;

	decide(img, f, &tries);
	run(img, f, true);
}
