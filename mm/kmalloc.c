/* Each page holds objects of one size behind a header that lists its free ones. */
#include "mm/kmalloc.h"

#include "arch/x86/mm/paging.h"
#include "lib/bug.h"
#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/string.h"
#include "mm/frames.h"

#define MIN_SHIFT 5
#define MAX_SHIFT 11
#define MAGIC	  0x6b6d616c

struct page {
	struct list_head link; /* pages of this size that have a free object */
	void *free;	       /* each free object points to the next */
	u32 magic;
	u16 size, used;
};
static_assert(sizeof(struct page) <= 64, "the header takes one or two small objects' place");

static struct list_head partial[MAX_SHIFT + 1];

static unsigned shift_for(size_t size)
{
	unsigned shift = MIN_SHIFT;

	while ((1ul << shift) < size)
		shift++;
	return shift;
}

static struct page *new_page(unsigned shift)
{
	u64 pa = frame_alloc(), size = 1ul << shift;
	struct page *p = phys_to_virt(pa);

	if (!pa)
		return NULL;
	*p = (struct page){ .magic = MAGIC, .size = (u16)size };
	for (u64 at = PAGE_SIZE - size; at >= ALIGN_UP(sizeof(*p), size); at -= size) {
		*(void **)((u8 *)p + at) = p->free;
		p->free = (u8 *)p + at;
	}
	list_add(&p->link, &partial[shift]);
	return p;
}

void *kmalloc(size_t size)
{
	unsigned shift = shift_for(size);
	struct page *p;
	void *object;

	if (shift > MAX_SHIFT)
		return NULL;
	if (!partial[shift].next)
		list_init(&partial[shift]);
	p = list_empty(&partial[shift]) ? new_page(shift)
					: list_entry(partial[shift].next, struct page, link);
	if (!p)
		return NULL;
	object = p->free;
	p->free = *(void **)object;
	p->used++;
	if (!p->free)
		list_del(&p->link);
	memset(object, 0, 1ul << shift);
	return object;
}

void kfree(void *object)
{
	struct page *p = (void *)ALIGN_DOWN((u64)object, PAGE_SIZE);

	if (!object)
		return;
	BUG_ON(p->magic != MAGIC || ((u64)object & (p->size - 1u)));
	if (!p->free)
		list_add(&p->link, &partial[shift_for(p->size)]);
	*(void **)object = p->free;
	p->free = object;
	if (--p->used == 0) {
		list_del(&p->link);
		p->magic = 0;
		frames_free((u64)p - DIRECT_MAP, 1);
	}
}
