/*
 * From each entry through every call: who may be called from where.
 *
 * A function may be reached in several ways, and what holds in it depends on the way. So what is visited is a
 * function together with a few bits; the way by which a pair was first reached is the path shown.
 */
#include "tools/noinstr-check/check.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* The two facts that calls establish and withdraw (tables.c): on every way here, … */
	IN_FACTS = NR_FACTS - 1, /* FACT_ENTERED: the context was entered; FACT_DISARMED: no probe is armed */
	IN_REGION = 4,		 /* a caller is between begin and end, or is visible itself */
	IN_TRAP = 8,		 /* the path of int3 or #DB */
	IN_FAULT = 16,		 /* that of #DF */
	IN_VECTOR = 32,		 /* that of any vector */
	NR_WAYS = 64,
};

struct node {
	struct fn *f;
	int ways;
	const struct node *from;
	const char *root;
};

static struct image *img;
static struct node **nodes;
static size_t nr_nodes;
static u64 *seen; /* ways, as bits, by function */

static const char *const vector_names[32] = {
	"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", NULL,  "#TS",
	"#NP", "#SS", "#GP", "#PF", NULL,  "#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
};

static const char *path_to(const struct node *n, const char *callee)
{
	const char *text = callee ? xprintf(" -> %s", callee) : "";

	for (; n; n = n->from)
		text = xprintf("%s%s%s", n->from ? " -> " : n->root, n->f->name, text);
	return text;
}

static void visit(struct fn *f, int ways, const struct node *from, const char *root)
{
	struct node *n;

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

/* ---- facts: what calls have done on every way to an instruction ---- */

struct facts_walk {
	u8 *at; /* before each instruction; NR_FACTS: not reached */
	size_t *todo, nr_todo;
	u8 out;
};

static int summary(struct fn *f);

static bool is_within(const struct fn *f, u64 addr) { return addr >= f->addr && addr < f->addr + f->size; }

/* A jump out of @f is a call, too: of what returns in its place. */
static int after_call(const struct fn *f, const struct insn *i, int facts)
{
	bool call = i->flow == FLOW_CALL || (i->flow == FLOW_JMP && !is_within(f, i->target));
	struct fn *callee = call ? image_fn_at(img, i->target) : NULL;
	int set, cleared, s;

	if (!callee || callee->sec == SEC_TEXT)
		return facts;
	if (listed_context(callee->name, &set, &cleared))
		return (facts | set) & ~cleared;
	s = summary(callee);
	return (facts & s >> 2) | (s & IN_FACTS);
}

static bool is_return(const struct fn *f, const struct insn *i)
{
	return i->flow == FLOW_RET || i->flow == FLOW_IRET ||
	       (i->flow == FLOW_JMP && !is_within(f, i->target));
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

/* Facts before each instruction of @f; the result is what holds at every return. */
static int follow_facts(struct fn *f, int start, u8 *at)
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

		w.out = (u8)after_call(f, &f->insns[i], at[i]);
		if (is_return(f, &f->insns[i]))
			end &= w.out;
		for_each_next(img, f, i, fact_arrives, &w);
	}
	free(w.todo);
	return end;
}

/* Bits 0-1: set by calling @f; bits 2-3: left alone. While it is being found out (a recursion): all left alone. */
static int summary(struct fn *f)
{
	u8 *at;

	if (f->summary >= 0)
		return f->summary;
	f->summary = IN_FACTS << 2;
	at = xalloc(f->nr_insns + 1);
	f->summary = follow_facts(f, 0, at) | follow_facts(f, IN_FACTS, at) << 2;
	free(at);
	return f->summary;
}

/* ---- one function, reached in one way ---- */

/* "f.cold", "f.constprop.0": is the part before the dot a hidden function? */
static const struct fn *clone_of_hidden(const char *name)
{
	static const char *const kinds[] = { ".constprop.", ".isra.", ".part.", ".cold" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *dot = strstr(name, kinds[i]);
		char base[256];
		const struct fn *f;

		if (!dot || (size_t)(dot - name) >= sizeof(base))
			continue;
		memcpy(base, name, (size_t)(dot - name));
		base[dot - name] = 0;
		f = image_fn(img, base);
		if (f && f->sec != SEC_TEXT)
			return f;
	}
	return NULL;
}

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
	return clone_of_hidden(name) ? ", a part or clone the compiler made of hidden code," : "";
}

static const char *verb(const struct insn *i) { return i->flow == FLOW_CALL ? "calls" : "jumps to"; }

static void visible_callee(const struct node *n, const struct insn *i, const char *name, bool inside)
{
	const char *path = path_to(n, name);
	bool report_of_panic = n->f->noreturn && inside;

	if (listed_exit(n->f->name, name) || (inside && i->flow != FLOW_CALL))
		return; /* a jump out from inside is an end forgotten: reported as that */
	if (n->f->sec != SEC_KPROBES && !inside)
		problem(i->addr, "visible-call", path,
			"%s() %s visible %s()%s outside instrumentation_begin()/_end()", n->f->name, verb(i),
			name, callee_kind(name));
	else if (n->ways & IN_TRAP && !report_of_panic)
		problem(i->addr, "trap-path", path,
			"%s() %s visible %s()%s on the path of int3 and #DB, which is hidden from end to end",
			n->f->name, verb(i), name, callee_kind(name));
}

static void hidden_callee(const struct node *n, const struct insn *i, struct fn *to, bool inside, int facts)
{
	int ways = (n->ways & ~IN_FACTS) | facts | (inside ? IN_REGION : 0);

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
	visit(to, ways, n, NULL);
}

static void indirect(const struct node *n, const struct insn *i, bool inside)
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
}

static bool is_inside(const struct insn *i) { return !(i->depths & 1); }

static void check_callee(const struct node *n, const struct insn *i, int facts)
{
	struct fn *to = image_fn_at(img, i->target);
	bool within = is_within(n->f, i->target);

	if (i->flow == FLOW_CALL_IND || i->flow == FLOW_JMP_IND)
		indirect(n, i, is_inside(i));
	if (i->flow != FLOW_CALL && (within || (i->flow != FLOW_JMP && i->flow != FLOW_JCC)))
		return;
	if (!to)
		problem(i->addr, "nowhere", path_to(n, NULL), "%s() %s 0x%lx, where there is no function",
			n->f->name, verb(i), (unsigned long)i->target);
	else if (to->sec == SEC_TEXT)
		visible_callee(n, i, to->name, is_inside(i));
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

static void check_begin(void *arg, size_t to, bool by_jump)
{
	struct begin_walk *w = arg;
	struct fn *f = w->n->f;
	const struct insn *i = &f->insns[w->from], *next = &f->insns[to];

	(void)by_jump;
	if (f->spoilt || is_inside(i) || !is_inside(next) || !next->visited)
		return;
	if (after_call(f, i, w->at[w->from]) & FACT_ENTERED || listed_begin(f->name) || !comes_back(w, to))
		return;
	problem(next->addr, "not-entered", path_to(w->n, NULL),
		"%s(): instrumentation_begin() before rcu_nmi_enter() or rcu_irq_enter(), or after the exit",
		f->name);
}

static void check_node(const struct node *n)
{
	struct fn *f = n->f;
	u8 *at = xalloc(f->nr_insns + 1);
	struct begin_walk w = { .n = n, .at = at };

	follow_facts(f, n->ways & IN_FACTS, at);
	for (size_t i = 0; i < f->nr_insns; i++) {
		if (at[i] == NR_FACTS)
			continue;
		check_callee(n, &f->insns[i], at[i]);
		w.from = i;
		if (n->ways & IN_VECTOR && !(n->ways & IN_REGION))
			for_each_next(img, f, i, check_begin, &w);
	}
	free(at);
}

static void check_from(size_t first)
{
	for (size_t i = first; i < nr_nodes; i++)
		check_node(nodes[i]);
}

/* ---- what is to be looked at, in order: vectors, listed entries, then whatever else is hidden ---- */

static const char *vector_name(int v)
{
	if (v < 32 && vector_names[v])
		return xprintf("vector %d (%s): ", v, vector_names[v]);
	return xprintf("vector %d: ", v);
}

/* The stubs of vectors that have an own entry are in no gate. */
static bool is_own_entry(int vector)
{
	for (size_t i = 0; i < img->nr_fns; i++)
		if (img->fns[i].vector == vector && listed_vector(img->fns[i].name) == vector)
			return true;
	return false;
}

enum round { TRAPS, OWN_ENTRIES, STUBS, UNUSED_STUBS, NR_ROUNDS };

static enum round round_of(const struct fn *f)
{
	if (listed_vector(f->name) < 0)
		return is_own_entry(f->vector) ? UNUSED_STUBS : STUBS;
	return f->vector == 1 || f->vector == 3 ? TRAPS : OWN_ENTRIES;
}

static void visit_vectors(void)
{
	for (enum round r = 0; r < NR_ROUNDS; r++)
		for (size_t i = 0; i < img->nr_fns; i++) {
			struct fn *f = &img->fns[i];
			size_t first = nr_nodes;

			if (f->vector < 0 || round_of(f) != r)
				continue;
			if (r == UNUSED_STUBS)
				visit(f, IN_VECTOR, NULL, xprintf("vector %d, in no gate: ", f->vector));
			else
				visit(f,
				      IN_VECTOR | (r == TRAPS ? IN_TRAP : 0) |
					      (f->vector == 8 ? IN_FAULT : 0),
				      NULL, vector_name(f->vector));
			check_from(first);
		}
}

static void mark_needed(void)
{
	for (size_t i = 0; i < nr_nodes; i++)
		nodes[i]->f->needed = true;
}

static const char *caller_name(const struct fn *f)
{
	if (f->visible_caller)
		return xprintf("called by visible %s(): ", f->visible_caller->name);
	return f->taken_by ? xprintf("by its address, from visible %s(): ", f->taken_by->name)
			   : "by nothing found: ";
}

/* Does it call one of the functions that say whether RCU watches? Then part of it runs where RCU doesn't. */
static bool changes_context(const struct fn *f)
{
	int set, cleared;

	for (size_t i = 0; i < f->nr_insns; i++) {
		const struct fn *to =
			f->insns[i].flow == FLOW_CALL ? image_fn_at(img, f->insns[i].target) : NULL;

		if (to && listed_context(to->name, &set, &cleared) && (set | cleared) & FACT_ENTERED)
			return true;
	}
	return false;
}

static void visit_listed(void)
{
	for (size_t i = 0; i < img->nr_fns; i++) {
		struct fn *f = &img->fns[i];

		if (f->sec == SEC_TEXT)
			continue;
		if (listed_entry(f->name))
			visit(f, IN_REGION, NULL, xprintf("%s: ", listed_entry(f->name)));
		else if (listed_must_hide(f->name))
			visit(f, f->sec == SEC_KPROBES ? IN_REGION : 0, NULL,
			      xprintf("%s: ", listed_must_hide(f->name)));
		else if (lines_in_tests(f->addr))
			visit(f, f->sec == SEC_KPROBES ? IN_REGION : 0, NULL, "a test's own: ");
		else if (changes_context(f))
			visit(f, 0, NULL, xprintf("it changes whether RCU watches: "));
	}
}

static void visit_rest(void)
{
	for (size_t i = 0; i < img->nr_fns; i++) {
		struct fn *f = &img->fns[i];

		if (f->sec != SEC_TEXT && !f->path)
			visit(f, f->sec == SEC_KPROBES ? IN_REGION : 0, NULL, caller_name(f));
	}
}

/* ---- rules about functions, whoever calls them ---- */

static void check_sites(void)
{
	for (size_t i = 0; i < img->nr_sites; i++) {
		const struct fn *f = image_fn_at(img, img->sites[i]);

		if (f && f->sec != SEC_TEXT)
			problem(img->sites[i], "fentry", NULL, "%s(): a tracing site (__mcount_loc) in %s",
				f->name, section_names[f->sec]);
	}
}

static void check_visible_fn(const struct fn *f)
{
	const char *why = listed_must_hide(f->name);
	const struct fn *of = clone_of_hidden(f->name);
	int set, cleared;

	if (!img->is_kernel && !of)
		return;
	if (why)
		problem(f->addr, "must-hide", "", "%s() must be hidden: %s", f->name, why);
	if (of)
		problem(f->addr, "clone", "", "%s(), which the compiler made of %s() in %s, lies in .text",
			f->name, of->name, section_names[of->sec]);
	if (listed_context(f->name, &set, &cleared))
		problem(f->addr, "must-hide", "",
			"%s() must be hidden: it changes what hidden code is checked by", f->name);
}

/* A visible caller of rcu_idle_enter() and its kin would run unwatched, and be traced there. Tests do it on purpose. */
static void check_context_callers(void)
{
	int set, cleared;

	for (size_t i = 0; img->is_kernel && i < img->nr_fns; i++) {
		const struct fn *f = &img->fns[i], *by = f->visible_caller;

		if (by && listed_context(f->name, &set, &cleared) && (set | cleared) & FACT_ENTERED &&
		    !lines_in_tests(by->addr))
			problem(by->addr, "must-hide", by->name,
				"%s() must be hidden: it calls %s(), which changes whether RCU watches",
				by->name, f->name);
	}
}

static void check_unlisted_entry(const struct fn *f)
{
	if (strncmp(f->name, "asm_exc_", 8) == 0 && f->vector < 0)
		problem(f->addr, "unlisted", "",
			"%s() is no entry that the checker knows: add it to vectors[] in "
			"tools/noinstr-check/tables.c, or rename it",
			f->name);
	if (f->sec == SEC_ENTRY && f->taken_by && f->vector < 0 && !listed_entry(f->name) &&
	    lines_in_assembly(f->addr) && !lines_in_tests(f->taken_by->addr))
		problem(f->addr, "unlisted", "",
			"%s() in .entry.text is entered by its address, which visible %s() takes: "
			"add it to entries[] in tools/noinstr-check/tables.c",
			f->name, f->taken_by->name);
	if (f->vector >= 0 && f->sec != SEC_ENTRY)
		problem(f->addr, "unlisted", "", "%s(), a vector's stub, lies outside .entry.text", f->name);
}

void rules_check(struct image *image)
{
	size_t first;

	img = image;
	seen = xalloc((img->nr_fns + 1) * sizeof(*seen));
	visit_vectors();
	first = nr_nodes;
	visit_listed();
	check_from(first);
	mark_needed();
	first = nr_nodes;
	visit_rest();
	check_from(first);
	check_sites();
	check_context_callers();
	for (size_t i = 0; i < img->nr_fns; i++) {
		if (img->fns[i].sec == SEC_TEXT)
			check_visible_fn(&img->fns[i]);
		check_unlisted_entry(&img->fns[i]);
	}
	if (img->is_kernel)
		listed_check_stale(img);
}
