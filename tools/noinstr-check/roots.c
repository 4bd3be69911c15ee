/* Where hidden code is entered: vectors first, int3 and #DB before all, then listed entries, then whatever is left. */
#include "tools/noinstr-check/rules.h"

#include <string.h>

static struct image *img;

static const char *const vector_names[32] = {
	"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", NULL,  "#TS",
	"#NP", "#SS", "#GP", "#PF", NULL,  "#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
};

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

static void check_vectors(void)
{
	for (enum round r = 0; r < NR_ROUNDS; r++)
		for (size_t i = 0; i < img->nr_fns; i++) {
			struct fn *f = &img->fns[i];
			int ways = r == TRAPS ? IN_TRAP : 0;

			if (f->vector < 0 || round_of(f) != r)
				continue;
			if (r == OWN_ENTRIES && f->vector == 8)
				ways |= IN_FAULT;
			check_from(f, ways,
				   r == UNUSED_STUBS ? xprintf("vector %d, in no gate: ", f->vector)
						     : vector_name(f->vector),
				   true);
		}
}

static const char *caller_name(const struct fn *f)
{
	if (f->visible_caller)
		return xprintf("called by visible %s(): ", f->visible_caller->name);
	if (f->taken_by && !f->taken_by->addr)
		return "by its address, from data: ";
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

/* Nobody hidden calls it, so the context is entered; what it may call is what its section allows. */
static int own_ways(const struct fn *f) { return FACT_ENTERED | (f->sec == SEC_KPROBES ? IN_REGION : 0); }

static void check_listed(void)
{
	for (size_t i = 0; i < img->nr_fns; i++) {
		struct fn *f = &img->fns[i];

		if (f->sec == SEC_TEXT)
			continue;
		if (listed_entry(f->name))
			check_from(f, FACT_ENTERED | IN_REGION, xprintf("%s: ", listed_entry(f->name)), true);
		else if (listed_must_hide(f))
			check_from(f, own_ways(f), xprintf("%s: ", listed_must_hide(f)), true);
		else if (lines_in_tests(f->addr))
			check_from(f, own_ways(f), "a test's own: ", true);
		else if (changes_context(f))
			check_from(f, FACT_ENTERED, "it changes whether RCU watches: ", true);
	}
}

static void check_rest(void)
{
	for (size_t i = 0; i < img->nr_fns; i++) {
		struct fn *f = &img->fns[i];

		if (f->sec != SEC_TEXT && !f->path)
			check_from(f, own_ways(f), caller_name(f), false);
	}
}

void check_roots(struct image *image)
{
	img = image;
	check_vectors();
	check_listed();
	check_rest();
}
