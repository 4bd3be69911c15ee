/* The table of a process's handles: changed under a lock, read with interrupts off alone. */
#include "kernel/handle.h"

#include "abi/errno.h"
#include "abi/rights.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/cpu/regs.h"
#include "lib/compiler.h"
#include "mm/frames.h"

static_assert(HANDLES_A_PAGE * sizeof(struct handle) <= PAGE_SIZE, "a page holds them");

void handles_init(struct handles *t) { t->lock = (struct spinlock)SPINLOCK_INIT(handles); }

static struct handle *at(const struct handles *t, u32 index)
{
	struct handle *page = READ_ONCE(t->pages[index / HANDLES_A_PAGE]);

	return page ? &page[index % HANDLES_A_PAGE] : NULL;
}

static int add_page(struct handles *t, u32 n)
{
	u64 pa = frame_alloc(), flags;
	bool raced;

	if (!pa)
		return -ENOMEM;
	flags = spin_lock_irqsave(&t->lock);
	raced = t->pages[n];
	if (!raced)
		__atomic_store_n(&t->pages[n], phys_to_virt(pa), __ATOMIC_RELEASE);
	spin_unlock_irqrestore(&t->lock, flags);
	if (raced)
		frame_free(pa);
	return 0;
}

/* The first free place; NULL: its page isn't there yet, and *@index says which, or it is HANDLES_MAX. */
static struct handle *find_free(const struct handles *t, u32 *index)
{
	for (*index = 0; *index < HANDLES_MAX; ++*index) {
		struct handle *e = at(t, *index);

		if (!e || !e->object)
			return e;
	}
	return NULL;
}

/*
 * Under the lock. Who reads meanwhile, with a number from before, sees another generation when he sees anything else of this;
 * with the new number nobody comes before the object, which is stored last.
 */
static u32 fill(struct handles *t, struct handle *e, u32 index, const struct handle *h)
{
	u32 generation = (e->generation + 1) % GENERATIONS ?: 1;

	WRITE_ONCE(e->generation, generation | h->generation);
	barrier(); /* x86 keeps stores in order, and loads */
	WRITE_ONCE(e->rights, h->rights);
	WRITE_ONCE(e->badge, h->badge);
	barrier();
	WRITE_ONCE(e->object, h->object);
	t->count++;
	return generation << 10 | index;
}

/* As @like is; its generation: as which it begins, taken or not. */
static s64 open(struct handles *t, const struct handle *like)
{
	struct object *o = like->object;

	for (;;) {
		u64 flags = spin_lock_irqsave(&t->lock);
		u32 index;
		struct handle *e = find_free(t, &index);
		s64 h = e ? -EBADF : 0;
		int err;

		if (e && object_try_get(o)) {
			if (o->opened)
				o->opened(o, like->rights);
			h = fill(t, e, index, like);
		}
		spin_unlock_irqrestore(&t->lock, flags);
		if (h)
			return h;
		err = index < HANDLES_MAX ? add_page(t, index / HANDLES_A_PAGE) : -EMFILE;
		if (err)
			return err;
	}
}

s64 handle_open(struct handles *t, struct object *o, u32 rights, u64 badge)
{
	return open(t, &(struct handle){ o, badge, rights, 0 });
}

s64 handle_open_taken(struct handles *t, const struct handle *like)
{
	return open(t, &(struct handle){ like->object, like->badge, like->rights, HANDLE_TAKEN });
}

/* What that number stands for; its place, or NULL. */
static __always_inline struct handle *lookup(const struct handles *t, u32 h, struct handle *out)
{
	struct handle *e = at(t, HANDLE_INDEX(h));

	if (unlikely(!e))
		return NULL;
	out->object = READ_ONCE(e->object);
	barrier();
	out->rights = READ_ONCE(e->rights);
	out->badge = READ_ONCE(e->badge);
	barrier();
	out->generation = READ_ONCE(e->generation);
	return likely(out->object && out->generation == HANDLE_GENERATION(h)) ? e : NULL;
}

static void closed(struct object *o, u32 rights)
{
	if (o->closed)
		o->closed(o, rights);
	object_put(o);
}

/* Under the lock. */
static void empty(struct handles *t, struct handle *e)
{
	WRITE_ONCE(e->object, NULL);
	t->count--;
}

int handle_close(struct handles *t, u32 h)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	struct handle was, *e = lookup(t, h, &was);

	if (e)
		empty(t, e);
	spin_unlock_irqrestore(&t->lock, flags);
	if (!e)
		return -EBADF;
	closed(was.object, was.rights);
	return 0;
}

void handles_abandon(struct handles *t)
{
	for (u32 i = 0; i < HANDLES_MAX; i++) {
		struct handle *e = at(t, i);

		if (e && e->object && e->object->abandoned)
			e->object->abandoned(e->object, t);
	}
}

void handles_destroy(struct handles *t)
{
	for (u32 i = 0; i < HANDLES_MAX; i++) {
		struct handle *e = at(t, i);

		if (e && e->object) {
			closed(e->object, e->rights);
			e->object = NULL;
		}
	}
	for (u32 n = 0; n < ARRAY_SIZE(t->pages); n++)
		if (t->pages[n])
			frame_free(virt_to_phys(t->pages[n]));
}

int handle_find_any(const struct handles *t, u32 h, u32 rights, struct handle *out)
{
	if (!lookup(t, h, out))
		return -EBADF;
	return rights & ~out->rights ? -EACCES : 0;
}

static __always_inline int look_for(const struct handles *t, u32 h, enum object_type type, u32 rights,
				    struct handle *out)
{
	if (unlikely(!lookup(t, h, out)))
		return -EBADF;
	if (unlikely(out->object->type != type))
		return -EINVAL;
	return unlikely(rights & ~out->rights) ? -EACCES : 0;
}

int handle_find(const struct handles *t, u32 h, enum object_type type, u32 rights, struct handle *out)
{
	return look_for(t, h, type, rights, out);
}

int handle_take(struct handles *t, u32 h, enum object_type type, u32 rights, struct handle *out)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	int err = look_for(t, h, type, rights, out);

	if (!err)
		WRITE_ONCE(at(t, HANDLE_INDEX(h))->generation, out->generation | HANDLE_TAKEN);
	spin_unlock_irqrestore(&t->lock, flags);
	return err;
}

/* Under the lock. */
static struct handle *taken(struct handles *t, u32 h)
{
	struct handle *e = at(t, HANDLE_INDEX(h));

	return e && e->object && e->generation == (HANDLE_GENERATION(h) | HANDLE_TAKEN) ? e : NULL;
}

void handle_put_back(struct handles *t, u32 h)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	struct handle *e = taken(t, h);

	if (e)
		WRITE_ONCE(e->generation, HANDLE_GENERATION(h));
	spin_unlock_irqrestore(&t->lock, flags);
}

void handle_close_taken(struct handles *t, u32 h)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	struct handle was = { NULL }, *e = taken(t, h);

	if (e) {
		was = *e;
		empty(t, e);
	}
	spin_unlock_irqrestore(&t->lock, flags);
	if (was.object)
		closed(was.object, was.rights);
}

/* The reference that it has may just have been the last: then the handle has been closed meanwhile. */
static int keep(const struct handle *h) { return object_try_get(h->object) ? 0 : -EBADF; }

struct object *handle_object(struct handles *t, u32 h, enum object_type type, u32 rights, int *err)
{
	u64 flags = local_irq_save();
	struct handle found = { NULL };

	*err = look_for(t, h, type, rights, &found) ?: keep(&found);
	local_irq_restore(flags);
	return *err ? NULL : found.object;
}

s64 handle_duplicate(struct handles *t, u32 h, u32 rights, u64 badge)
{
	u64 flags = local_irq_save();
	struct handle found;
	s64 result = -EBADF;

	if (lookup(t, h, &found))
		result = rights & ~RIGHTS_ALL			      ? -EINVAL
			 : (rights | RIGHT_DUPLICATE) & ~found.rights ? -EACCES
								      : keep(&found);
	local_irq_restore(flags);
	if (result)
		return result;
	result = handle_open(t, found.object, rights, found.badge ?: badge);
	object_put(found.object);
	return result;
}
