/* A hidden function's instructions, by following the flow of control from its entry. */
#include "tools/noinstr-check/zydis.h"

#include <stdlib.h>
#include <string.h>

/* While one function is decoded: which byte begins an instruction, which lies within one; where to go on. */
struct walk {
	struct image *img;
	struct fn *f;
	u8 *bytes; /* 0 unknown, 1 begins an instruction, 2 within one */
	u64 *todo;
	size_t nr_todo;
};

static bool in_fn(const struct fn *f, u64 addr) { return addr >= f->addr && addr < f->addr + f->size; }

static void later(struct walk *w, u64 addr)
{
	GROW(w->todo, w->nr_todo);
	w->todo[w->nr_todo++] = addr;
}

static void add_succ(struct walk *w, struct insn *i, u64 to)
{
	GROW(w->f->succs, w->f->nr_succs);
	w->f->succs[w->f->nr_succs++] = to;
	i->nr_succs++;
	later(w, to);
}

/*
 * "jmp [table + index*8]": the table's words, as long as they lead into this function. So the compiler makes them; a
 * table written by hand may lead anywhere.
 */
static void follow_table(struct walk *w, const struct decoded *d, struct insn *i)
{
	const ZydisDecodedOperand *op = &d->op[0];
	size_t max = ~0ul;
	const u8 *table;

	if (op->type != ZYDIS_OPERAND_TYPE_MEMORY || op->mem.base != ZYDIS_REGISTER_NONE ||
	    op->mem.scale != 8 || !line_number(i->addr) || lines_in_assembly(i->addr))
		return;
	table = image_bytes(w->img, (u64)op->mem.disp.value, &max);
	for (size_t k = 0; table && k + 8 <= max; k += 8) {
		u64 to;

		memcpy(&to, table + k, sizeof(to));
		if (!in_fn(w->f, to))
			break;
		add_succ(w, i, to);
	}
}

static bool goes_on(const struct image *img, const struct insn *i)
{
	const struct fn *callee;

	if (i->flow == FLOW_JCC || i->flow == FLOW_PLAIN || i->flow == FLOW_CALL_IND)
		return true;
	if (i->flow != FLOW_CALL)
		return false;
	callee = image_fn_at(img, i->target);
	return !callee || !callee->noreturn;
}

static bool spoil(struct fn *f, u64 addr, const char *rule, const char *what)
{
	problem(addr, rule, NULL, "%s()+0x%lx: %s", f->name, (unsigned long)(addr - f->addr), what);
	f->spoilt = true;
	return false;
}

/* One instruction; false if the walk can't go on behind it. */
static bool add_insn(struct walk *w, u64 addr)
{
	struct fn *f = w->f;
	struct decoded d;
	struct insn i = { .addr = addr, .pred = -1, .choice = -1 };
	const struct note *notes;
	u64 at = addr - f->addr;

	if (w->bytes[at] == 2)
		return spoil(f, addr, "overlap", "control reaches the middle of an instruction");
	if (!decode(w->img, addr, f->addr + f->size, &d))
		return spoil(f, addr, "undecodable", "no such instruction");
	for (unsigned k = 1; k < d.i.length; k++) {
		if (w->bytes[at + k] == 1)
			return spoil(f, addr, "overlap", "control reaches the middle of an instruction");
		w->bytes[at + k] = 2;
	}
	w->bytes[at] = 1;
	i.len = d.i.length;
	i.flow = flow_of(&d, addr, &i.target);
	i.stack = stack_of(&d, &i.n);
	i.has_note = image_notes_at(w->img, addr, &notes) != 0;
	i.first_succ = f->nr_succs;
	if (i.flow == FLOW_JMP_IND)
		follow_table(w, &d, &i);
	for (size_t k = 0; k < w->img->nr_branches; k++)
		if (w->img->branches[k].insn == addr && in_fn(f, w->img->branches[k].to))
			add_succ(w, &i, w->img->branches[k].to);
	if ((i.flow == FLOW_JCC || i.flow == FLOW_JMP) && in_fn(f, i.target))
		later(w, i.target);
	GROW(f->insns, f->nr_insns);
	f->insns[f->nr_insns++] = i;
	return goes_on(w->img, &i);
}

static void follow(struct walk *w, u64 addr)
{
	while (in_fn(w->f, addr) && w->bytes[addr - w->f->addr] != 1) {
		if (!add_insn(w, addr))
			return;
		addr += w->f->insns[w->f->nr_insns - 1].len;
	}
	if (!in_fn(w->f, addr))
		problem(addr - 1, "falls-through", NULL, "%s() falls through its end", w->f->name);
}

static int insn_order(const void *a, const void *b)
{
	const struct insn *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* The first place in [addr, end) that isn't padding, or @end. */
static u64 skip_padding(const struct image *img, u64 addr, u64 end)
{
	while (addr < end) {
		size_t max = MAX_LENGTH;
		const u8 *bytes = image_bytes(img, addr, &max);
		struct decoded d;

		if (end - addr == 1 && bytes && *bytes == 0)
			return end;
		if (!decode(img, addr, end, &d) || !is_padding(&d, bytes))
			return addr;
		addr += d.i.length;
	}
	return end;
}

/* What control doesn't reach should be padding, or we don't know how it is reached. */
static void check_unreached(struct walk *w)
{
	struct fn *f = w->f;

	for (u64 at = 0, end; at < f->size; at = end) {
		u64 bad;

		for (end = at; end < f->size && !w->bytes[end] == !w->bytes[at];)
			end++;
		if (w->bytes[at])
			continue;
		bad = skip_padding(w->img, f->addr + at, f->addr + end);
		if (bad == f->addr + end)
			continue;
		problem(bad, "unreached", NULL,
			"%s()+0x%lx is reached by no path that can be followed, and is no padding", f->name,
			(unsigned long)(bad - f->addr));
		return;
	}
}

static void check_gap(const struct image *img, const char *before, u64 addr, u64 end)
{
	u64 bad = skip_padding(img, addr, end);

	if (bad < end)
		problem(bad, "unreached", "", "behind %s lies what belongs to no function, and is no padding",
			before);
}

/* Between the functions of a hidden section, too, there is nothing but padding. */
void check_gaps(const struct image *img)
{
	for (int s = SEC_TEXT + 1; s < NR_SECTIONS; s++) {
		u64 at = img->secs[s].addr, end = at + img->secs[s].size;
		const char *before = section_names[s];

		for (size_t i = 0; i < img->nr_fns; i++) {
			const struct fn *f = &img->fns[i];

			if ((int)f->sec != s)
				continue;
			check_gap(img, before, at, f->addr);
			at = f->addr + f->size;
			before = f->name;
		}
		check_gap(img, before, at, end);
	}
}

static void add_entries(struct walk *w)
{
	const char *label;

	for (size_t n = 0; (label = listed_by_address(w->f->name, n)); n++)
		for (size_t i = 0; i < w->img->nr_labels; i++)
			if (strcmp(w->img->labels[i].name, label) == 0) {
				GROW(w->f->entries, w->f->nr_entries);
				w->f->entries[w->f->nr_entries++] = w->img->labels[i].addr;
				later(w, w->img->labels[i].addr);
			}
}

void decode_hidden(struct image *img, struct fn *f)
{
	struct walk w = { .img = img, .f = f, .bytes = xalloc(f->size + MAX_LENGTH) };

	later(&w, f->addr);
	add_entries(&w);
	while (w.nr_todo)
		follow(&w, w.todo[--w.nr_todo]);
	if (f->nr_insns)
		qsort(f->insns, f->nr_insns, sizeof(*f->insns), insn_order);
	if (!f->spoilt)
		check_unreached(&w);
	free(w.todo);
	free(w.bytes);
}

struct insn *insn_at(struct fn *f, u64 addr)
{
	struct insn key = { .addr = addr };

	return f->nr_insns ? bsearch(&key, f->insns, f->nr_insns, sizeof(key), insn_order) : NULL;
}
