/* Memory objects and where they are mapped, as users ask for it. */
#include "abi/errno.h"
#include "abi/rights.h"
#include "kernel/memory_object.h"
#include "kernel/syscall_internal.h"
#include "kernel/usercopy.h"
#include "lib/compiler.h"

static_assert(MAP_READ == RIGHT_READ && MAP_WRITE == RIGHT_WRITE && MAP_EXECUTE == RIGHT_EXECUTE,
	      "what is asked of a mapping is what the handle must have");

long sys_memory_create(struct pt_regs *regs)
{
	struct memory *m;
	int err;

	if (!regs->di || regs->di > MEMORY_MAX_PAGES)
		return -EINVAL;
	m = memory_create(regs->di);
	if (!m)
		return -ENOMEM;
	err = memory_charge(m, current_process()->account);
	if (!err)
		return open_new(memory_object(m));
	memory_put(m);
	return err;
}

long sys_memory_seal(struct pt_regs *regs)
{
	int err;
	struct memory_object *o = get_object(regs->di, OBJECT_MEMORY, RIGHT_MANAGE, &err);

	if (!o)
		return err;
	err = memory_seal(o->memory);
	object_put(&o->object);
	return err;
}

static struct space *get_other_space(u64 h, int *err)
{
	struct process *p = get_process(h, RIGHT_MANAGE, err);
	struct space *s;

	if (!p)
		return NULL;
	s = process_space(p);
	*err = s ? 0 : -EPIPE;
	object_put(&p->object);
	return s;
}

/* The process's space for as long as we need it; one's own stays as long as one runs, and isn't counted. */
static __always_inline struct space *get_space(u64 h, int *err)
{
	*err = 0;
	return h ? get_other_space(h, err) : current()->user->space;
}

static __always_inline void put_space(u64 h, struct space *s)
{
	if (h)
		space_put(s);
}

long sys_space_map(struct pt_regs *regs)
{
	int err;
	struct space *s;
	struct memory_object *o;

	if (!regs->r9 || regs->r9 & ~(u64)(MAP_READ | MAP_WRITE | MAP_EXECUTE))
		return -EINVAL;
	s = get_space(regs->di, &err);
	if (!s)
		return err;
	o = get_object(regs->r10, OBJECT_MEMORY, (u32)regs->r9, &err);
	if (o) {
		err = space_map(s, regs->si, regs->dx, o->memory, regs->r8, (u32)regs->r9);
		object_put(&o->object);
	}
	put_space(regs->di, s);
	return err;
}

long sys_space_read(struct pt_regs *regs)
{
	int err;
	struct process *p = get_process(regs->di, RIGHT_READ, &err);
	struct space *s = p ? process_space(p) : NULL;
	u64 from = regs->si, to = regs->dx, left = regs->r10;
	char piece[128];

	if (p && !s)
		err = -EPIPE;
	if (p)
		object_put(&p->object);
	while (s && left && !err) {
		size_t n = min(left, sizeof(piece));

		err = space_read(s, from, piece, n) ?: copy_to_user(to, piece, n);
		from += n;
		to += n;
		left -= n;
	}
	if (s)
		space_put(s);
	return err;
}

long sys_space_unmap(struct pt_regs *regs)
{
	int err;
	struct space *s = get_space(regs->di, &err);

	if (!s)
		return err;
	err = space_unmap(s, regs->si, regs->dx);
	put_space(regs->di, s);
	return err;
}

long sys_space_protect(struct pt_regs *regs)
{
	int err = -EINVAL;
	struct space *s = regs->r10 >> 32 ? NULL : get_space(regs->di, &err);

	if (!s)
		return err;
	err = space_protect(s, regs->si, regs->dx, (u32)regs->r10);
	put_space(regs->di, s);
	return err;
}
