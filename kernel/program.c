/* From a file to a process: each segment becomes a memory object, and the executable ones are sealed before they are mapped. */
#include "kernel/program.h"

#include "abi/errno.h"
#include "abi/rights.h"
#include "arch/x86/boot/boot_info.h"
#include "lib/elf.h"
#include "lib/string.h"

#define STACK_TOP   0x7ffffff00000ul
#define STACK_PAGES 16

bool program_find(const char *name, struct archive_file *out, const char **why)
{
	const struct mem_region *m = &boot_info.module;

	*why = "there is no boot module";
	return m->size && archive_find(phys_to_virt(m->base), m->size, name, out, why);
}

static_assert(ELF_READ == RIGHT_READ && ELF_WRITE == RIGHT_WRITE && ELF_EXECUTE == RIGHT_EXECUTE,
	      "what a segment asks for is what a mapping has");

static int map(struct process *p, u64 va, struct memory *m, u32 rights)
{
	int err = rights & RIGHT_EXECUTE ? memory_seal(m) : 0;

	return err ?: space_map(p->space, va, m->pages, m, 0, rights);
}

static int load(struct process *p, const struct elf_segment *s)
{
	struct memory *m = memory_create(s->pages);
	int err;

	if (!m)
		return -ENOMEM;
	err = memory_write(m, s->at, s->data, s->size) ?: map(p, s->va, m, s->rights);
	memory_put(m);
	return err;
}

/* The stack, with @len bytes of @top at its end. */
static int make_stack(struct process *p, const void *top, size_t len)
{
	struct memory *m = memory_create(STACK_PAGES);
	int err = 0;

	if (!m)
		return -ENOMEM;
	if (len)
		err = memory_write(m, STACK_PAGES * PAGE_SIZE - len, top, len);
	err = err ?: map(p, STACK_TOP - STACK_PAGES * PAGE_SIZE, m, RIGHT_READ | RIGHT_WRITE);
	memory_put(m);
	return err;
}

struct process *program_create(const char *name, const struct archive_file *f, struct elf_program *prog,
			       const char **why)
{
	struct process *p;
	int err = 0;

	*why = elf_parse(f->data, f->size, USER_START, STACK_TOP - STACK_PAGES * PAGE_SIZE, prog);
	if (*why)
		return NULL;
	p = process_create(name, NULL);
	if (!p)
		err = -ENOMEM;
	for (unsigned i = 0; !err && i < prog->nr_segments; i++)
		err = load(p, &prog->segments[i]);
	if (!err && process_give(p, &p->object, RIGHTS_ALL, 0) < 0)
		err = -ENOMEM;
	if (!err)
		return p;
	*why = strerror(err);
	if (p)
		object_put(&p->object);
	return NULL;
}

int program_begin(struct process *p, const struct elf_program *prog, const void *top, size_t len, u8 priority)
{
	size_t room = (len + 15) & ~15ul;
	int err = make_stack(p, top, len);

	return err
		       ?: process_start(p, prog->entry, STACK_TOP - room,
					(u64[2]){ len ? STACK_TOP - len : 0, 0 }, priority, priority);
}

struct process *program_start(const char *name, const struct archive_file *f, u8 priority, const char **why)
{
	struct elf_program prog;
	struct process *p = program_create(name, f, &prog, why);
	int err;

	if (p)
		p->priority_max = priority;
	err = p ? program_begin(p, &prog, NULL, 0, priority) : 0;
	if (!err)
		return p;
	*why = strerror(err);
	object_put(&p->object);
	return NULL;
}
