/* Reads the two headers that running a program needs (System V ABI, chapters 4 and 5), and bounds every number in them. */
#include "lib/elf.h"

#include "lib/compiler.h"
#include "lib/string.h"

#define PAGE	4096ul
#define PT_LOAD 1
#define PF_X	1u
#define PF_W	2u
#define PF_R	4u

struct elf_header {
	u8 magic[4], class, data, version, abi, pad[8];
	u16 type, machine;
	u32 version2;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 size, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct program_header {
	u32 type, flags;
	u64 offset, va, pa, file_size, size, align;
};
static_assert(sizeof(struct elf_header) == 64 && sizeof(struct program_header) == 56, "as the ABI has them");

static const char *check_header(const struct elf_header *h, size_t len)
{
	if (memcmp(h->magic,
		   "\x7f"
		   "ELF",
		   4) != 0)
		return "it isn't an ELF file";
	if (h->class != 2 || h->data != 1 || h->machine != 62)
		return "it isn't for x86-64";
	if (h->type != 2)
		return "it isn't a static program at fixed addresses";
	if (h->phentsize != sizeof(struct program_header))
		return "its program headers have another size";
	if (h->phoff > len || h->phnum > (len - h->phoff) / sizeof(struct program_header))
		return "its program headers lie outside of the file";
	return NULL;
}

static u32 rights_of(u32 flags)
{
	return (flags & PF_R ? ELF_READ : 0) | (flags & PF_W ? ELF_WRITE : 0) |
	       (flags & PF_X ? ELF_EXECUTE : 0);
}

static const char *add(const struct program_header *p, const u8 *file, size_t len, u64 start, u64 end,
		       struct elf_program *out)
{
	const struct elf_segment *last = out->nr_segments ? &out->segments[out->nr_segments - 1] : NULL;
	u64 first = p->va & ~(PAGE - 1);

	if (p->offset > len || p->file_size > len - p->offset)
		return "a segment's bytes lie outside of the file";
	if (p->file_size > p->size)
		return "a segment has more bytes than room";
	if (p->va < start || p->va >= end || p->size > end - p->va)
		return "a segment's address can't be mapped";
	if (!(p->flags & PF_R) || (p->flags & (PF_W | PF_X)) == (PF_W | PF_X))
		return "a segment is unreadable, or both writable and executable";
	if (last && first < last->va + last->pages * PAGE)
		return "two segments share a page, or aren't in order";
	if (out->nr_segments == ELF_SEGMENTS_MAX)
		return "it has too many segments";
	out->segments[out->nr_segments++] = (struct elf_segment){
		.va = first,
		.pages = (p->va - first + p->size + PAGE - 1) / PAGE,
		.at = p->va - first,
		.data = file + p->offset,
		.size = p->file_size,
		.rights = rights_of(p->flags),
	};
	return NULL;
}

static bool is_executable(const struct elf_program *prog, u64 va)
{
	for (unsigned i = 0; i < prog->nr_segments; i++) {
		const struct elf_segment *s = &prog->segments[i];

		if (va >= s->va && va - s->va < s->pages * PAGE)
			return s->rights & ELF_EXECUTE;
	}
	return false;
}

const char *elf_parse(const u8 *file, size_t len, u64 start, u64 end, struct elf_program *out)
{
	struct elf_header h;
	const char *why;

	if (len < sizeof(h))
		return "it is too short for an ELF file";
	memcpy(&h, file, sizeof(h)); /* which may lie anywhere */
	why = check_header(&h, len);
	*out = (struct elf_program){ .entry = h.entry };
	for (unsigned i = 0; !why && i < h.phnum; i++) {
		struct program_header p;

		memcpy(&p, file + h.phoff + i * sizeof(p), sizeof(p));
		if (p.type == PT_LOAD && p.size)
			why = add(&p, file, len, start, end, out);
	}
	if (!why && !is_executable(out, h.entry))
		why = "it begins at an address that isn't executable";
	return why;
}
