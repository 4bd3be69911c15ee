/*
 * From each entry through every call: who may be called from where.
 *
 * A function may be reached in several ways, and what holds in it depends on the way. So what is visited is a
 * function together with a few bits; the way by which a pair was first reached is the path shown.
 */
#include "tools/noinstr-check/rules.h"

#include <stdlib.h>
#include <string.h>

static struct image *img;
static struct node **nodes;
static size_t nr_nodes;
static u64 *seen; /* ways, as bits, by function */
static bool needed_now;

static const char *path_to(const struct node *n, const char *callee)
{
	const char *text = callee ? xprintf(" -> %s", callee) : "";

	for (; n; n = n->from)
		text = xprintf("%s%s%s", n->from ? " -> " : n->root, n->f->name, text);
	return text;
}

static void visit(struct fn *f, int ways, bool needed, const struct node *from, const char *root)
{
	struct node *n;

	f->needed |= needed && needed_now;
	if (seen[f - img->fns] >> ways & 1)
		return;
	seen[f - img->fns] |= 1ull << ways;
	n = xalloc(sizeof(*n));
	*n = (struct node){ f, ways, from, root };
	GROW(nodes, nr_nodes);
	nodes[nr_nodes++] = n;
	if (!f->path)
		f->path = path_to(n, NULL);
}

/* ---- one function, reached in one way ---- */

static const char *callee_kind(const char *name)
{
	if (strcmp(name, "__fentry__") == 0 || strstr(name, "mcount"))
		return ", a call that -pg makes,";
	if (strncmp(name, "__stack_chk", 11) == 0)
		return ", a call that -fstack-protector makes,";
	if (strncmp(name, "__x86_", 6) == 0)
		return ", a thunk that -mindirect-branch or -mfunction-return makes,";
	if (listed_compiler(name))
		return ", perhaps the compiler's own call (a structure copied, a loop recognised),";
	return clone_of_hidden(img, name) ? ", a part or clone the compiler made of hidden code," : "";
}

static const char *verb(const struct insn *i) { return i->flow == FLOW_CALL ? "calls" : "jumps to"; }

/* What would be wrong with visible code that is called from @n? */
enum objection { NOTHING, OUTSIDE, ON_TRAP_PATH, BEFORE_DISARMING };

static enum objection objection(const struct node *n, bool inside, int facts)
{
	bool report_of_panic = n->f->noreturn && inside;

	if (n->f->sec != SEC_KPROBES && !inside)
		return OUTSIDE;
	if (n->ways & IN_TRAP && !report_of_panic)
		return ON_TRAP_PATH;
	return n->ways & IN_FAULT && !(facts & FACT_DISARMED) ? BEFORE_DISARMING : NOTHING;
}

static void visible_callee(const struct node *n, const struct insn *i, const char *name, bool inside,
			   int facts)
{
	const char *path = path_to(n, name);
	enum objection what = objection(n, inside, facts);

	if (what == NOTHING || listed_exit(n->f->name, name) || (inside && i->flow != FLOW_CALL))
		return; /* a jump out from inside is an end forgotten: reported as that */
	if (what == OUTSIDE)
		problem(i->addr, "visible-call", path,
			"%s() %s visible %s()%s outside instrumentation_begin()/_end()", n->f->name, verb(i),
			name, callee_kind(name));
	else if (what == ON_TRAP_PATH)
		problem(i->addr, "trap-path", path,
			"%s() %s visible %s()%s on the path of int3 and #DB, which is hidden from end to end",
			n->f->name, verb(i), name, callee_kind(name));
	else
		problem(i->addr, "emergency", path,
			"%s() %s visible %s()%s before the emergency has disarmed all probes", n->f->name,
			verb(i), name, callee_kind(name));
}

static void hidden_callee(const struct node *n, const struct insn *i, struct fn *to, bool inside, int facts)
{
	/* That a region begins only where the context was entered is checked there. */
	int ways = (n->ways & ~IN_FACTS) | facts | (inside ? IN_REGION | FACT_ENTERED : 0);

	if (listed_trap_end(to->name))
		ways &= ~IN_TRAP;
	if (i->target != to->addr) {
		problem(i->addr, "middle", path_to(n, to->name), "%s() %s the middle of %s(), +0x%lx",
			n->f->name, verb(i), to->name, (unsigned long)(i->target - to->addr));
		return;
	}
	if (to->sec == SEC_KPROBES && !(ways & IN_REGION))
		problem(i->addr, "too-early", path_to(n, to->name),
			"%s() %s %s()%s in .kprobes.text, where the context is not established", n->f->name,
			verb(i), to->name, callee_kind(to->name));
	if (ways & IN_FAULT && !(facts & FACT_DISARMED) && to->sec != SEC_ENTRY)
		problem(i->addr, "emergency", path_to(n, to->name),
			"%s() %s %s() in %s, which kprobes/unsafe opens, before the emergency has disarmed all probes",
			n->f->name, verb(i), to->name, section_names[to->sec]);
	visit(to, ways, objection(n, inside, facts) != NOTHING, n, NULL);
}

static void indirect(const struct node *n, const struct insn *i, bool inside, int facts)
{
	const char *path = path_to(n, i->flow == FLOW_CALL_IND ? "(a pointer)" : "(a computed place)");

	if (i->flow == FLOW_JMP_IND) {
		if (!i->nr_succs)
			problem(i->addr, "indirect", path,
				"%s(): an indirect jump, '%s', which can't be followed", n->f->name,
				insn_text(img, i));
		else if (!inside)
			problem(i->addr, "indirect", path,
				"%s(): an indirect jump, '%s', outside instrumentation_begin()/_end(): a jump table?",
				n->f->name, insn_text(img, i));
		return;
	}
	if (n->ways & IN_TRAP && !listed_handler(n->f->name) && !(n->f->noreturn && inside))
		problem(i->addr, "trap-path", path,
			"%s(): an indirect call, '%s', on the path of int3 and #DB: only handlers may be called",
			n->f->name, insn_text(img, i));
	else if (n->f->sec != SEC_KPROBES && !inside && !listed_exit(n->f->name, ANY_INDIRECT))
		problem(i->addr, "indirect", path,
			"%s(): an indirect call, '%s', outside instrumentation_begin()/_end()", n->f->name,
			insn_text(img, i));
	else if (objection(n, inside, facts) == BEFORE_DISARMING && !listed_handler(n->f->name))
		problem(i->addr, "emergency", path,
			"%s(): an indirect call, '%s', before the emergency has disarmed all probes",
			n->f->name, insn_text(img, i));
}

static bool is_inside(const struct insn *i) { return !(i->depths & 1); }

static void check_callee(const struct node *n, const struct insn *i, int facts)
{
	struct fn *to = image_fn_at(img, i->target);
	bool within = is_within(n->f, i->target);

	if (i->flow == FLOW_CALL_IND || i->flow == FLOW_JMP_IND)
		indirect(n, i, is_inside(i), facts);
	if (i->flow != FLOW_CALL && (within || (i->flow != FLOW_JMP && i->flow != FLOW_JCC)))
		return;
	if (!to)
		problem(i->addr, "nowhere", path_to(n, NULL), "%s() %s 0x%lx, where there is no function",
			n->f->name, verb(i), (unsigned long)i->target);
	else if (to->sec == SEC_TEXT)
		visible_callee(n, i, to->name, is_inside(i), facts);
	else
		hidden_callee(n, i, to, is_inside(i), facts);
}

/* ---- begin only after the context was entered ---- */

struct begin_walk {
	const struct node *n;
	const u8 *at;
	size_t from;
	bool *searched, returns;
};

static void search_return(void *arg, size_t to, bool by_jump)
{
	struct begin_walk *w = arg;

	(void)by_jump;
	if (w->searched[to])
		return;
	w->searched[to] = true;
	if (is_return(w->n->f, &w->n->f->insns[to]))
		w->returns = true;
	for_each_next(img, w->n->f, to, search_return, w);
}

static bool comes_back(struct begin_walk *w, size_t from)
{
	w->searched = xalloc(w->n->f->nr_insns * sizeof(bool));
	w->returns = false;
	search_return(w, from, false);
	free(w->searched);
	return w->returns;
}

/* Control comes from outside to @to, with @facts: does a region begin there, and may it? */
static void begins_at(struct begin_walk *w, size_t to, int facts)
{
	struct fn *f = w->n->f;
	const struct insn *i = &f->insns[to];

	if (f->spoilt || !is_inside(i) || !i->visited || facts & FACT_ENTERED || !comes_back(w, to) ||
	    listed_begin(f->name))
		return;
	problem(i->addr, "not-entered", path_to(w->n, NULL),
		"%s(): instrumentation_begin() before rcu_nmi_enter() or rcu_irq_enter(), or after the exit",
		f->name);
}

static void check_begin(void *arg, size_t to, bool by_jump)
{
	struct begin_walk *w = arg;
	const struct insn *i = &w->n->f->insns[w->from];

	(void)by_jump;
	if (!is_inside(i))
		begins_at(w, to, after_call(img, i, w->at[w->from]));
}

static void check_node(const struct node *n)
{
	struct fn *f = n->f;
	u8 *at = xalloc(f->nr_insns + 1);
	struct begin_walk w = { .n = n, .at = at };
	const struct insn *first = insn_at(f, f->addr);

	follow_facts(img, f, n->ways & IN_FACTS, at);
	if (first)
		begins_at(&w, (size_t)(first - f->insns), n->ways);
	for (size_t i = 0; i < f->nr_insns; i++) {
		if (at[i] == NR_FACTS)
			continue;
		check_callee(n, &f->insns[i], at[i]);
		w.from = i;
		for_each_next(img, f, i, check_begin, &w);
	}
	free(at);
}

void check_start(struct image *image)
{
	img = image;
	seen = xalloc((img->nr_fns + 1) * sizeof(*seen));
}

void check_from(struct fn *f, int ways, const char *root, bool needed)
{
	size_t i = nr_nodes;

	needed_now = needed;
	visit(f, ways, true, NULL, root);
	for (; i < nr_nodes; i++)
		check_node(nodes[i]);
}
