/* Each segment becomes a memory object that we fill, let go of, and map there; then a stack with the arguments, and handles. */
#include "user/lib/spawn.h"

#include "abi/errno.h"
#include "lib/compiler.h"
#include "lib/elf.h"
#include "lib/string.h"
#include "user/lib/memory.h"
#include "user/lib/syscall.h"

#define SPACE_START 0x1000ul
#define STACK_TOP   0x7ffffff00000ul
#define STACK_PAGES 16
/* Where we fill a page of it; always the same place, so that it costs one page table. */
#define WINDOW ((u8 *)0x7ff000000000ul)

static_assert(ELF_READ == RIGHT_READ && ELF_WRITE == RIGHT_WRITE && ELF_EXECUTE == RIGHT_EXECUTE,
	      "what a segment asks for is what a mapping has");

static void close(u32 handle) { syscall3(SYS_handle_close, handle, 0, 0); }

static s64 fill(u32 memory, size_t pages, size_t at, const void *from, size_t size)
{
	s64 err = syscall6(SYS_space_map, 0, (u64)WINDOW, pages, memory, 0, RIGHT_READ | RIGHT_WRITE);

	if (err)
		return err;
	memcpy(WINDOW + at, from, size);
	return syscall3(SYS_space_unmap, 0, (u64)WINDOW, pages);
}

static s64 map(u32 process, u64 va, size_t pages, u32 memory, u32 rights)
{
	s64 err = rights & RIGHT_EXECUTE ? syscall3(SYS_memory_seal, memory, 0, 0) : 0;

	return err ? err : syscall6(SYS_space_map, process, va, pages, memory, 0, rights);
}

static s64 load(u32 process, const struct elf_segment *s)
{
	s64 memory = syscall3(SYS_memory_create, s->pages, 0, 0), err;

	if (memory < 0)
		return memory;
	err = fill((u32)memory, s->pages, s->at, s->data, s->size);
	if (!err)
		err = map(process, s->va, s->pages, (u32)memory, s->rights);
	close((u32)memory);
	return err;
}

/* Its number there is kept in *@number; 0 stays 0. */
static s64 give(u32 process, u32 handle, u32 rights, u32 *number)
{
	s64 h = handle ? syscall6(SYS_process_give, process, handle, rights, 0, 0, 0) : 0;

	*number = (u32)h;
	return h < 0 ? h : 0;
}

static s64 give_all(u32 process, const struct spawn *s, struct program_start *start)
{
	s64 err = give(process, process, RIGHTS_ALL, &start->self);

	if (!err)
		err = give(process, s->names, RIGHT_SEND | RIGHT_DUPLICATE, &start->names);
	if (!err)
		err = give(process, s->out, RIGHT_SEND | RIGHT_DUPLICATE, &start->out);
	for (int i = 0; i < START_GIVEN && !err; i++)
		err = give(process, s->given[i], s->rights[i], &start->given[i]);
	return err;
}

/* The last page of its stack: the structure, the pointers behind it, and the words they point to. */
static s64 arguments(const struct spawn *s, u8 *page, u64 *at)
{
	struct program_start *start = (struct program_start *)page;
	size_t used = sizeof(*start) + ((size_t)s->argc + 1) * sizeof(char *);

	for (int i = 0; i < s->argc; i++) {
		size_t len = strlen(s->argv[i]) + 1;

		if (used + len > PAGE_SIZE)
			return -E2BIG;
		memcpy(page + used, s->argv[i], len);
		start->argv[i] = (char *)(STACK_TOP - PAGE_SIZE + used);
		used += len;
	}
	start->argc = (u32)s->argc;
	start->archive_bytes = s->archive_bytes;
	start->script_bytes = s->script_bytes;
	*at = STACK_TOP - PAGE_SIZE;
	return 0;
}

static s64 stack(u32 process, const struct spawn *s, u64 *at)
{
	static u8 page[PAGE_SIZE];
	s64 memory, err;

	memset(page, 0, sizeof(page));
	if (sizeof(struct program_start) + ((size_t)s->argc + 1) * sizeof(char *) > PAGE_SIZE)
		return -E2BIG;
	err = give_all(process, s, (struct program_start *)page);
	if (!err)
		err = arguments(s, page, at);
	if (err)
		return err;
	memory = syscall3(SYS_memory_create, STACK_PAGES, 0, 0);
	if (memory < 0)
		return memory;
	err = fill((u32)memory, STACK_PAGES, (STACK_PAGES - 1) * PAGE_SIZE, page, PAGE_SIZE);
	if (!err)
		err = map(process, STACK_TOP - STACK_PAGES * PAGE_SIZE, STACK_PAGES, (u32)memory,
			  RIGHT_READ | RIGHT_WRITE);
	close((u32)memory);
	return err;
}

static s64 start(u32 process, const struct spawn *s, const struct elf_program *prog)
{
	u64 at = 0;
	s64 err = stack(process, s, &at);

	for (unsigned i = 0; !err && i < prog->nr_segments; i++)
		err = load(process, &prog->segments[i]);
	if (!err && s->faults)
		err = syscall3(SYS_process_faults, process, s->faults, 0);
	if (!err && s->watch)
		err = syscall3(SYS_process_watch, process, s->watch, s->watch_bits);
	if (!err && s->before)
		err = s->before(process);
	return err ? err
		   : syscall6(SYS_process_start, process, prog->entry, at, at, 0,
			      s->priority | s->ceiling << 8);
}

s64 spawn(const struct spawn *s, const char **why)
{
	struct elf_program prog;
	s64 process, err;

	*why = elf_parse(s->file, s->bytes, SPACE_START, STACK_TOP - STACK_PAGES * PAGE_SIZE, &prog);
	if (*why)
		return -EINVAL;
	process = syscall3(SYS_process_create, (u64)s->name, strlen(s->name), 0);
	if (process < 0)
		return process;
	err = start((u32)process, s, &prog);
	if (!err)
		return process;
	syscall3(SYS_process_kill, (u64)process, 0,
		 0); /* it would be there as long as we, who have made it */
	close((u32)process);
	return err;
}
