/*
 * How deep is the stack? Followed through pushes and pops to each ret (0: the return address on top) and each
 * iretq (0: the CPU's frame on top). From a vector's stub it goes on into what the stub jumps to.
 */
#include "tools/noinstr-check/check.h"

#include <stdlib.h>

#define UNKNOWN INT64_MIN

struct depth {
	int64_t sp, bp; /* bytes below where rsp was at the entry, or UNKNOWN */
	bool known;
};

struct stack_walk {
	struct image *img;
	struct fn *f;
	struct depth *at; /* before each instruction */
	struct depth out;
	size_t *todo, nr_todo, from;
};

/* What a function was jumped to with, by function. */
static struct depth *entry;

static struct depth effect(struct stack_walk *w, const struct insn *i, struct depth d)
{
	int64_t listed;

	/* Some plain-looking changes are listed, too: those that move what lies on the stack along. */
	if (i->stack != STACK_SAME && listed_stack(w->f->name, NULL, NULL) &&
	    listed_stack(w->f->name, insn_text(w->img, i), &listed)) {
		if (listed != STACK_KEEPS)
			d.sp = listed;
		return d;
	}
	switch (i->stack) {
	case STACK_DOWN:
		d.sp = d.sp == UNKNOWN ? UNKNOWN : d.sp + i->n;
		break;
	case STACK_FROM_BP:
		d.sp = d.bp == UNKNOWN ? UNKNOWN : d.bp - i->n;
		break;
	case STACK_LEAVE:
		d.sp = d.bp == UNKNOWN ? UNKNOWN : d.bp - 8;
		d.bp = UNKNOWN;
		break;
	case STACK_ALIGN:
		d.sp = UNKNOWN;
		break;
	case STACK_SAVE_BP:
		d.bp = d.sp == UNKNOWN ? UNKNOWN : d.sp - i->n;
		break;
	case STACK_CHANGES_BP:
		d.bp = UNKNOWN;
		d.sp = d.sp == UNKNOWN ? UNKNOWN : d.sp + i->n;
		break;
	case STACK_STRANGE:
		problem(i->addr, "stack-pointer", NULL,
			"%s(): '%s' takes rsp from elsewhere, and is not listed with a reason (tools/noinstr-check/tables.c)",
			w->f->name, insn_text(w->img, i));
		w->f->spoilt = true;
		d.sp = UNKNOWN;
		break;
	default:
		break;
	}
	return d;
}

static void arrive(void *arg, size_t to, bool by_jump)
{
	struct stack_walk *w = arg;
	struct depth *d = &w->at[to], old = *d;

	(void)by_jump;
	if (!d->known) {
		*d = w->out;
		d->known = true;
	} else {
		if (d->sp != UNKNOWN && w->out.sp != UNKNOWN && d->sp != w->out.sp) {
			problem(w->f->insns[to].addr, "stack-join", NULL,
				"%s(): paths meet with different stack depths, %ld and %ld", w->f->name,
				(long)d->sp, (long)w->out.sp);
			w->f->spoilt = true;
		}
		if (d->sp != w->out.sp)
			d->sp = UNKNOWN;
		if (d->bp != w->out.bp)
			d->bp = UNKNOWN;
		if (d->sp == old.sp && d->bp == old.bp)
			return;
	}
	GROW(w->todo, w->nr_todo);
	w->todo[w->nr_todo++] = to;
}

static void check_return(struct stack_walk *w, const struct insn *i, int64_t sp)
{
	if (sp == UNKNOWN && !w->f->spoilt)
		problem(i->addr, "stack", NULL, "%s() returns, and where rsp is then can't be followed",
			w->f->name);
	if (sp != UNKNOWN && sp != 0)
		problem(i->addr, "stack", NULL, "%s() returns with %ld bytes %s on the stack", w->f->name,
			(long)(sp < 0 ? -sp : sp), sp < 0 ? "too few" : "too many");
}

static void walk_from(struct stack_walk *w, u64 addr, struct depth d)
{
	struct insn *first = insn_at(w->f, addr);

	w->out = d;
	if (first)
		arrive(w, (size_t)(first - w->f->insns), true);
}

/* The function that is jumped to, if nobody has jumped there before. */
static struct fn *jumps_to(struct stack_walk *w, const struct insn *i, struct depth d)
{
	bool jump = i->flow == FLOW_JMP || i->flow == FLOW_JCC;
	struct fn *to = jump ? image_fn_at(w->img, i->target) : NULL;
	struct depth *e;

	if (!to || to == w->f || to->sec == SEC_TEXT || to->addr != i->target)
		return NULL;
	e = &entry[to - w->img->fns];
	if (!e->known) {
		*e = (struct depth){ .sp = d.sp, .bp = UNKNOWN, .known = true };
		return to;
	}
	if (e->sp != d.sp && d.sp != UNKNOWN && e->sp != UNKNOWN)
		problem(i->addr, "stack-join", NULL,
			"%s() jumps to %s() with %ld bytes on the stack, others with %ld", w->f->name,
			to->name, (long)d.sp, (long)e->sp);
	return NULL;
}

static void walk(struct image *img, struct fn *f, struct depth start)
{
	struct stack_walk w = { .img = img, .f = f, .at = xalloc((f->nr_insns + 1) * sizeof(struct depth)) };

	walk_from(&w, f->addr, start);
	for (size_t n = 0; n < f->nr_entries; n++)
		walk_from(&w, f->entries[n], (struct depth){ .sp = 0, .bp = UNKNOWN });
	while (w.nr_todo) {
		size_t at = w.todo[--w.nr_todo];
		const struct insn *i = &f->insns[at];
		struct fn *to;

		if (i->flow == FLOW_RET || i->flow == FLOW_IRET)
			check_return(&w, i, w.at[at].sp);
		to = jumps_to(&w, i, w.at[at]);
		if (to)
			walk(img, to, entry[to - img->fns]);
		w.out = effect(&w, i, w.at[at]);
		w.from = at;
		for_each_next(img, f, at, arrive, &w);
	}
	free(w.todo);
	free(w.at);
}

/* Who is called has the return address on top, and nothing else: is it jumped to with more? */
static void check_calls(struct image *img, const struct fn *f)
{
	for (size_t n = 0; n < f->nr_insns; n++) {
		const struct insn *i = &f->insns[n];
		const struct fn *to = i->flow == FLOW_CALL ? image_fn_at(img, i->target) : NULL;
		const struct depth *e = to ? &entry[to - img->fns] : NULL;

		if (e && e->known && e->sp != 0 && e->sp != UNKNOWN)
			problem(i->addr, "stack-join", NULL,
				"%s() calls %s(), which is entered with %ld bytes on the stack elsewhere",
				f->name, to->name, (long)e->sp);
	}
}

/* SDM vol. 3, table 6-1: the vectors whose frame ends in an error code. */
static bool has_error_code(int vector) { return vector >= 0 && vector < 32 && (0x60227d00u >> vector & 1); }

void stack_check(struct image *img)
{
	entry = xalloc((img->nr_fns + 1) * sizeof(*entry));
	for (int vectors = 1; vectors >= 0; vectors--)
		for (size_t n = 0; n < img->nr_fns; n++) {
			struct fn *f = &img->fns[n];

			if (f->sec == SEC_TEXT || (f->vector >= 0) != vectors || entry[n].known)
				continue;
			entry[n] = (struct depth){ .sp = has_error_code(f->vector) ? 8 : 0,
						   .bp = UNKNOWN,
						   .known = true };
			walk(img, f, entry[n]);
		}
	for (size_t n = 0; n < img->nr_fns; n++)
		check_calls(img, &img->fns[n]);
}
