/* What the allocator of small objects and its checks share: how a page of objects is laid out. */
#pragma once

#include "lib/list.h"
#include "lib/types.h"

/* At the start of each page of objects. */
struct object_page {
	struct list_head link; /* pages of this kind that have a free object */
	void *free;	       /* each free object points to the next */
	u32 magic;
	u16 size, used;
	u16 first, stride; /* where objects begin, and how far apart */
	bool checked;	   /* made while "debug" was on: heads, red zones and junk */
};
static_assert(sizeof(struct object_page) <= 64, "the page's head takes one or two small objects' place");

/* "page" in ASCII, mixed with the page's own address: a copy of a page is none. */
#define OBJECT_PAGE_MAGIC(p) (0x70616765u ^ (u32)((u64)(p) >> 12))
/* Its last object has gone, and the frame with it. */
#define OBJECT_PAGE_GONE(p) (~OBJECT_PAGE_MAGIC(p))

enum { OBJECT_FREE = 0x66726565, OBJECT_LIVE = 0x6c697665, OBJECT_LEFT_ALONE = 0x6c656674 };

/* In front of each object of a checked page; the red zone touches the object. */
struct object_head {
	void *next; /* of the free list: freed objects are all junk */
	u64 caller; /* who allocated it, or freed it: whichever was last */
	u32 state;
	u16 asked; /* bytes asked for; from there to the next head all is red zone */
	u8 red_zone[10];
};
static_assert(sizeof(struct object_head) == 32, "objects stay aligned to 32");

/* The least red zone behind an object. */
#define RED_ZONE 32

static inline struct object_head *head_of(void *object) { return (struct object_head *)object - 1; }

/* Any page of objects that is checked, once when it is new: @object has never been used. */
void object_check_new(struct object_page *p, void *object);
/* It was just taken off the free list. False: it was written after its end; that is reported, and it must not be used. */
bool object_check_alloc(struct object_page *p, void *object, size_t asked, u64 caller);
/* May it be freed? False: that is reported, and it must be left alone. From true on it is OBJECT_FREE. */
bool object_check_free(void *object, u64 caller);
