/* Which of the two facts hold on every way to an instruction: the calls on those ways tell. */
#include "tools/noinstr-check/rules.h"

#include <stdlib.h>
#include <string.h>

struct facts_walk {
	u8 *at; /* before each instruction; NR_FACTS: not reached */
	size_t *todo, nr_todo;
	u8 out;
};

static int summary(struct image *img, struct fn *f);

bool is_within(const struct fn *f, u64 addr) { return addr >= f->addr && addr < f->addr + f->size; }

/* The facts when @i's target has returned. */
static int after_target(struct image *img, const struct insn *i, int facts)
{
	struct fn *callee = image_fn_at(img, i->target);
	int set, cleared, s;

	if (!callee || callee->sec == SEC_TEXT)
		return facts;
	if (listed_context(callee->name, &set, &cleared))
		return (facts | set) & ~cleared;
	s = summary(img, callee);
	return (facts & s >> 2) | (s & IN_FACTS);
}

int after_call(struct image *img, const struct insn *i, int facts)
{
	return i->flow == FLOW_CALL ? after_target(img, i, facts) : facts;
}

static bool jumps_out(const struct fn *f, const struct insn *i)
{
	return (i->flow == FLOW_JMP || i->flow == FLOW_JCC) && !is_within(f, i->target);
}

bool is_return(const struct fn *f, const struct insn *i)
{
	return i->flow == FLOW_RET || i->flow == FLOW_IRET || jumps_out(f, i);
}

static void fact_arrives(void *arg, size_t to, bool by_jump)
{
	struct facts_walk *w = arg;
	u8 facts = w->at[to] == NR_FACTS ? w->out : w->at[to] & w->out;

	(void)by_jump;
	if (facts == w->at[to])
		return;
	w->at[to] = facts;
	GROW(w->todo, w->nr_todo);
	w->todo[w->nr_todo++] = to;
}

int follow_facts(struct image *img, struct fn *f, int start, u8 *at)
{
	struct facts_walk w = { .at = at, .out = (u8)start };
	struct insn *first = insn_at(f, f->addr);
	int end = IN_FACTS;

	memset(at, NR_FACTS, f->nr_insns);
	if (first)
		fact_arrives(&w, (size_t)(first - f->insns), true);
	for (size_t n = 0; n < f->nr_entries; n++)
		if ((first = insn_at(f, f->entries[n])))
			fact_arrives(&w, (size_t)(first - f->insns), true);
	while (w.nr_todo) {
		size_t i = w.todo[--w.nr_todo];

		w.out = (u8)after_call(img, &f->insns[i], at[i]);
		if (jumps_out(f, &f->insns[i])) /* what is jumped to returns in its place */
			end &= after_target(img, &f->insns[i], at[i]);
		else if (is_return(f, &f->insns[i]))
			end &= w.out;
		for_each_next(img, f, i, fact_arrives, &w);
	}
	free(w.todo);
	return end;
}

/* Bits 0-1: set by calling @f; bits 2-3: left alone. While it is being found out (a recursion): all left alone. */
static int summary(struct image *img, struct fn *f)
{
	u8 *at;

	if (f->summary >= 0)
		return f->summary;
	f->summary = IN_FACTS << 2;
	at = xalloc(f->nr_insns + 1);
	f->summary = follow_facts(img, f, 0, at) | follow_facts(img, f, IN_FACTS, at) << 2;
	free(at);
	return f->summary;
}
