/* Each page holds objects of one size behind a header that lists its free ones. */
#include "mm/kmalloc.h"

#include "arch/x86/entry/graph.h"
#include "arch/x86/mm/paging.h"
#include "context/spinlock.h"
#include "lib/bug.h"
#include "lib/compiler.h"
#include "lib/debug.h"
#include "lib/string.h"
#include "mm/alloc_fail.h"
#include "mm/frames.h"
#include "mm/internal.h"

#define MIN_SHIFT 5
#define MAX_SHIFT 11

static_assert(1 << MAX_SHIFT == KMALLOC_MAX, "the largest size is the largest size");
static_assert(sizeof(struct object_head) + KMALLOC_MAX + RED_ZONE <= PAGE_SIZE - 64,
	      "a checked object of the largest size fits, too");

static SPINLOCK(kmalloc_lock);
/* Unchecked and checked pages: "debug" may be switched by a test, and then both kinds exist. */
static struct list_head partial[2][MAX_SHIFT + 1];

static unsigned shift_for(size_t size)
{
	unsigned shift = MIN_SHIFT;

	while ((1ul << shift) < size)
		shift++;
	return shift;
}

static struct list_head *partial_for(const struct object_page *p)
{
	return &partial[p->checked][shift_for(p->size)];
}

static void **link_of(const struct object_page *p, void *object)
{
	return p->checked ? &head_of(object)->next : object;
}

static void put_on_list(struct object_page *p, void *object)
{
	*link_of(p, object) = p->free;
	p->free = object;
}

static struct object_page *new_page(unsigned shift, bool checked)
{
	u64 pa = frame_alloc();
	u16 size = (u16)(1u << shift);
	struct object_page *p = phys_to_virt(pa);

	if (!pa)
		return NULL;
	*p = (struct object_page){ .magic = OBJECT_PAGE_MAGIC(p), .size = size, .checked = checked };
	p->stride = size;
	p->first = ALIGN_UP((u16)sizeof(*p), size);
	if (checked) {
		p->stride = (u16)(sizeof(struct object_head) + size + RED_ZONE);
		p->first = (u16)(ALIGN_UP(sizeof(*p), 32) + sizeof(struct object_head));
	}
	for (u64 at = p->first; at + size + (checked ? RED_ZONE : 0) <= PAGE_SIZE; at += p->stride) {
		void *object = (u8 *)p + at;

		put_on_list(p, object);
		if (checked)
			object_check_new(p, object);
	}
	return p;
}

/* Takes an object off its page's list; the page goes off its own list when that was its last. */
static void *take_object(struct object_page **page, unsigned shift, bool checked)
{
	struct list_head *pages = &partial[checked][shift];
	struct object_page *p;
	void *object;

	if (!pages->next)
		list_init(pages);
	p = list_empty(pages) ? new_page(shift, checked) : list_entry(pages->next, struct object_page, link);
	if (!p)
		return NULL;
	if (list_empty(pages))
		list_add(&p->link, pages);
	object = p->free;
	p->free = *link_of(p, object);
	p->used++;
	if (!p->free)
		list_del(&p->link);
	*page = p;
	return object;
}

static void *allocate(size_t size, u64 caller)
{
	bool checked = debug_enabled();
	struct object_page *p = NULL;
	void *object;
	u64 flags;

	if (size > KMALLOC_MAX || alloc_should_fail())
		return NULL;
	/* What was written after its end stays taken for good, so this ends. */
	do {
		flags = spin_lock_irqsave(&kmalloc_lock);
		object = take_object(&p, shift_for(size), checked);
		spin_unlock_irqrestore(&kmalloc_lock, flags);
	} while (object && checked && !object_check_alloc(p, object, size, caller));
	return object;
}

void *kmalloc(size_t size) { return allocate(size, RETURN_ADDRESS()); }

void *kzalloc(size_t size)
{
	void *object = allocate(size, RETURN_ADDRESS());

	if (object)
		memset(object, 0, size);
	return object;
}

static void give_back(struct object_page *p, void *object)
{
	if (!p->free)
		list_add(&p->link, partial_for(p));
	put_on_list(p, object);
	if (--p->used)
		return;
	list_del(&p->link);
	p->magic = OBJECT_PAGE_GONE(p);
	frame_free((u64)p - DIRECT_MAP);
}

/*
 * What is in a checked page is checked, whether "debug" is still on or not: else it would be found without its junk
 * when it is allocated again.
 */
static bool may_free(const struct object_page *p, void *object, u64 caller)
{
	if (!debug_enabled()) {
		BUG_ON(p->magic != OBJECT_PAGE_MAGIC(p) || ((u64)object - (u64)p - p->first) % p->stride);
		if (!p->checked)
			return true;
	}
	return object_check_free(object, caller);
}

void kfree(void *object)
{
	struct object_page *p = (void *)ALIGN_DOWN((u64)object, PAGE_SIZE);
	u64 flags;

	if (!object || !may_free(p, object, RETURN_ADDRESS()))
		return;
	flags = spin_lock_irqsave(&kmalloc_lock);
	give_back(p, object);
	spin_unlock_irqrestore(&kmalloc_lock, flags);
}
