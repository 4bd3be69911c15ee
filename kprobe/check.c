/* Where a probe may sit: on an instruction boundary of visible text, on an instruction that can run elsewhere. */
#include "abi/errno.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/ftrace.h"
#include "ftrace/static_key.h"
#include "kprobe/internal.h"
#include "lib/string.h"
#include "lib/symtab.h"

extern const u8 __text_start[], __text_end[], __kprobes_text_start[], __kprobes_text_end[];
extern const u8 __noinstr_text_start[], __noinstr_text_end[], __entry_text_start[], __entry_text_end[];

bool kprobe_unsafe;

static bool within(u64 addr, const u8 *start, const u8 *end) { return addr >= (u64)start && addr < (u64)end; }

static int check_section(u64 addr, const char **why)
{
	if (within(addr, __text_start, __text_end))
		return 0;
	if (within(addr, __entry_text_start, __entry_text_end)) {
		*why = "Probe point is in .entry.text, which is never opened to probes";
		return -EINVAL;
	}
	if (within(addr, __noinstr_text_start, __noinstr_text_end)) {
		*why = "Probe point is hidden in .noinstr.text: see kprobes/unsafe";
		return kprobe_unsafe ? 0 : -EINVAL;
	}
	if (within(addr, __kprobes_text_start, __kprobes_text_end)) {
		*why = "Probe point is hidden in .kprobes.text: see kprobes/unsafe";
		return kprobe_unsafe ? 0 : -EINVAL;
	}
	*why = "Probe point is not in kernel text";
	return -EINVAL;
}

static bool is_entry(u64 addr)
{
	const struct ftrace_site *site = ftrace_site_at(addr);

	return site && site->ip == addr;
}

/*
 * An int3 of ours is looked through, and a jump. So is one of an exchange under way, a traced entry's or a static key's: what was
 * there and what will be has five bytes.
 */
int kprobe_decode(u64 addr, size_t max, u8 *bytes, struct insn *insn)
{
	static const u8 site[SITE_SIZE] = NOP5;
	const struct kprobe_site *p = kprobe_find(addr), *jump = jump_over(addr);
	bool armed = p && READ_ONCE(p->armed); /* a bust may come in between */

	if (max > INSN_MAX_LENGTH)
		max = INSN_MAX_LENGTH;
	memcpy(bytes, (const void *)addr, max);
	if (max >= SITE_SIZE && ((bytes[0] == INT3_BYTE && static_site_at(addr)) || is_entry(addr)))
		memcpy(bytes, site, SITE_SIZE);
	for (u64 i = jump ? addr - jump->addr : SITE_SIZE, to = 0; i < SITE_SIZE && to < max; i++)
		bytes[to++] = jump->bytes[i];
	if (armed || (p && READ_ONCE(p->armed)))
		bytes[0] = p->original;
	return insn_decode(insn, bytes, max);
}

static int decode_original(u64 addr, size_t max, struct insn *insn)
{
	u8 bytes[INSN_MAX_LENGTH];

	return kprobe_decode(addr, max, bytes, insn);
}

/* From the function's start, instruction by instruction, never by hope. */
static int check_boundary(u64 addr, struct insn *insn, const char **why)
{
	struct symbol sym;
	u64 at;

	if (!symtab_find(&kernel_symtab, addr, &sym)) {
		*why = "Probe point is in no known function";
		return -EINVAL;
	}
	for (at = sym.start; at <= addr; at += insn->length) {
		if (decode_original(at, sym.start + sym.size - at, insn) != 0) {
			*why = "Function has an instruction the decoder doesn't know before the probe point";
			return -EILSEQ;
		}
		if (at == addr)
			return 0;
	}
	*why = "Probe point is not an instruction boundary";
	return -EILSEQ;
}

int kprobe_check(u64 addr, struct insn *insn, const char **why)
{
	int err = check_section(addr, why);
	struct insn next;

	if (!err)
		err = check_boundary(addr, insn, why);
	if (err)
		return err;
	*why = insn_cannot_displace(insn);
	if (!*why && insn->class == INSN_STI && decode_original(addr + 1, 1, &next) == 0 &&
	    next.class == INSN_HLT)
		*why = "Instruction can't be displaced: sti would lose its hold on interrupts before hlt";
	if (!*why && insn_changes_gs(insn))
		*why = "Instruction can't be displaced: it may change GS, which a trap behind it takes for the kernel's";
	if (!*why && static_site_at(addr))
		*why = "A static key's branch: its bytes change when the key is switched";
	if (!*why && text_is_poked(addr, insn->length))
		*why = "Its function exchanges these bytes itself";
	if (*why)
		return -EINVAL;
	*why = NULL;
	return 0;
}
