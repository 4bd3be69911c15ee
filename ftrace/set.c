/* Sets of sites, a bit each, filled by name or glob. */
#include "abi/errno.h"
#include "ftrace/internal.h"
#include "lib/bitmap.h"
#include "lib/glob.h"
#include "lib/string.h"
#include "mm/kmalloc.h"

static size_t bytes(void) { return BITMAP_WORDS(ftrace_nr_sites()) * sizeof(u64); }

void ftrace_set_put(struct ftrace_set *set, size_t i, bool in)
{
	if (ftrace_set_has(set, i) == in)
		return;
	set->bits[i / 64] ^= 1ul << i % 64;
	set->nr += in ? 1 : -1ul;
}

int ftrace_set_copy(struct ftrace_set *to, const struct ftrace_set *from)
{
	to->nr = 0;
	to->bits = kzalloc(bytes());
	if (!to->bits)
		return -ENOMEM;
	if (from && from->nr) {
		memcpy(to->bits, from->bits, bytes());
		to->nr = from->nr;
	}
	return 0;
}

void ftrace_set_free(struct ftrace_set *set)
{
	kfree(set->bits);
	*set = (struct ftrace_set){};
}

size_t ftrace_set_match(struct ftrace_set *set, const char *pattern, bool in)
{
	/* Most names differ in their first letter, if the pattern has one: a call less for each, and a traced one. */
	bool any = strchr("*?[\\", pattern[0]);
	size_t n = 0, nr = ftrace_nr_sites();

	for (size_t i = 0; i < nr; i++) {
		const char *name = ftrace_sites[i].name;

		if ((!any && name[0] != pattern[0]) || !glob_match(pattern, name))
			continue;
		n++;
		if (set)
			ftrace_set_put(set, i, in);
	}
	return n;
}

void ftrace_set_show(struct seq *out, const struct ftrace_set *set, const char *empty)
{
	if (!set->nr)
		seq_printf(out, "#### %s ####\n", empty);
	for (size_t i = 0; i < ftrace_nr_sites(); i++)
		if (ftrace_set_has(set, i))
			seq_printf(out, "%s\n", ftrace_sites[i].name);
}
