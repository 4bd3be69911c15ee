/* What "debug" adds to small objects: junk, red zones, and a report instead of a corrupted list. */
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/paging.h"
#include "lib/compiler.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/internal.h"

/* Unlike each other, unlike pointers, and unlike numbers anyone would store. */
#define JUNK_FRESH 0x6a
#define JUNK_FREED 0x6b
#define JUNK_ZONE  0x6c

static bool all_are(const u8 *at, const u8 *end, u8 junk)
{
	for (; at < end; at++)
		if (*at != junk)
			return false;
	return true;
}

static u8 *zone_end(const struct object_page *p, void *object) { return (u8 *)object + p->size + RED_ZONE; }

void object_check_new(struct object_page *p, void *object)
{
	struct object_head *h = head_of(object);

	h->state = OBJECT_FREE;
	h->caller = 0;
	h->asked = p->size;
	memset(h->red_zone, JUNK_ZONE, sizeof(h->red_zone));
	memset(object, JUNK_FREED, p->size);
	memset((u8 *)object + p->size, JUNK_ZONE, RED_ZONE);
}

/* One line: what is wrong, with what, who noticed, and who had it last. */
static void report(const char *what, void *object, const struct object_head *h, u64 caller)
{
	printk("kmalloc: %s: object 0x%lx of %u bytes, noticed for %pS; last allocated or freed by %pS\n",
	       what, (u64)object, h->asked, (void *)caller, (void *)h->caller);
}

bool object_check_alloc(struct object_page *p, void *object, size_t asked, u64 caller)
{
	struct object_head *h = head_of(object);

	if (!all_are(object, (u8 *)object + p->size, JUNK_FREED)) {
		report("written after it was freed", object, h, caller);
		h->state = OBJECT_LEFT_ALONE;
		return false;
	}
	h->asked = (u16)asked;
	h->caller = caller;
	memset(object, JUNK_FRESH, asked);
	memset((u8 *)object + asked, JUNK_ZONE, (size_t)(zone_end(p, object) - (u8 *)object) - asked);
	/* Last: from here on it can be freed. */
	__atomic_store_n(&h->state, OBJECT_LIVE, __ATOMIC_RELEASE);
	return true;
}

/* NULL, or what keeps @object from being the start of an object in a page of objects. Reads nothing unmapped. */
static const char *not_an_object(void *object, const struct object_page *p)
{
	u64 offset = (u64)object % PAGE_SIZE;
	struct object_page copy;

	if (kernel_read_nofault(&copy, p, sizeof(copy)) != 0)
		return "not from kmalloc";
	if (copy.magic == OBJECT_PAGE_GONE(p))
		return "freed already, and its page with it";
	if (copy.magic != OBJECT_PAGE_MAGIC(p))
		return "not from kmalloc";
	if (offset < copy.first || (offset - copy.first) % copy.stride || offset + copy.size > PAGE_SIZE)
		return "not the start of an object";
	return NULL;
}

static const char *damage(const struct object_page *p, void *object)
{
	struct object_head *h = head_of(object);

	if (!all_are(h->red_zone, h->red_zone + sizeof(h->red_zone), JUNK_ZONE))
		return "written before its start";
	if (!all_are((u8 *)object + h->asked, zone_end(p, object), JUNK_ZONE))
		return "written beyond its end";
	return NULL;
}

bool object_check_free(void *object, u64 caller)
{
	struct object_page *p = (void *)ALIGN_DOWN((u64)object, PAGE_SIZE);
	struct object_head *h = head_of(object);
	const char *what = not_an_object(object, p);
	u32 live = OBJECT_LIVE;

	if (what) {
		printk("kmalloc: %s: 0x%lx, freed by %pS\n", what, (u64)object, (void *)caller);
		return false;
	}
	if (!p->checked)
		return true;
	/* One CPU's change from live wins, should two free it at once; a head written over has no such state. */
	if (!__atomic_compare_exchange_n(&h->state, &live, OBJECT_LEFT_ALONE, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED)) {
		report(live == OBJECT_FREE ? "freed already" : "written before its start", object, h, caller);
		return false;
	}
	what = damage(p, object);
	if (what) {
		report(what, object, h, caller);
		return false;
	}
	h->caller = caller;
	memset(object, JUNK_FREED, p->size);
	memset((u8 *)object + p->size, JUNK_ZONE, RED_ZONE);
	h->state = OBJECT_FREE;
	return true;
}
