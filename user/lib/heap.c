/* Blocks in a list by address: the first that is large enough is cut, and who is freed joins his free neighbours. */
#include "user/lib/heap.h"

#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/string.h"
#include "user/lib/memory.h"

#define CHUNK_PAGES 16ul
#define ALIGN	    16ul

struct block {
	struct list_head link; /* all blocks; neighbours in it that touch are neighbours in memory */
	size_t size;	       /* without this */
	bool free;
} __aligned(ALIGN);

static LIST_HEAD(blocks);

static struct block *behind(struct block *b) { return (struct block *)((char *)(b + 1) + b->size); }

static bool grow(size_t size)
{
	size_t pages = max(CHUNK_PAGES, (size + sizeof(struct block) + PAGE_SIZE - 1) / PAGE_SIZE);
	struct block *b = pages_alloc(pages);

	if (!b)
		return false;
	b->size = pages * PAGE_SIZE - sizeof(*b);
	b->free = true;
	list_add_tail(&b->link, &blocks); /* addresses only grow */
	return true;
}

static struct block *find(size_t size)
{
	struct block *b;

	list_for_each_entry(b, &blocks, link)
		if (b->free && b->size >= size)
			return b;
	return NULL;
}

static void cut(struct block *b, size_t size)
{
	struct block *rest;

	if (b->size < size + sizeof(*b) + ALIGN)
		return;
	rest = (struct block *)((char *)(b + 1) + size);
	rest->size = b->size - size - sizeof(*rest);
	rest->free = true;
	b->size = size;
	list_insert(&rest->link, &b->link, b->link.next);
}

void *heap_alloc(size_t size)
{
	struct block *b;

	if (size > 1ul << 40)
		return NULL;
	size = ALIGN_UP(max(size, 1ul), ALIGN);
	b = find(size);
	if (!b)
		b = grow(size) ? find(size) : NULL;
	if (!b)
		return NULL;
	cut(b, size);
	b->free = false;
	return memset(b + 1, 0, size);
}

static void join(struct block *first, struct list_head *next)
{
	struct block *b = list_entry(next, struct block, link);

	if (next == &blocks || !first->free || !b->free || behind(first) != b)
		return;
	first->size += sizeof(*b) + b->size;
	list_del(&b->link);
}

void heap_free(void *p)
{
	struct block *b = (struct block *)p - 1;

	if (!p)
		return;
	b->free = true;
	join(b, b->link.next);
	if (b->link.prev != &blocks)
		join(list_entry(b->link.prev, struct block, link), &b->link);
}
