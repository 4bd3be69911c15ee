/* The table of function entries, with their names. */
#include "ftrace/command.h"
#include "ftrace/graph.h"
#include "ftrace/internal.h"
#include "ftrace/tracer.h"

#include "arch/x86/mm/text_poke.h"
#include "lib/bug.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "lib/symtab.h"
#include "mm/frames.h"

extern const u64 __start_mcount_loc[], __stop_mcount_loc[];

struct ftrace_site *ftrace_sites;
u16 *ftrace_first_site;
static size_t nr_sites;

size_t ftrace_nr_sites(void) { return nr_sites; }
struct ftrace_site *ftrace_site(size_t i) { return &ftrace_sites[i]; }

void *ftrace_boot_alloc(size_t bytes)
{
	u64 pa = frames_alloc(ALIGN_UP(bytes, PAGE_SIZE) / PAGE_SIZE);

	if (!pa)
		panic("boot: no memory for %lu function sites", nr_sites);
	return phys_to_virt(pa);
}

/* Insertion sort: the linker leaves the list nearly in order already, file by file. */
static void insert_sorted(u64 ip)
{
	u32 early = function_ops.trampoline != 0; /* the first consumer's */
	size_t i = nr_sites++;

	for (; i > 0 && ftrace_sites[i - 1].ip > ip; i--)
		ftrace_sites[i] = ftrace_sites[i - 1];
	ftrace_sites[i] = (struct ftrace_site){
		.ip = ip, .ops = early, .patched = early, .target = function_ops.trampoline
	};
}

static void check(u64 ip)
{
	u8 code[SITE_SIZE];

	ftrace_site_code(code, ip, function_ops.trampoline);
	if (ip < (u64)__text_start || ip >= (u64)__text_end)
		panic("boot: a tracing site in hidden text, %pS", (void *)ip);
	if (memcmp((void *)ip, code, SITE_SIZE) != 0)
		panic("boot: the tracing site at %pS is no 5-byte nop", (void *)ip);
}

/* Both tables ascend: one walk over the symbols finds all names. Of several for one address the first speaks. */
static void name_sites(void)
{
	struct symbol sym;
	size_t i = 0;

	for (u32 n = 0; i < nr_sites && symtab_nth(&kernel_symtab, n, &sym); n++)
		if (sym.start == ftrace_sites[i].ip)
			ftrace_sites[i++].name = sym.name;
	if (i < nr_sites)
		panic("boot: the tracing site at %pS begins no function", (void *)ftrace_sites[i].ip);
}

static void index_sites(void)
{
	size_t nr = (size_t)(__text_end - __text_start) >> FIRST_SITE_SHIFT, i = 0;

	ftrace_first_site = ftrace_boot_alloc((nr + 1) * sizeof(*ftrace_first_site));
	for (size_t n = 0; n <= nr; n++) {
		while (ftrace_sites[i].ip < (u64)__text_start + (n << FIRST_SITE_SHIFT))
			i++;
		ftrace_first_site[n] = (u16)i;
	}
}

void ftrace_init(void)
{
	size_t count = (size_t)(__stop_mcount_loc - __start_mcount_loc);

	if (count > 0xffff)
		panic("boot: %lu tracing sites are more than the index can count", count);
	ftrace_sites = ftrace_boot_alloc((count + 1) * sizeof(*ftrace_sites));
	for (size_t i = 0; i < count; i++) {
		check(__start_mcount_loc[i]);
		insert_sorted(__start_mcount_loc[i]);
	}
	ftrace_sites[count].ip = ~0ul;
	name_sites();
	index_sites();
	trampoline_init();
	ftrace_ops_init();
	ftrace_commands_init();
	tracers_init();
}

struct ftrace_site *ftrace_site_at(u64 ip)
{
	size_t lo = 0, hi = nr_sites;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (ftrace_sites[mid].ip + SITE_SIZE <= ip)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < nr_sites && ftrace_sites[lo].ip <= ip ? &ftrace_sites[lo] : NULL;
}

static int available_show(struct seq *out, const struct ctl_file *self)
{
	for (size_t i = 0; i < nr_sites; i++)
		seq_printf(out, "%s\n", ftrace_sites[i].name);
	return 0;
}
CTL_FILE(ctl_available_filter_functions, .path = "available_filter_functions", .show = available_show);

/* Linux counts its pages of records, and the allocations that they came in. */
static int total_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%lu pages:%lu groups: 1\n", nr_sites,
		   ALIGN_UP((nr_sites + 1) * sizeof(*ftrace_sites), PAGE_SIZE) / PAGE_SIZE);
	return 0;
}
CTL_FILE(ctl_dyn_ftrace_total_info, .path = "dyn_ftrace_total_info", .show = total_show);
