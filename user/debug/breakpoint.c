/* Text that can be executed is written by nobody (abi/syscall.h: memory_seal), so the page is exchanged as a whole. */
#include "user/debug/breakpoint.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "user/lib/memory.h"
#include "user/lib/syscall.h"

#define INT3 0xcc

static const struct elf_segment *find(const struct elf_program *p, u64 addr)
{
	for (unsigned i = 0; i < p->nr_segments; i++) {
		const struct elf_segment *s = &p->segments[i];

		if (s->rights & ELF_EXECUTE && addr >= s->va + s->at && addr - s->va - s->at < s->size)
			return s;
	}
	return NULL;
}

/* The page at @va as the segment has it: zeros, but for what the file holds. */
static void copy_page(u8 *to, const struct elf_segment *s, u64 va)
{
	u64 data = s->va + s->at;

	memset(to, 0, PAGE_SIZE);
	for (u64 i = 0; i < PAGE_SIZE; i++)
		if (va + i >= data && va + i - data < s->size)
			to[i] = s->data[va + i - data];
}

static s64 make_page(u32 *memory, const struct elf_segment *s, u64 va, u64 int3)
{
	u8 *at = pages_share(1, memory);
	s64 err;

	if (!at)
		return -ENOMEM;
	copy_page(at, s, va);
	if (int3)
		at[int3 - va] = INT3;
	memory_unmap(at, 1); /* who may write keeps it from being sealed */
	err = syscall3(SYS_memory_seal, *memory, 0, 0);
	return err;
}

s64 breakpoint_make(struct breakpoint *b, const struct elf_program *p, u64 addr)
{
	const struct elf_segment *s = find(p, addr);
	s64 err;

	if (!s)
		return -EFAULT;
	b->addr = addr;
	b->page = addr & ~(PAGE_SIZE - 1);
	err = make_page(&b->memory[false], s, b->page, 0);
	return err ? err : make_page(&b->memory[true], s, b->page, addr);
}

s64 breakpoint_set(const struct breakpoint *b, u32 process, bool there)
{
	s64 err = syscall3(SYS_space_unmap, process, b->page, 1);

	return err ? err
		   : syscall6(SYS_space_map, process, b->page, 1, b->memory[there], 0,
			      RIGHT_READ | RIGHT_EXECUTE);
}
