/*
 * The buddy algorithm over numbered frames: free memory is kept in blocks of 2^order frames, each
 * aligned to its size. A block's buddy is the other half of the next larger block; two free buddies
 * are always joined, so the free blocks depend on nothing but which frames are free.
 *
 * Pure: it knows frame numbers and the table it was given, no addresses, no locks.
 */
#pragma once

#include "lib/types.h"

#define BUDDY_ORDERS	 11
#define BUDDY_MAX_FRAMES (1ul << (BUDDY_ORDERS - 1)) /* the largest block: 4 MiB of frames */
#define BUDDY_NONE	 (~0u)

struct buddy_link {
	u32 next, prev;
};

struct buddy {
	u32 frames;		  /* numbered from 0 */
	size_t free;		  /* how many of them are free */
	struct buddy_link *links; /* of the first frames of free blocks; those of others mean nothing */
	u8 *state;		  /* one byte a frame: buddy.c */
	u32 first[BUDDY_ORDERS];  /* the free blocks of each order, or BUDDY_NONE */
};

/* Bytes of table that @frames frames need. */
size_t buddy_table_size(size_t frames);
/* @table: that many bytes, of any content. All frames are nobody's until they are added. */
void buddy_init(struct buddy *b, void *table, u32 frames);
/* Makes frames free that weren't: at the start, each that can ever be given out. */
void buddy_add(struct buddy *b, u32 from, size_t n);

/* @n adjacent frames, the first aligned to the next power of two; BUDDY_NONE when there are none or @n is over the maximum. */
u32 buddy_alloc(struct buddy *b, size_t n);
/*
 * Any part of what was given out, also of several blocks. False, and nothing done, when a frame of
 * it is free already or never was to be had.
 */
bool buddy_free(struct buddy *b, u32 from, size_t n);
