/* The table of function entries, and changing them between nop and call. */
#include "ftrace/ftrace.h"

#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/text_poke.h"
#include "lib/bug.h"
#include "lib/compiler.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "mm/frames.h"

extern const u64 __start_mcount_loc[], __stop_mcount_loc[];
extern const u8 __text_start[], __text_end[], ftrace_caller[];

static const u8 nop5[SITE_SIZE] = NOP5;
static struct ftrace_site *sites;
static size_t nr_sites;
static struct text_exchange *exchanges; /* room for all sites at once */

size_t ftrace_nr_sites(void) { return nr_sites; }
struct ftrace_site *ftrace_site(size_t i) { return &sites[i]; }

/* Insertion sort: the linker leaves the list nearly in order already, file by file. */
static void insert_sorted(u64 ip)
{
	size_t i = nr_sites++;

	for (; i > 0 && sites[i - 1].ip > ip; i--)
		sites[i] = sites[i - 1];
	sites[i] = (struct ftrace_site){ .ip = ip };
}

void ftrace_init(void)
{
	size_t count = (size_t)(__stop_mcount_loc - __start_mcount_loc);
	u64 pa = frames_alloc(ALIGN_UP(count * sizeof(*sites), PAGE_SIZE) / PAGE_SIZE);
	u64 room = frames_alloc(ALIGN_UP(count * sizeof(*exchanges), PAGE_SIZE) / PAGE_SIZE);

	if (!pa || !room)
		panic("boot: no memory for %lu function sites", count);
	sites = phys_to_virt(pa);
	exchanges = phys_to_virt(room);
	for (size_t i = 0; i < count; i++) {
		u64 ip = __start_mcount_loc[i];

		if (ip < (u64)__text_start || ip >= (u64)__text_end)
			panic("boot: a tracing site in hidden text, %pS", (void *)ip);
		if (memcmp((void *)ip, nop5, SITE_SIZE) != 0)
			panic("boot: the tracing site at %pS is no 5-byte nop", (void *)ip);
		insert_sorted(ip);
	}
}

struct ftrace_site *ftrace_site_at(u64 ip)
{
	size_t lo = 0, hi = nr_sites;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (sites[mid].ip + SITE_SIZE <= ip)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < nr_sites && sites[lo].ip <= ip ? &sites[lo] : NULL;
}

static void plan(struct text_exchange *x, struct ftrace_site *site, bool call)
{
	u32 offset = (u32)((u64)ftrace_caller - (site->ip + SITE_SIZE));

	x->addr = site->ip;
	memcpy(x->bytes, nop5, SITE_SIZE);
	if (call) {
		x->bytes[0] = CALL32_BYTE;
		memcpy(x->bytes + 1, &offset, sizeof(offset));
	}
	site->traced = call;
}

size_t ftrace_update(bool tracing)
{
	bool all = !ftrace_filter_active();
	size_t left = 0, n = 0;

	for (size_t i = 0; i < nr_sites; i++) {
		bool want = tracing && (all || sites[i].filtered);

		if (sites[i].traced == want)
			continue;
		if (*(volatile u8 *)sites[i].ip == INT3_BYTE)
			left++;
		else
			plan(&exchanges[n++], &sites[i], want);
	}
	text_poke_bp_batch(exchanges, n);
	return left;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	struct symbol sym;

	for (size_t i = 0; i < nr_sites; i++)
		if (symtab_find(&kernel_symtab, sites[i].ip, &sym))
			seq_printf(out, "%s\n", sym.name);
	return 0;
}
CTL_FILE(ctl_available_filter_functions, .path = "available_filter_functions", .show = show);
