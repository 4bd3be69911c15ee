/* What the sweep says in the end: of each function how many of its instructions were hit, and why the others weren't. */
#include "arch/x86/insn/insn.h"
#include "kernel/panic.h"
#include "kprobe/kprobe.h"
#include "lib/bug.h"
#include "lib/glob.h"
#include "lib/string.h"
#include "lib/symtab.h"
#include "tests/kernel/sweep.h"

extern const u8 __text_start[];

struct counts {
	u32 exist, probed, hit, refused;
};

/* Why an instruction wasn't hit. The functions named are those of which nothing but that can be said. */
enum { WHY_BRANCH, WHY_END, WHY_IDLE, NR_GENERAL };
static const char *const general[NR_GENERAL] = {
	[WHY_BRANCH] = "a branch that nothing in the workload takes",
	[WHY_END] = "leads to a panic",
	[WHY_IDLE] = "nothing in the workload calls the function",
};
static const char BEFORE[] = "runs before there can be probes, or a trap";
static const char ENDS[] = "the machine ends there";
static const char OWN[] = "the sweep's own, which runs when its probes are off";
static const struct {
	const char *glob, *why;
} functions[] = {
	{ "kernel_start", BEFORE },
	{ "percpu_keep", BEFORE },
	{ "boot_info_*", BEFORE },
	{ "segments_init", BEFORE },
	{ "idt_init", BEFORE },
	{ "extable_init", BEFORE },
	{ "mce_init_cpu", BEFORE },
	{ "serial_init", BEFORE },
	{ "debug_port_init", BEFORE },
	{ "printk_init", BEFORE },
	{ "acpi_init", BEFORE },
	{ "paging_init", BEFORE },
	{ "early_*", BEFORE },
	{ "frames_init", BEFORE },
	{ "buddy_init", BEFORE },
	{ "text_poke_init", BEFORE },
	{ "features_init", BEFORE },
	{ "trampoline_init", BEFORE },
	{ "ring_buffer_*init", BEFORE },
	{ "ftrace_init", BEFORE },
	{ "ftrace_boot_alloc*", BEFORE },
	{ "ftrace_early_start", BEFORE },
	{ "ftrace_*_init", BEFORE },
	{ "kprobe_init", BEFORE },
	{ "later_init", BEFORE },
	{ "slot_init", BEFORE },
	{ "sched_init", BEFORE },
	{ "static_key_init", BEFORE },
	{ "ap_main", BEFORE },
	{ "trace_clock_start", BEFORE },
	{ "panic*", ENDS },
	{ "die*", ENDS },
	{ "machine_*", ENDS },
	{ "*fault_store", ENDS },
	{ "panic_store", ENDS },
	{ "hang_store", ENDS },
	{ "deaf_store", ENDS },
	{ "triple_store", ENDS },
	{ "overflow_store", ENDS },
	{ "sweep_*", OWN },
	{ "add_if_wanted", OWN },
	{ "ktest_boot", OWN },
	{ "bytes_changed", OWN },
	{ "find_instructions", OWN },
	{ "runs_at_boot", OWN },
	{ "report_function*", OWN },
	{ "report_reasons", OWN },
	{ "find_reasons", OWN },
	{ "step_and_back", "sets TF itself, which in a probe's step is no other's" },
};
static u32 unhit[NR_GENERAL + ARRAY_SIZE(functions)];

static const char *why_of(unsigned k) { return k < NR_GENERAL ? general[k] : functions[k - NR_GENERAL].why; }

static u64 addr_of(u32 i) { return (u64)__text_start + places[i].offset; }

static int letter(u8 how) { return how < SWEEP_REFUSED ? "? .x"[how] : 'A' + how - SWEEP_REFUSED; }

static void count(struct counts *c, u8 how)
{
	c->exist++;
	c->probed += how == SWEEP_HIT || how == SWEEP_UNHIT;
	c->hit += how == SWEEP_HIT;
	c->refused += how >= SWEEP_REFUSED;
}

static bool ends_the_machine(u64 target)
{
	return target == (u64)panic || target == (u64)panic_regs || target == (u64)panic_stop_here;
}

/* What the instruction leads to, when what stands behind it leads to @behind. */
static unsigned leads_to(u64 at, unsigned behind)
{
	struct insn insn;

	if (insn_decode(&insn, (const u8 *)at, INSN_MAX_LENGTH) != 0)
		return WHY_BRANCH;
	if (insn.class == INSN_CALL_REL && ends_the_machine(insn_target(&insn, at)))
		return WHY_END;
	return insn.class == INSN_JMP_REL || insn.class == INSN_JCC || insn.class == INSN_RET ? WHY_BRANCH
											      : behind;
}

static unsigned named(const char *function)
{
	for (unsigned k = 0; k < ARRAY_SIZE(functions); k++)
		if (glob_match(functions[k].glob, function))
			return NR_GENERAL + k;
	return WHY_BRANCH;
}

/* Places @from to @to are the function's. The reason most of them have. */
static const char *find_reasons(const char *function, u32 from, u32 to, bool entered)
{
	unsigned all = named(function), ends = 0, branches = 0, why = WHY_BRANCH;

	if (all == WHY_BRANCH && !entered)
		all = WHY_IDLE;
	for (u32 i = to; i-- > from;) {
		why = leads_to(addr_of(i), i + 1 < to && places[i + 1].how == SWEEP_UNHIT ? why : WHY_BRANCH);
		if (places[i].how != SWEEP_UNHIT)
			continue;
		unhit[all == WHY_BRANCH ? why : all]++;
		ends += why == WHY_END;
		branches += why != WHY_END;
	}
	if (all == WHY_BRANCH)
		all = ends > branches ? WHY_END : WHY_BRANCH;
	return why_of(all);
}

static void report_function(struct seq *out, const char *name, u32 from, u32 to, bool map)
{
	struct counts c = { 0 };

	for (u32 i = from; i < to; i++)
		count(&c, places[i].how);
	if (!map && c.probed == c.hit)
		return;
	seq_printf(out, "sweep: %s: %u exist, %u probed, %u hit, %u refused", name, c.exist, c.probed, c.hit,
		   c.refused);
	if (c.probed != c.hit)
		seq_printf(out, ": %s", find_reasons(name, from, to, c.hit > 0));
	if (map)
		seq_puts(out, ": ");
	for (u32 i = from; map && i < to; i++)
		seq_putc(out, (char)letter(places[i].how));
	seq_putc(out, '\n');
}

/* A line for each function that has places without a hit; with @map for all, with a letter for each place. */
static void report_functions(struct seq *out, bool map)
{
	for (u32 i = 0, next; i < nr_places; i = next) {
		struct symbol sym;

		symtab_find(&kernel_symtab, addr_of(i), &sym);
		for (next = i; next < nr_places && addr_of(next) < sym.start + sym.size;)
			next++;
		report_function(out, sym.name, i, next, map);
	}
}

static void report_reasons(struct seq *out)
{
	for (unsigned k = 0; k < ARRAY_SIZE(unhit); k++) {
		u32 n = unhit[k];

		while (k >= NR_GENERAL && k + 1 < ARRAY_SIZE(unhit) && why_of(k + 1) == why_of(k))
			n += unhit[++k];
		if (n)
			seq_printf(out, "sweep: not hit: %u: %s\n", n, why_of(k));
	}
	for (u8 r = 0; r < SWEEP_REASONS_MAX && sweep_refusals[r]; r++) {
		u32 n = 0;

		for (u32 i = 0; i < nr_places; i++)
			n += places[i].how == SWEEP_REFUSED + r;
		if (n)
			seq_printf(out, "sweep: refused %c: %u: %s\n", 'A' + r, n, sweep_refusals[r]);
	}
}

void sweep_report(struct seq *out, const char *technique, bool map)
{
	struct counts all = { 0 };

	memset(unhit, 0, sizeof(unhit));
	for (u32 i = 0; i < nr_places; i++)
		count(&all, places[i].how);
	report_functions(out, map);
	report_reasons(out);
	seq_printf(
		out,
		"sweep: %u wrong, %lu hits, %lu missed, %lu at a wrong ip, %u armed again, %u functions not decoded\n",
		sweep_sums.wrong, sweep_sums.hits, sweep_sums.missed, sweep_sums.wrong_ip, sweep_sums.rearmed,
		sweep_sums.undecoded);
	seq_printf(out, "sweep: total %s: %u exist, %u probed, %u hit, %u refused\n", technique, all.exist,
		   all.probed, all.hit, all.refused);
}
