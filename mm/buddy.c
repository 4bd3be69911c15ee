/* A list of free blocks for each order, and a byte for each frame that says what it is. */
#include "mm/buddy.h"

#include "lib/compiler.h"
#include "lib/string.h"

/*
 * Exact for every frame: one that isn't TAKEN can't be freed, wherever in a block it lies. Behind a
 * free block's first frame all are FREE; joining and splitting keep that so.
 */
enum { NOBODYS, TAKEN, FREE, HEAD /* + order: the first frame of a free block */ };

size_t buddy_table_size(size_t frames) { return frames * (sizeof(struct buddy_link) + sizeof(u8)); }

void buddy_init(struct buddy *b, void *table, u32 frames)
{
	b->frames = frames;
	b->free = 0;
	b->links = table;
	b->state = (u8 *)table + frames * sizeof(struct buddy_link);
	memset(b->state, NOBODYS, frames);
	for (unsigned order = 0; order < BUDDY_ORDERS; order++)
		b->first[order] = BUDDY_NONE;
}

static void push(struct buddy *b, u32 i, unsigned order)
{
	u32 next = b->first[order];

	b->state[i] = (u8)(HEAD + order);
	b->links[i] = (struct buddy_link){ .next = next, .prev = BUDDY_NONE };
	if (next != BUDDY_NONE)
		b->links[next].prev = i;
	b->first[order] = i;
}

static void take_out(struct buddy *b, u32 i, unsigned order)
{
	struct buddy_link l = b->links[i];

	b->state[i] = FREE;
	if (l.next != BUDDY_NONE)
		b->links[l.next].prev = l.prev;
	if (l.prev != BUDDY_NONE)
		b->links[l.prev].next = l.next;
	else
		b->first[order] = l.next;
}

/* One aligned block becomes free: as long as its buddy is, too, the two are one. */
static void join(struct buddy *b, u32 i, unsigned order)
{
	for (; order < BUDDY_ORDERS - 1; order++) {
		u32 buddy = i ^ 1u << order;

		if (buddy >= b->frames || b->state[buddy] != HEAD + order)
			break;
		take_out(b, buddy, order);
		i &= ~(1u << order);
	}
	push(b, i, order);
}

/* The largest order that a block at @i can have by its alignment and within @n frames. */
static unsigned fitting_order(u32 i, size_t n)
{
	unsigned order = 0;

	while (order < BUDDY_ORDERS - 1 && !(i & 1u << order) && 2ul << order <= n)
		order++;
	return order;
}

void buddy_add(struct buddy *b, u32 from, size_t n)
{
	memset(b->state + from, FREE, n);
	b->free += n;
	while (n) {
		unsigned order = fitting_order(from, n);

		join(b, from, order);
		from += 1u << order;
		n -= 1ul << order;
	}
}

u32 buddy_alloc(struct buddy *b, size_t n)
{
	unsigned wanted = 0, order;
	u32 i;

	while (wanted < BUDDY_ORDERS && 1ul << wanted < n)
		wanted++;
	for (order = wanted; order < BUDDY_ORDERS && b->first[order] == BUDDY_NONE;)
		order++;
	if (!n || order >= BUDDY_ORDERS)
		return BUDDY_NONE;
	i = b->first[order];
	take_out(b, i, order);
	while (order > wanted) {
		order--;
		push(b, i + (1u << order), order);
	}
	memset(b->state + i, TAKEN, n);
	b->free -= 1ul << wanted;
	buddy_add(b, i + (u32)n, (1ul << wanted) - n);
	return i;
}

bool buddy_free(struct buddy *b, u32 from, size_t n)
{
	if (from > b->frames || n > b->frames - from)
		return false;
	for (size_t i = 0; i < n; i++)
		if (b->state[from + i] != TAKEN)
			return false;
	buddy_add(b, from, n);
	return true;
}
