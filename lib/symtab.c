/* Lookup in the kernel's own symbol table: by address a binary search, by name a walk (only people ask by
 * name). */
#include "lib/symtab.h"
#include "lib/printf.h"
#include "lib/string.h"

/* How many symbols start at or below @offset. */
static u32 count_up_to(const struct symtab *t, u64 offset)
{
	u32 low = 0, high = t->count;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (t->offsets[middle] <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Where a symbol of unknown size ends. Nothing bounds the last one, so it is its first byte only. */
static u64 reach(const struct symtab *t, u32 i)
{
	u32 next = count_up_to(t, t->offsets[i]);

	return next < t->count ? t->offsets[next] - t->offsets[i] : 1;
}

bool symtab_nth(const struct symtab *t, u32 i, struct symbol *out)
{
	if (i >= t->count)
		return false;
	out->name = t->strings + t->names[i];
	out->start = t->base + t->offsets[i];
	out->size = t->sizes[i] ? t->sizes[i] : reach(t, i);
	return true;
}

bool symtab_find(const struct symtab *t, u64 addr, struct symbol *out)
{
	struct symbol found;
	u32 i;

	/* An address below the base wraps around to one far behind the last symbol. */
	i = count_up_to(t, addr - t->base);
	if (!i)
		return false;
	/* Of several names for one address the first speaks. */
	for (i--; i && t->offsets[i - 1] == t->offsets[i]; i--)
		;
	if (!symtab_nth(t, i, &found) || addr - found.start >= found.size)
		return false;
	*out = found;
	return true;
}

bool symtab_find_name(const struct symtab *t, const char *name, struct symbol *out, unsigned *matches)
{
	unsigned count = 0;

	for (u32 i = 0; i < t->count; i++)
		if (!strcmp(t->strings + t->names[i], name) && !count++)
			symtab_nth(t, i, out);
	if (matches)
		*matches = count;
	return count;
}

int sprint_symbol(char *buf, size_t size, u64 addr)
{
	struct symbol s;

	if (!symtab_find(&kernel_symtab, addr, &s))
		return snprintf(buf, size, "0x%lx", addr);
	return snprintf(buf, size, "%s+0x%lx/0x%lx", s.name, addr - s.start, s.size);
}
