/* Programs as files: which bytes of one are text, where they will be in memory, and which memory has them. */
#include "abi/errno.h"
#include "arch/x86/boot/boot_info.h"
#include "arch/x86/mm/user.h"
#include "kernel/program.h"
#include "kernel/uprobe/internal.h"
#include "lib/string.h"

int uprobe_program(const char *name, const u8 **file, size_t *len, const char **why)
{
	struct archive_file f;
	struct elf_program prog;

	if (!program_find(name, &f, why)) {
		*why = "Failed to find the given file";
		return -ENOENT;
	}
	if (elf_parse(f.data, f.size, USER_START, USER_END, &prog)) {
		*why = "The file is no program";
		return -EINVAL;
	}
	*file = f.data;
	*len = f.size;
	return 0;
}

/* The segment that @offset of the file is in, and how far behind its first byte there. */
static bool segment_at(const u8 *file, size_t len, u64 offset, struct elf_segment *out, u64 *behind)
{
	struct elf_program prog;

	if (elf_parse(file, len, USER_START, USER_END, &prog))
		return false;
	for (unsigned i = 0; i < prog.nr_segments; i++) {
		const struct elf_segment *s = &prog.segments[i];
		u64 first = (u64)(s->data - file);

		if (offset < first || offset - first >= s->size)
			continue;
		*out = *s;
		*behind = offset - first;
		return true;
	}
	return false;
}

int uprobe_text_at(const u8 *file, size_t len, u64 offset, struct uprobe_text *out, u64 *va, const char **why)
{
	u64 behind;

	if (!segment_at(file, len, offset, &out->segment, &behind) || !(out->segment.rights & ELF_EXECUTE)) {
		*why = "Offset is outside of the program's text";
		return -EINVAL;
	}
	out->file = file;
	out->len = len;
	*va = out->segment.va + out->segment.at + behind;
	return 0;
}

bool uprobe_address(const u8 *file, size_t len, u64 offset, u64 *va)
{
	struct elf_segment s;
	u64 behind;

	if (!segment_at(file, len, offset, &s, &behind))
		return false;
	*va = s.va + s.at + behind;
	return true;
}

bool uprobe_offset(const u8 *file, size_t len, u64 va, u64 *offset)
{
	struct elf_program prog;

	if (elf_parse(file, len, USER_START, USER_END, &prog))
		return false;
	for (unsigned i = 0; i < prog.nr_segments; i++) {
		const struct elf_segment *s = &prog.segments[i];
		u64 first = s->va + s->at;

		if (va < first || va - first >= s->size)
			continue;
		*offset = (u64)(s->data - file) + (va - first);
		return true;
	}
	return false;
}

static int no(const char **why, const char *sentence, int err)
{
	*why = sentence;
	return -err;
}

/* From @start on, decoding leads to @va: then @insn is what begins there. */
static bool leads_to(const struct elf_segment *s, u64 start, u64 va, struct insn *insn)
{
	u64 first = s->va + s->at, at = start - first;

	for (;;) {
		if (at >= s->size || insn_decode(insn, s->data + at, s->size - at) != 0)
			return false;
		if (first + at >= va)
			return first + at == va;
		at += insn->length;
	}
}

/* Anywhere among the copies. */
static bool in_reach(const struct uprobe_spot *spot)
{
	u8 copy[INSN_MAX_LENGTH];

	return insn_copy(copy, spot->bytes, &spot->insn, spot->va, COPIES_START) == 0 &&
	       insn_copy(copy, spot->bytes, &spot->insn, spot->va, COPIES_END) == 0;
}

int uprobe_check(const struct uprobe_text *t, u64 va, struct uprobe_spot *out, const char **why)
{
	const struct elf_segment *s = &t->segment;
	const char *name, *refused;
	u64 behind, first = s->va + s->at;

	if (!elf_symbol(t->file, t->len, va, &name, &behind) || va - behind < first)
		return no(why, "No function of the program is known there", EINVAL);
	*out = (struct uprobe_spot){ .image = s->data, .offset = va - s->va, .va = va, .entry = behind == 0 };
	if (!leads_to(s, va - behind, va, &out->insn))
		return no(why, "No instruction starts at this address", EILSEQ);
	memcpy(out->bytes, s->data + (va - first), out->insn.length);
	refused = insn_cannot_displace(&out->insn);
	if (refused)
		return no(why, refused, EINVAL);
	if (!in_reach(out))
		return no(why, "Instruction can't be displaced: its operand is too far from any copy",
			  EINVAL);
	return 0;
}

/* Is @m that segment: its bytes, and zeros around them? */
static bool same(struct memory *m, const struct elf_segment *s)
{
	for (size_t i = 0; i < m->pages * PAGE_SIZE; i++) {
		const u8 *page = phys_to_virt(memory_frame(m, i / PAGE_SIZE, false));
		bool inside = i >= s->at && i - s->at < s->size;

		if (page[i % PAGE_SIZE] != (inside ? s->data[i - s->at] : 0))
			return false;
	}
	return true;
}

static const void *image_of(struct memory *m, const struct archive_file *f)
{
	struct elf_program prog;

	if (elf_parse(f->data, f->size, USER_START, USER_END, &prog))
		return NULL;
	for (unsigned i = 0; i < prog.nr_segments; i++) {
		const struct elf_segment *s = &prog.segments[i];

		if (s->rights & ELF_EXECUTE && s->pages == m->pages && same(m, s))
			return s->data;
	}
	return NULL;
}

/* Once for each, and before it has an int3: who has loaded it doesn't matter, and needn't say. */
const void *uprobe_image(struct memory *m)
{
	const struct mem_region *module = &boot_info.module;
	struct archive_file f;
	const char *why;
	size_t at = 0;

	if (m->looked_at || !module->size)
		return m->image;
	while (!m->image && archive_next(phys_to_virt(module->base), module->size, &at, &f, &why) == 1)
		m->image = image_of(m, &f);
	m->looked_at = true;
	return m->image;
}
