/*
 * What the folder kprobes/ shows: the probes there are, the places there can be none and how much text that is, and
 * the switch that opens some.
 */
#include "abi/errno.h"
#include "kprobe/event.h"
#include "kprobe/internal.h"
#include "lib/string.h"
#include "lib/symtab.h"

extern const u8 __text_start[], __text_end[], __kprobes_text_start[], __kprobes_text_end[];
extern const u8 __noinstr_text_start[], __noinstr_text_end[], __entry_text_start[], __entry_text_end[];

static void list_one(void *arg, struct kprobe *p)
{
	struct symbol sym = { .name = "?", .start = p->addr };

	symtab_find(&kernel_symtab, p->addr, &sym);
	seq_printf(arg, "%016lx  k  %s+0x%lx    %s%s%s\n", p->addr, sym.name, p->addr - sym.start,
		   p->armed ? "" : "[DISABLED]", p->site->jump == JUMP_IN ? "[OPTIMIZED]" : "",
		   p->site->chosen == KPROBE_FTRACE ? "[FTRACE]" : "");
}

static int list_show(struct seq *out, const struct ctl_file *self)
{
	kprobe_for_each(list_one, out);
	return 0;
}
CTL_FILE(ctl_kprobes_list, .path = "kprobes/list", .show = list_show);

/* The hidden sections follow each other (linker.ld), so their functions are one range. */
static int blacklist_show(struct seq *out, const struct ctl_file *self)
{
	struct symbol sym;

	for (u32 i = 0; symtab_nth(&kernel_symtab, i, &sym); i++)
		if (sym.start >= (u64)__kprobes_text_start && sym.start < (u64)__entry_text_end)
			seq_printf(out, "0x%016lx-0x%016lx\t%s\n", sym.start, sym.start + sym.size, sym.name);
	return 0;
}
CTL_FILE(ctl_kprobes_blacklist, .path = "kprobes/blacklist", .show = blacklist_show);

/* The same sections by size: the counterpart, inside the kernel, of what tools/noinstr-check says at each build. */
static const struct text_section {
	const char *name;
	const u8 *start, *end;
} text_sections[] = {
	{ ".text", __text_start, __text_end },
	{ ".kprobes.text", __kprobes_text_start, __kprobes_text_end },
	{ ".noinstr.text", __noinstr_text_start, __noinstr_text_end },
	{ ".entry.text", __entry_text_start, __entry_text_end },
};

const char *kprobe_section(u64 addr)
{
	for (size_t i = 0; i < ARRAY_SIZE(text_sections); i++)
		if (addr >= (u64)text_sections[i].start && addr < (u64)text_sections[i].end)
			return text_sections[i].name;
	return NULL;
}

static u64 functions_between(const u8 *start, const u8 *end)
{
	struct symbol sym;
	u64 n = 0;

	for (u32 i = 0; symtab_nth(&kernel_symtab, i, &sym); i++)
		n += sym.start >= (u64)start && sym.start < (u64)end;
	return n;
}

static int sections_show(struct seq *out, const struct ctl_file *self)
{
	for (size_t i = 0; i < ARRAY_SIZE(text_sections); i++) {
		const struct text_section *s = &text_sections[i];

		seq_printf(out, "%-14s %5lu functions %7lu bytes%s\n", s->name,
			   functions_between(s->start, s->end), (u64)(s->end - s->start),
			   i ? "  hidden" : "");
	}
	return 0;
}
CTL_FILE(ctl_kprobes_sections, .path = "kprobes/sections", .show = sections_show);

static int unsafe_show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%d\n", kprobe_unsafe);
	return 0;
}

/* Closing it again leaves the probes it let in: they are the user's, and recovery is what this kernel is for. */
static int unsafe_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 v;

	if (!ctl_parse_u64(text, len, &v) || v > 1)
		return -EINVAL;
	kprobe_unsafe = v;
	return 0;
}
CTL_FILE(ctl_kprobes_unsafe, .path = "kprobes/unsafe", .show = unsafe_show, .store = unsafe_store);

void probe_events_profile(struct seq *out, const struct probe_family *f)
{
	struct probe_event *e;
	u64 hits, missed;

	list_for_each_entry(e, f->events, link) {
		hits = f->hits(e, &missed);
		seq_printf(out, "  %-44s %15lu %15lu\n", e->name, hits, missed);
	}
}

static int profile_show(struct seq *out, const struct ctl_file *self)
{
	probe_events_profile(out, &kprobe_family);
	return 0;
}
CTL_FILE(ctl_kprobe_profile, .path = "kprobe_profile", .show = profile_show);
