/*
 * May five bytes of jump lie at a place? All that must be proved of its function, and of who else might come into the middle of
 * them (docs/TRICKS.md, "Five bytes at once").
 */
#include "arch/x86/mm/extable.h"
#include "ftrace/ftrace.h"
#include "ftrace/static_key.h"
#include "kprobe/internal.h"
#include "lib/bitmap.h"
#include "lib/bug.h"
#include "lib/symtab.h"
#include "mm/frames.h"

extern const u8 __text_start[], __text_end[], __entry_text_end[];
extern const struct ex_entry __start_ex_table[], __stop_ex_table[];
extern const struct static_site __start_static_sites[], __stop_static_sites[];
extern const u64 __start_smap_sites[], __stop_smap_sites[];

/*
 * A bit for each byte of visible text: code somewhere branches to it. All bytes of a function are marked from which an indirect
 * jump leads who knows where, or that can't be decoded. Filled when it is first asked.
 */
static u64 *targets;
static bool looked;

static size_t text_size(void) { return (size_t)(__text_end - __text_start); }

void jump_check_init(void)
{
	u64 pa = frames_alloc(ALIGN_UP(text_size() / 8 + 8, PAGE_SIZE) / PAGE_SIZE);

	if (!pa)
		panic("boot: no memory for a map of the text");
	targets = phys_to_virt(pa);
}

static void mark(u64 addr, size_t n)
{
	if (addr - (u64)__text_start < text_size())
		bitmap_set(targets, addr - (u64)__text_start, n);
}
/* How many of them are. */
static size_t marked(u64 addr, size_t n)
{
	size_t sum = 0;

	while (n--)
		sum += bitmap_test(targets, addr + n - (u64)__text_start);
	return sum;
}

static bool branches(const struct insn *i)
{
	return i->class == INSN_JMP_REL || i->class == INSN_JCC || i->class == INSN_LOOP ||
	       i->class == INSN_CALL_REL;
}

/* As it is now, but for a probe's int3: calls of tracers lead out of text, and a key's branch is in its table. */
static bool decode(u64 at, u64 end, struct insn *insn)
{
	u8 bytes[INSN_MAX_LENGTH];

	if (*(const u8 *)at == INT3_BYTE)
		return kprobe_decode(at, end - at, bytes, insn) == 0;
	return insn_decode(insn, (const u8 *)at, end - at) == 0;
}

/* One function, and the padding behind it, up to where the next begins. */
static void look_at(const struct symbol *f, u64 end)
{
	struct insn insn;

	for (u64 at = f->start; at < end; at += insn.length) {
		bool fails = !decode(at, end, &insn);

		if (!fails && branches(&insn))
			mark(insn_target(&insn, at), 1);
		if (at < f->start + f->size && (fails || insn.class == INSN_JMP_IND))
			mark(f->start, f->size);
		if (fails)
			return;
	}
}

/* Under text_mutex no exchange is under way, and what it could change names its targets in a table. */
void jump_look_at_all(void)
{
	struct symbol f, next;

	mutex_lock(&text_mutex);
	for (u32 i = 0; symtab_nth(&kernel_symtab, i, &f); i++) {
		bool last = !symtab_nth(&kernel_symtab, i + 1, &next);

		if (f.start >= (u64)__text_start && f.start < (u64)__entry_text_end)
			look_at(&f, last ? f.start + f.size : next.start);
	}
	for (const struct static_site *s = __start_static_sites; s < __stop_static_sites; s++)
		mark(s->target, 1);
	looked = true;
	mutex_unlock(&text_mutex);
}

static const char *check_function(u64 addr, const struct symbol *f)
{
	if (addr - (u64)__text_start >= text_size())
		return "No jump: hidden code isn't left for a handler that is called";
	if (f->start == (u64)preempt_schedule)
		return "No jump: a detour itself may end there";
	for (const u64 *s = __start_smap_sites; s < __stop_smap_sites; s++)
		if (*s - f->start < f->size)
			return "No jump: its function opens users' pages, which a detour doesn't close";
	return NULL;
}

/* Whole instructions over five bytes, each of which may run elsewhere with others behind it. */
static const char *check_displaced(u64 addr, const struct symbol *f, u8 *displaced)
{
	u64 end = f->start + f->size, at;
	u8 bytes[INSN_MAX_LENGTH];
	struct insn insn;

	for (at = addr; at < addr + SITE_SIZE; at += insn.length) {
		if (at >= end)
			return "No jump: the function ends within its five bytes";
		if (kprobe_decode(at, end - at, bytes, &insn) != 0)
			return "No jump: an instruction that it would displace can't be decoded";
		if (ftrace_site_at(at))
			return "No jump: the function tracer's site is there";
		if (static_site_at(at))
			return "No jump: a static key's branch is there";
		if (at > addr && kprobe_find(at))
			return "No jump: another probe is within its five bytes";
		if (!insn_can_boost(&insn))
			return "No jump: an instruction that it would displace can't run from a copy with others behind it";
	}
	*displaced = (u8)(at - addr);
	return NULL;
}

static const char *check_comers(u64 addr, const struct symbol *f, u8 displaced)
{
	for (const struct ex_entry *e = __start_ex_table; e < __stop_ex_table; e++) {
		if (e->insn - addr < displaced)
			return "No jump: an instruction that it would displace is expected to fault";
		if (e->fixup - addr - 1 < SITE_SIZE - 1)
			return "No jump: a fault's way out leads into its five bytes";
	}
	if (text_is_poked(addr, displaced))
		return "No jump: its function exchanges an instruction that it would displace itself";
	if (watchpoint_executes(addr + 1, SITE_SIZE - 1))
		return "No jump: a watchpoint waits for an instruction within its five bytes";
	if (!marked(addr + 1, SITE_SIZE - 1))
		return NULL;
	return marked(f->start, f->size) == f->size
		       ? "No jump: its function can't be followed: an indirect jump, or no instruction"
		       : "No jump: a branch leads into its five bytes";
}

const char *jump_refused(u64 addr, u8 *displaced)
{
	struct symbol f;
	const char *why;

	BUG_ON(!symtab_find(&kernel_symtab, addr, &f));
	if (!looked)
		jump_look_at_all();
	why = check_function(addr, &f);
	if (!why)
		why = check_displaced(addr, &f, displaced);
	return why ?: check_comers(addr, &f, *displaced);
}
