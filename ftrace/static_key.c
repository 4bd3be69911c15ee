/* The table of branch sites, and exchanging all of a key's at once. */
#include "ftrace/static_key.h"

#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/ftrace.h"
#include "lib/bug.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "sched/mutex.h"

extern const struct static_site __start_static_sites[], __stop_static_sites[];
extern const u8 __text_start[], __noinstr_text_end[];

static const u8 nop5[SITE_SIZE] = NOP5;

static struct static_site *sites; /* a copy, by address */
static size_t nr_sites;
static struct text_exchange *exchanges; /* room for all of them */
static struct mutex keys_mutex;

static size_t pages_for(size_t bytes) { return ALIGN_UP(bytes, PAGE_SIZE) / PAGE_SIZE; }

/* Insertion sort: a hundred of them, nearly in order. */
static void insert_sorted(const struct static_site *s)
{
	size_t i = nr_sites++;

	for (; i > 0 && sites[i - 1].code > s->code; i--)
		sites[i] = sites[i - 1];
	sites[i] = *s;
}

void static_key_init(void)
{
	size_t count = (size_t)(__stop_static_sites - __start_static_sites);
	u64 table = frames_alloc(pages_for(count * sizeof(*sites)));
	u64 room = frames_alloc(pages_for(count * sizeof(*exchanges)));

	if (!table || !room)
		panic("boot: no memory for %lu static branches", count);
	mutex_init(&keys_mutex, "static keys");
	sites = phys_to_virt(table);
	exchanges = phys_to_virt(room);
	for (const struct static_site *s = __start_static_sites; s < __stop_static_sites; s++) {
		if (s->code < (u64)__text_start || s->code >= (u64)__noinstr_text_end)
			panic("boot: a static branch where no int3 may be, %pS", (void *)s->code);
		if (memcmp((void *)s->code, nop5, SITE_SIZE) != 0)
			panic("boot: the static branch at %pS is no 5-byte nop", (void *)s->code);
		insert_sorted(s);
	}
}

bool static_site_at(u64 addr)
{
	size_t lo = 0, hi = nr_sites;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (sites[mid].code + SITE_SIZE <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < nr_sites && sites[lo].code <= addr;
}

static void plan(struct text_exchange *x, const struct static_site *s, bool on)
{
	u32 offset = (u32)(s->target - (s->code + SITE_SIZE));

	x->addr = s->code;
	memcpy(x->bytes, nop5, SITE_SIZE);
	if (on) {
		x->bytes[0] = JMP32_BYTE;
		memcpy(x->bytes + 1, &offset, sizeof(offset));
	}
}

/*
 * Under keys_mutex. The key's word changes before its sites when it goes on, and after them when it goes off: who came here by a
 * site finds the key on.
 */
static void set(struct static_key *key, bool on)
{
	size_t n = 0;

	WRITE_ONCE(key->switched, key->switched + 1);
	if (on)
		WRITE_ONCE(key->on, true);
	for (size_t i = 0; i < nr_sites; i++)
		if (sites[i].key == key)
			plan(&exchanges[n++], &sites[i], on);
	mutex_lock(&text_mutex);
	text_poke_bp_batch(exchanges, n);
	mutex_unlock(&text_mutex);
	WRITE_ONCE(key->on, on);
	WRITE_ONCE(key->switched, key->switched + 1);
}

/* Is @key one of them, and is any other on? */
static bool follows(const struct static_key_any *a, const struct static_key *key, bool *others)
{
	bool one = false;

	*others = false;
	for (struct static_key *const *k = a->of; *k; k++) {
		one |= *k == key;
		*others |= *k != key && (*k)->on;
	}
	return one;
}

/* Those that follow @key, which is alone in being on. */
static void set_followers(const struct static_key *key, bool on)
{
	FOR_EACH_REGISTERED(static_key_anys, const struct static_key_any, a) {
		bool others;

		if (!follows(*a, key, &others) || others)
			continue;
		if (!on && (*a)->changed)
			(*a)->changed(false);
		set((*a)->key, on);
		if (on && (*a)->changed)
			(*a)->changed(true);
	}
}

/* Who asks the key for all of them must not miss one that is on. */
void static_key_set(struct static_key *key, bool on)
{
	mutex_lock(&keys_mutex);
	if (key->on != on) {
		if (on)
			set_followers(key, true);
		set(key, on);
		if (!on)
			set_followers(key, false);
	}
	mutex_unlock(&keys_mutex);
}
