/*
 * Handles: numbers by which a process names kernel objects. Each belongs to one process, and says with which rights, and
 * behind an endpoint under which badge, it stands for its object.
 */
#pragma once

#include "context/spinlock.h"
#include "kernel/object.h"
#include "lib/types.h"

#define HANDLES_MAX 1024u

/* A number is its place and how often that was taken before: one that is closed names nothing, for long. Never 0. */
#define HANDLE_INDEX(h)	     ((h) & (HANDLES_MAX - 1))
#define HANDLE_GENERATION(h) ((h) >> 10)
#define GENERATIONS	     (1u << 21) /* so that it is positive as an int */

struct handle {
	struct object *object; /* with a reference; NULL: free */
	u64 badge;
	u32 rights;
	u32 generation; /* with HANDLE_TAKEN: its number names nothing, until it is put back */
};
#define HANDLE_TAKEN (1u << 31) /* above all generations, so no number is its */

#define HANDLES_A_PAGE 128u

struct handles {
	struct spinlock lock; /* to change any */
	u32 count;
	struct handle *pages[HANDLES_MAX / HANDLES_A_PAGE]; /* made as needed, and kept */
};

/* Zeroed before. */
void handles_init(struct handles *t);
/* Thread context, nobody else uses it. Closes all. */
void handles_destroy(struct handles *t);

/* As before that: calls that these received and haven't replied to fail. */
void handles_abandon(struct handles *t);

/*
 * Task context, perhaps with a spinlock held; a reference, or interrupts off since the object was found. A new one, with a reference
 * of its own. Its number; -EMFILE, -ENOMEM; -EBADF: the object's last reference has just gone, and what goes isn't stopped.
 */
s64 handle_open(struct handles *t, struct object *o, u32 rights, u64 badge);
/* Thread context, no spinlock held. -EBADF. */
int handle_close(struct handles *t, u32 h);
/*
 * Task context. One that names an object of @type with @rights at least names nothing from here on, for anybody, and keeps its place and its
 * reference: until handle_put_back(), or until it is closed as what it is. Of several who try one has it. As it was, in @out; it fails as
 * handle_find().
 */
int handle_take(struct handles *t, u32 h, enum object_type type, u32 rights, struct handle *out);
/* As handle_open(), one that begins as taken: its process has it when it is put back. */
s64 handle_open_taken(struct handles *t, const struct handle *like);
/* Task context, both; handle_close_taken() when its reference isn't the last, perhaps with a spinlock held. Nothing, when it isn't taken. */
void handle_put_back(struct handles *t, u32 h);
void handle_close_taken(struct handles *t, u32 h);
/*
 * Thread context. One more for the same object, with @rights of those that it has. An endpoint's badge is @badge if there was
 * none. -EBADF; -EACCES: too few, or it mustn't be duplicated; -EINVAL: no such rights; -EMFILE, -ENOMEM.
 */
s64 handle_duplicate(struct handles *t, u32 h, u32 rights, u64 badge);

/*
 * Interrupts off until the caller is done with the object. What the handle with that number stands for, as it was at one moment:
 * an object of @type, with @rights at least. -EBADF: there is none; -EINVAL: it is something else; -EACCES: too few rights.
 */
int handle_find(const struct handles *t, u32 h, enum object_type type, u32 rights, struct handle *out);
/*
 * The same, quickly: NULL, and whoever wants to know why asks that one. Bits of @h above 31 are no handle's, but one of them is a taken one's: not
 * for memory.
 */
static __always_inline struct object *handle_find_quickly(const struct handles *t, u64 h,
							  enum object_type type, u32 rights, u64 *badge)
{
	struct handle *page = t->pages[HANDLE_INDEX(h) / HANDLES_A_PAGE];
	struct handle *e = &page[HANDLE_INDEX(h) % HANDLES_A_PAGE];
	struct object *o;
	u32 has;

	if (unlikely(!page))
		return NULL;
	o = READ_ONCE(e->object);
	barrier();
	has = READ_ONCE(e->rights);
	*badge = READ_ONCE(e->badge);
	barrier();
	if (unlikely(!o || READ_ONCE(e->generation) != HANDLE_GENERATION(h) || o->type != type ||
		     (has & rights) != rights))
		return NULL;
	return o;
}
/* The same, of whatever type. */
int handle_find_any(const struct handles *t, u32 h, u32 rights, struct handle *out);
/* Thread context. As handle_find(), with a reference for the caller: the object. */
struct object *handle_object(struct handles *t, u32 h, enum object_type type, u32 rights, int *err);
