/* Probes in programs: places, and the int3 in all memory that has them, now and when more is sealed. */
#include "kernel/uprobe/internal.h"

#include "abi/errno.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/mm/text_poke.h"
#include "lib/chaos.h"
#include "lib/string.h"
#include "mm/kmalloc.h"

struct mutex uprobe_mutex;

static struct uprobe_place *places;
static struct uprobe *returning; /* those with a ret_handler */
static u64 last_id;

#define SITE_BUCKETS 256
static struct uprobe_site *sites[SITE_BUCKETS];

void uprobe_init(void) { mutex_init(&uprobe_mutex, "uprobes"); }

static struct uprobe_site **bucket(const struct memory *m, u64 offset)
{
	return &sites[((u32)((u64)m >> 5) + (u32)offset) * 0x9e3779b1u >> 24];
}

struct uprobe_site *uprobe_site_find(const struct memory *m, u64 offset)
{
	struct uprobe_site *s = READ_ONCE(*bucket(m, offset));

	while (s && (s->memory != m || s->offset != offset))
		s = READ_ONCE(s->next);
	return s;
}

bool uprobe_any_returns(void) { return READ_ONCE(returning); }

struct uprobe *uprobe_by_id(u64 id)
{
	struct uprobe *u = READ_ONCE(returning);

	while (u && u->id != id)
		u = READ_ONCE(u->next_return);
	return u;
}

static struct uprobe_site *site_make(struct memory *m, u64 offset)
{
	struct uprobe_site *s = uprobe_site_find(m, offset), **at = bucket(m, offset);

	if (s)
		return s;
	s = kzalloc(sizeof(*s));
	if (!s)
		return NULL;
	s->memory = m;
	s->offset = offset;
	s->next = *at;
	m->probed = true;
	rcu_assign_pointer(*at, s);
	return s;
}

/* Its name in the direct map; all of it is there, since it is sealed. */
static u8 *text_of(struct memory *m, u64 offset)
{
	return (u8 *)phys_to_virt(memory_frame(m, offset / PAGE_SIZE, false)) + offset % PAGE_SIZE;
}

/*
 * An int3 that is met before it is known would be the user's own, so it is known first; one that is known no more is tried again
 * (hit.c), so it goes first.
 */
static void site_write(struct memory *m, struct uprobe_site *s, bool in)
{
	u8 *text = text_of(m, s->offset), int3 = INT3_BYTE;

	if (in) {
		s->original = *text;
		__atomic_store_n(&s->in, true, __ATOMIC_RELEASE);
		chaos_point();
		text_poke(text, &int3, 1);
	} else {
		text_poke(text, &s->original, 1);
		chaos_point();
		__atomic_store_n(&s->in, false, __ATOMIC_RELEASE);
	}
}

/* -ENOMEM */
static int set(struct memory *m, struct uprobe_place *place, bool in)
{
	struct uprobe_site *s = in ? site_make(m, place->offset) : uprobe_site_find(m, place->offset);

	if (!s)
		return in ? -ENOMEM : 0;
	if (in)
		rcu_assign_pointer(s->place, place);
	if (s->in != in)
		site_write(m, s, in);
	return 0;
}

/* All memory there is gets the int3, or its own byte. */
static int update(struct uprobe_place *place, bool in)
{
	int err = 0;

	for (struct memory *m = memory_next_sealed(NULL); m; m = memory_next_sealed(m))
		if (!err && uprobe_image(m) == place->image)
			err = set(m, place, in);
	smp_serialize_others();
	return err;
}

void memory_was_sealed(struct memory *m)
{
	if (!READ_ONCE(places))
		return;
	mutex_lock(&uprobe_mutex);
	for (struct uprobe_place *p = places; p; p = p->next)
		if (p->armed && uprobe_image(m) == p->image && set(m, p, true) != 0)
			for (struct uprobe *u = p->probes; u; u = u->next)
				u->nmissed += u->armed;
	mutex_unlock(&uprobe_mutex);
}

static void site_free(struct rcu_head *rcu) { kfree(container_of(rcu, struct uprobe_site, rcu)); }

/* Under the mutex already, if the last reference was that of a search of ours. */
void memory_forget_probes(struct memory *m)
{
	bool mine = mutex_is_mine(&uprobe_mutex);

	if (!mine)
		mutex_lock(&uprobe_mutex);
	for (unsigned i = 0; i < SITE_BUCKETS; i++) {
		for (struct uprobe_site **at = &sites[i], *s; (s = *at);) {
			if (s->memory != m) {
				at = &s->next;
				continue;
			}
			WRITE_ONCE(*at, s->next);
			call_rcu(&s->rcu, site_free);
		}
	}
	if (!mine)
		mutex_unlock(&uprobe_mutex);
}

void uprobe_refresh(struct memory *m, u64 offset)
{
	struct uprobe_site *s;

	mutex_lock(&uprobe_mutex);
	s = uprobe_site_find(m, offset);
	if (s && !s->in)
		text_poke(text_of(m, offset), &s->original, 1);
	mutex_unlock(&uprobe_mutex);
}

void uprobe_give_up(struct memory *m, u64 offset)
{
	struct uprobe_site *s;

	mutex_lock(&uprobe_mutex);
	s = uprobe_site_find(m, offset);
	if (s && s->in)
		site_write(m, s, false);
	mutex_unlock(&uprobe_mutex);
}

static struct uprobe_place *place_get(const struct uprobe_spot *at)
{
	struct uprobe_place *p = places;

	while (p && (p->image != at->image || p->offset != at->offset))
		p = p->next;
	if (p)
		return p;
	p = kzalloc(sizeof(*p));
	if (!p)
		return NULL;
	p->image = at->image;
	p->offset = at->offset;
	p->what =
		(struct displaced){ .va = at->va, .emulation = emulate_choose(&at->insn), .insn = at->insn };
	memcpy(p->what.bytes, at->bytes, sizeof(at->bytes));
	p->next = places;
	WRITE_ONCE(places, p);
	return p;
}

/* Its last probe has gone: what comes now finds it no more. */
static void place_unlink(struct uprobe_place *p)
{
	struct uprobe_place **at = &places;

	for (unsigned i = 0; i < SITE_BUCKETS; i++)
		for (struct uprobe_site *s = sites[i]; s; s = s->next)
			if (s->place == p)
				WRITE_ONCE(s->place, NULL);
	while (*at != p)
		at = &(*at)->next;
	WRITE_ONCE(*at, p->next);
}

int uprobe_register(struct uprobe *u, const struct uprobe_spot *at)
{
	struct uprobe **last;

	mutex_lock(&uprobe_mutex);
	u->place = place_get(at);
	if (u->place) {
		u->next = NULL;
		u->id = ++last_id;
		for (last = &u->place->probes; *last;)
			last = &(*last)->next;
		rcu_assign_pointer(*last, u);
	}
	if (u->place && u->ret_handler) {
		u->next_return = returning;
		rcu_assign_pointer(returning, u);
	}
	mutex_unlock(&uprobe_mutex);
	return u->place ? 0 : -ENOMEM;
}

static void disarm(struct uprobe *u)
{
	if (!u->armed)
		return;
	WRITE_ONCE(u->armed, false);
	if (--u->place->armed == 0)
		update(u->place, false);
}

void uprobe_unregister(struct uprobe *u)
{
	struct uprobe_place *p = u->place;
	struct uprobe **at;
	bool last;

	mutex_lock(&uprobe_mutex);
	disarm(u);
	for (at = &p->probes; *at != u;)
		at = &(*at)->next;
	WRITE_ONCE(*at, u->next);
	if (u->ret_handler) {
		for (at = &returning; *at != u;)
			at = &(*at)->next_return;
		WRITE_ONCE(*at, u->next_return);
	}
	last = !p->probes;
	if (last)
		place_unlink(p);
	mutex_unlock(&uprobe_mutex);
	synchronize_rcu();
	u->place = NULL;
	if (last)
		kfree(p);
}

int uprobe_arm(struct uprobe *u)
{
	int err = 0;

	mutex_lock(&uprobe_mutex);
	if (!u->armed) {
		WRITE_ONCE(u->armed, true);
		if (u->place->armed++ == 0)
			err = update(u->place, true);
		if (err)
			disarm(u);
	}
	mutex_unlock(&uprobe_mutex);
	return err;
}

void uprobe_disarm(struct uprobe *u)
{
	mutex_lock(&uprobe_mutex);
	disarm(u);
	mutex_unlock(&uprobe_mutex);
	synchronize_rcu();
}
