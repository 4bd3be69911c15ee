/* What must hold of a function whoever calls it: no tracing site in hidden text, nothing visible that must be hidden. */
#include "tools/noinstr-check/rules.h"

#include <string.h>

static struct image *img;

/* "f.cold", "f.constprop.0": is the part before the dot a hidden function? */
const struct fn *clone_of_hidden(const struct image *img, const char *name)
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

static void check_sites(void)
{
	for (size_t i = 0; i < img->nr_sites; i++) {
		const struct fn *f = image_fn_at(img, img->sites[i]);

		if (f && f->sec != SEC_TEXT)
			problem(img->sites[i], "fentry", NULL, "%s(): a tracing site (__mcount_loc) in %s",
				f->name, section_names[f->sec]);
	}
}

/* After a fault, or when a key is on, control goes where the instruction doesn't show. */
static void check_branch(u64 insn, u64 to)
{
	struct fn *f = image_fn_at(img, insn);
	const struct fn *t = image_fn_at(img, to);

	if (f && f->sec != SEC_TEXT && t != f)
		problem(insn, "fixup", NULL, "%s(): __ex_table or .static_sites leads out of it, into %s%s",
			f->name, t ? t->name : "no function", t ? "()" : "");
	else if (f && f->sec != SEC_TEXT && !f->spoilt && !insn_at(f, insn))
		problem(insn, "fixup", NULL,
			"%s(): __ex_table or .static_sites names what is no instruction of it", f->name);
	else if (t && t->sec != SEC_TEXT && t != f)
		problem(insn, "fixup", "", "%s%s: __ex_table or .static_sites leads into hidden %s()",
			f ? f->name : "what is no function", f ? "()" : "", t->name);
}

/* Whoever calls it isn't followed any further. */
static void check_noreturn(const struct fn *f)
{
	for (size_t i = 0; f->noreturn && i < f->nr_insns; i++)
		if (f->insns[i].flow == FLOW_RET)
			problem(f->insns[i].addr, "noreturn", NULL,
				"%s() is declared not to return, and does", f->name);
}

static void check_visible_fn(const struct fn *f)
{
	const char *why = listed_must_hide(f);
	const struct fn *of = clone_of_hidden(img, f->name);
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
			"%s() in .entry.text is entered by its address, which %s%s%s: "
			"add it to entries[] in tools/noinstr-check/tables.c",
			f->name, f->taken_by->addr ? "visible " : "", f->taken_by->name,
			f->taken_by->addr ? "() takes" : " holds");
	if (f->vector >= 0 && f->sec != SEC_ENTRY)
		problem(f->addr, "unlisted", "", "%s(), a vector's stub, lies outside .entry.text", f->name);
}

void check_functions(struct image *image)
{
	img = image;
	check_sites();
	check_context_callers();
	for (size_t i = 0; i < img->nr_branches; i++)
		check_branch(img->branches[i].insn, img->branches[i].to);
	for (size_t i = 0; i < img->nr_fns; i++) {
		if (img->fns[i].sec == SEC_TEXT)
			check_visible_fn(&img->fns[i]);
		check_unlisted_entry(&img->fns[i]);
		check_noreturn(&img->fns[i]);
	}
	if (img->is_kernel)
		listed_check_stale(img);
}
