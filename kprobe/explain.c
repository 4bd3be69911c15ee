/* The command "explain": all that the prober knows of one instruction, and would do with it. */
#include "abi/errno.h"
#include "ftrace/ftrace.h"
#include "ftrace/static_key.h"
#include "kprobe/internal.h"
#include "lib/command.h"
#include "lib/string.h"
#include "lib/symtab.h"

struct place {
	u64 addr;
	struct symbol function;
	unsigned number; /* its instructions before this one */
	u8 bytes[INSN_MAX_LENGTH];
	struct insn insn;
};

static int parse_symbol(const char *word, u64 *addr, struct seq *out)
{
	const char *plus = strchr(word, '+');
	size_t len = plus ? (size_t)(plus - word) : strlen(word);
	char name[64];
	struct symbol sym;
	unsigned matches;
	u64 offset = 0;

	if (plus && !parse_u64(plus + 1, strlen(plus + 1), 0, &offset)) {
		seq_printf(out, "explain: '%s' is no offset\n", plus + 1);
		return -EINVAL;
	}
	if (len < sizeof(name)) {
		memcpy(name, word, len);
		name[len] = 0;
	}
	if (len >= sizeof(name) || !symtab_find_name(&kernel_symtab, name, &sym, &matches)) {
		seq_printf(out, "explain: no function is called '%.*s'\n", (int)len, word);
		return -ENOENT;
	}
	if (matches > 1) {
		seq_printf(out, "explain: %u functions are called '%s': give an address\n", matches, name);
		return -EADDRNOTAVAIL;
	}
	if (offset >= sym.size) {
		seq_printf(out, "explain: '%s' has %lu bytes only\n", name, sym.size);
		return -EINVAL;
	}
	*addr = sym.start + offset;
	return 0;
}

static void print_bytes(struct seq *out, const u8 *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		seq_printf(out, "%s%02x", i ? " " : "", bytes[i]);
}

static void print_text(struct seq *out, const struct insn *insn, u64 ip, const u8 *bytes)
{
	char text[INSN_TEXT_MAX];

	insn_format(text, sizeof(text), insn, ip, bytes);
	seq_puts(out, text);
}

/* From the function's start; like kprobe_check(), but says what it found in the middle. */
static int find_boundary(struct place *p, struct seq *out)
{
	u64 end = p->function.start + p->function.size;

	for (u64 at = p->function.start; at <= p->addr; at += p->insn.length, p->number++) {
		if (kprobe_decode(at, end - at, p->bytes, &p->insn) != 0) {
			seq_printf(out, "explain: the decoder doesn't know the instruction at %s+0x%lx\n",
				   p->function.name, at - p->function.start);
			return -EILSEQ;
		}
		if (at == p->addr)
			return 0;
		if (at + p->insn.length > p->addr) {
			seq_printf(out,
				   "explain: 0x%lx is inside the %u bytes of the instruction at %s+0x%lx: ",
				   p->addr, p->insn.length, p->function.name, at - p->function.start);
			print_text(out, &p->insn, at, p->bytes);
			seq_putc(out, '\n');
			return -EILSEQ;
		}
	}
	return -EILSEQ;
}

static int find_place(const char *word, struct place *p, struct seq *out)
{
	int err = 0;

	if (!isdigit(word[0]))
		err = parse_symbol(word, &p->addr, out);
	else if (!parse_u64(word, strlen(word), 0, &p->addr)) {
		seq_printf(out, "explain: '%s' is no address\n", word);
		return -EINVAL;
	}
	if (err)
		return err;
	if (!kprobe_section(p->addr) || !symtab_find(&kernel_symtab, p->addr, &p->function)) {
		seq_printf(out, "explain: 0x%lx is not in kernel text\n", p->addr);
		return -EINVAL;
	}
	mutex_lock(&kprobe_mutex); /* jumps neither come nor go */
	err = find_boundary(p, out);
	mutex_unlock(&kprobe_mutex);
	return err;
}

/* The address that it names relative to ip, if it has a symbol. */
static void print_reference(struct seq *out, const struct place *p)
{
	const struct insn *i = &p->insn;
	u64 next = p->addr + i->length, target = 0;
	struct symbol sym;

	if (i->rip_relative)
		target = next + (u64)i->disp;
	else if (i->class == INSN_CALL_REL || i->class == INSN_JMP_REL || i->class == INSN_JCC ||
		 i->class == INSN_LOOP)
		target = insn_target(i, p->addr);
	if (target && symtab_find(&kernel_symtab, target, &sym))
		seq_printf(out, " <%s+0x%lx>", sym.name, target - sym.start);
}

static void print_place(struct seq *out, const struct place *p)
{
	const struct ftrace_site *entry = ftrace_site_at(p->addr);

	seq_printf(out, "place      %s+0x%lx/0x%lx, 0x%lx\n", p->function.name, p->addr - p->function.start,
		   p->function.size, p->addr);
	seq_printf(out, "boundary   instruction %u of its function, in %s\n", p->number + 1,
		   kprobe_section(p->addr));
	if (entry)
		seq_printf(out, "site       the tracer's at the function's entry%s\n",
			   entry->patched ? ", in use" : "");
	if (static_site_at(p->addr))
		seq_puts(out, "site       a static key's branch\n");
	seq_puts(out, "bytes      ");
	print_bytes(out, p->bytes, p->insn.length);
	seq_puts(out, "\ntext       ");
	print_text(out, &p->insn, p->addr, p->bytes);
	print_reference(out, p);
	seq_printf(out, "\nclass      %s\n", insn_class_name(p->insn.class));
}

static void print_copy(struct seq *out, const struct place *p, const struct kprobe_site *s)
{
	static const char *const fixes[] = { "none", "ip is moved back", "the return address is moved back",
					     "ip and the return address are moved back" };
	u64 at = (u64)s->slot;
	u8 bytes[INSN_MAX_LENGTH];
	struct insn copy;

	if (!s->slot) {
		seq_puts(out, "copy       none: it is emulated\n");
		return;
	}
	memcpy(bytes, s->slot, p->insn.length);
	seq_printf(out, "copy       ");
	print_bytes(out, bytes, p->insn.length);
	seq_printf(out, ", at 0x%lx", at);
	if (p->insn.rip_relative && insn_decode(&copy, bytes, p->insn.length) == 0)
		seq_printf(out, ": the displacement %d has become %d", p->insn.disp, copy.disp);
	seq_printf(out, "\nfix-up     after a step: %s\n",
		   s->fix == FIX_PUSHED ? "where it goes was pushed by the copy, and is taken from the stack"
					: fixes[s->fix]);
}

static void print_technique(struct seq *out, const struct kprobe_site *s, enum kprobe_technique t, bool post)
{
	const char *why;
	bool applies;
	s64 cost;

	mutex_lock(&kprobe_mutex);
	applies = technique_applies(s, t, post, &why);
	mutex_unlock(&kprobe_mutex);
	seq_printf(out, "%-10s ", kprobe_technique_names[t]);
	if (!applies) {
		seq_printf(out, "refused: %s\n", why);
		return;
	}
	cost = kprobe_cost(t, &why);
	if (cost < 0)
		seq_printf(out, "applies; not measured: %s\n", why);
	else
		seq_printf(out, "applies; a hit adds %ld ticks to a nop\n", cost);
}

/* @scratch: the one of them that is ours. Returns whether one has a post handler. */
static bool print_probes(struct seq *out, const struct kprobe_site *s, const struct kprobe *scratch)
{
	bool post = false, any = false;

	for (const struct kprobe *p = s->probes; p; p = p->next) {
		if (p == scratch)
			continue;
		seq_printf(out, "probe      by %s, %lu hits, %lu missed%s%s\n",
			   kprobe_technique_names[kprobe_technique_of(p)], p->hits, p->nmissed,
			   p->post ? ", with a post handler" : "", p->armed ? "" : " [DISABLED]");
		any = true;
		post |= p->post != NULL;
	}
	if (!any)
		seq_puts(out, "probe      none\n");
	return post;
}

/* A probe that is never armed makes the place known, with its copy; but for one technique or another it may be refused. */
static int register_scratch(struct kprobe *scratch, const char **why)
{
	int err = kprobe_register(scratch, why);
	const char *unused;

	for (int t = KPROBE_AUTO + 1; scratch->site == NULL && t < NR_TECHNIQUES; t++) {
		scratch->technique = (enum kprobe_technique)t;
		kprobe_register(scratch, &unused);
	}
	return err;
}

static bool jumps_later(const struct kprobe_site *s)
{
	u8 displaced;
	bool will;

	mutex_lock(&kprobe_mutex);
	will = s->may_jump && s->chosen != KPROBE_JUMP && s->jump != JUMP_IN &&
	       !jump_refused(s->addr, &displaced);
	mutex_unlock(&kprobe_mutex);
	return will;
}

static void print_techniques(struct seq *out, const struct place *p)
{
	struct kprobe scratch = { .addr = p->addr };
	const char *why;
	bool post;
	int err = register_scratch(&scratch, &why);

	if (!scratch.site) {
		seq_printf(out, "refused    %s\n", why);
		return;
	}
	print_copy(out, p, scratch.site);
	mutex_lock(&kprobe_mutex);
	post = print_probes(out, scratch.site, &scratch);
	mutex_unlock(&kprobe_mutex);
	for (int t = KPROBE_AUTO + 1; t < NR_TECHNIQUES; t++)
		print_technique(out, scratch.site, (enum kprobe_technique)t, post);
	if (err)
		seq_printf(out, "chosen     none: %s\n", why);
	else
		seq_printf(out, "chosen     %s%s\n", kprobe_technique_names[kprobe_technique_of(&scratch)],
			   jumps_later(scratch.site) ? ", then jump" : "");
	kprobe_unregister(&scratch);
	seq_printf(
		out,
		"(ticks: of the TSC, the least of %d hits with an empty handler less the least of %d calls without)\n",
		COST_RUNS, COST_RUNS);
}

static int explain(int argc, char **argv, struct seq *out)
{
	struct place p = { 0 };
	int err;

	if (argc != 2)
		return -EINVAL;
	err = find_place(argv[1], &p, out);
	if (err)
		return err;
	print_place(out, &p);
	print_techniques(out, &p);
	return 0;
}
COMMAND(explain, "SYM[+OFF]|ADDR", "tell what the prober knows of an instruction, and would do with it",
	explain);
