/* A table that counts events by the value of one field: written from any context, without waiting. */
#include "abi/errno.h"
#include "arch/x86/mm/paging.h"
#include "ftrace/event.h"
#include "lib/string.h"
#include "mm/frames.h"

#define DEFAULT_SIZE 2048
#define MIN_SIZE     128
#define MAX_SIZE     131072

/* Free while @key is 0. */
struct entry {
	u64 key[2]; /* a number, or 15 bytes of text, rest zero; and IN_USE */
	u64 hits;
} __aligned(16);
#define IN_USE (1ul << 63) /* in the second word, which neither number nor text reaches */

struct event_hist {
	const struct event_field *field;
	bool by_key, descending; /* sorted */
	u32 size;		 /* entries, a power of two */
	u64 hits, dropped;
	struct entry entries[];
};

/* The key of @record. */
static void make_key(const struct event_hist *h, const void *record, u64 key[2])
{
	const struct event_field *f = h->field;
	const char *text = (const char *)record + f->offset;
	size_t size = f->size;

	key[0] = key[1] = 0;
	if (f->is_dynamic)
		text = event_field_string(record, text, &size);
	if (f->is_string)
		memcpy(key, text, strnlen(text, min(size, 2 * sizeof(u64) - 1)));
	else
		key[0] = event_field_value(text, f->size, f->is_signed);
	key[1] |= IN_USE;
}

static u32 hash(const u64 key[2])
{
	return (u32)((key[0] ^ key[1] * 0x9e3779b97f4a7c15ull) * 0x9e3779b97f4a7c15ull >> 32);
}

/* The whole key in one instruction, unless somebody else was quicker; so nobody ever sees half of one. */
static void claim(struct entry *e, const u64 key[2])
{
	u64 low = 0, high = 0;

	__asm__ volatile("clc\n\tlock cmpxchg16b %0" /* clc: as in trace/ring.h */
			 : "+m"(e->key), "+a"(low), "+d"(high)
			 : "b"(key[0]), "c"(key[1])
			 : "memory", "cc");
}

static struct entry *find_entry(struct event_hist *h, const u64 key[2])
{
	u32 at = hash(key);

	for (u32 i = 0; i < h->size; i++) {
		struct entry *e = &h->entries[(at + i) & (h->size - 1)];

		if (!READ_ONCE(e->key[1]))
			claim(e, key);
		if (READ_ONCE(e->key[1]) == key[1] && READ_ONCE(e->key[0]) == key[0])
			return e;
	}
	return NULL;
}

void event_hist_add(struct event_hist *h, const void *record)
{
	u64 key[2];
	struct entry *e;

	make_key(h, record, key);
	e = find_entry(h, key);
	__atomic_fetch_add(e ? &e->hits : &h->dropped, 1, __ATOMIC_RELAXED);
	if (e)
		__atomic_fetch_add(&h->hits, 1, __ATOMIC_RELAXED);
}

static u64 pages(const struct event_hist *h)
{
	return ALIGN_UP(sizeof(*h) + h->size * sizeof(struct entry), PAGE_SIZE) / PAGE_SIZE;
}

void event_hist_free(struct event_hist *h)
{
	if (h)
		frames_free(virt_to_phys(h), pages(h));
}

bool event_hist_same(const struct event_hist *a, const struct event_hist *b) { return a->field == b->field; }

static const char *parse_sort(struct event_hist *h, const char *text, size_t len)
{
	const char *dot = memchr(text, '.', len);
	size_t n = dot ? (size_t)(dot - text) : len;

	h->descending = dot && str_is(dot, len - n, ".descending");
	if (dot && !h->descending && !str_is(dot, len - n, ".ascending"))
		return "Invalid sort modifier";
	h->by_key = h->field && str_is(text, n, h->field->name);
	return h->by_key || str_is(text, n, "hitcount") ? NULL : "Invalid sort field";
}

/* One of the parts between colons. */
static const char *parse_part(struct event_hist *h, const struct event *e, const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len), *value = equals ? equals + 1 : text + len;
	size_t name = equals ? (size_t)(equals - text) : len, n = (size_t)(text + len - value);
	u64 size;

	if (str_is(text, name, "keys") || str_is(text, name, "key")) {
		h->field = event_field_find(e->fields(e), value, n);
		if (h->field && h->field->count)
			return "An array can't be a key";
		return h->field ? NULL : "Couldn't find field";
	}
	if (str_is(text, name, "vals") || str_is(text, name, "values"))
		return str_is(value, n, "hitcount") ? NULL : "Only hitcount can be counted";
	if (str_is(text, name, "sort"))
		return parse_sort(h, value, n);
	if (!str_is(text, name, "size"))
		return "Invalid expression";
	if (!parse_u64(value, n, 0, &size) || size < MIN_SIZE || size > MAX_SIZE)
		return "Invalid size: 128 to 131072";
	for (h->size = MIN_SIZE; h->size < size;)
		h->size *= 2;
	return NULL;
}

struct event_hist *event_hist_make(const struct event *e, const char *text, size_t len, const char **why)
{
	struct event_hist h = { .size = DEFAULT_SIZE }, *made;
	const char *end = text + len, *colon;
	u64 pa;

	for (*why = NULL; text < end && !*why; text = colon + 1) {
		colon = memchr(text, ':', (size_t)(end - text)) ?: end;
		*why = parse_part(&h, e, text, (size_t)(colon - text));
	}
	if (!*why && !h.field)
		*why = "No key fields: keys=FIELD";
	pa = *why ? 0 : frames_alloc(pages(&h));
	if (!pa)
		return NULL;
	made = phys_to_virt(pa);
	*made = h;
	return made;
}

void event_hist_describe(struct seq *out, const struct event_hist *h)
{
	seq_printf(out, "hist:keys=%s:vals=hitcount:sort=%s%s:size=%u", h->field->name,
		   h->by_key ? h->field->name : "hitcount", h->descending ? ".descending" : "", h->size);
}

static int compare_keys(const struct event_hist *h, const struct entry *a, const struct entry *b)
{
	u64 turn = (u64)h->field->is_signed << 63, left = a->key[0] ^ turn, right = b->key[0] ^ turn;

	if (h->field->is_string)
		return memcmp(a->key, b->key, sizeof(a->key));
	return (left > right) - (left < right);
}

/* Is @a to be shown after @b? Equal counts: by key. */
static bool comes_after(const struct event_hist *h, const struct entry *a, const struct entry *b)
{
	int by_hits = (a->hits > b->hits) - (a->hits < b->hits);
	int order = (h->by_key ? 0 : by_hits) ?: compare_keys(h, a, b);

	return h->descending ? order < 0 : order > 0;
}

/* The entries as they are now, sorted; how many. */
static u32 take_entries(const struct event_hist *h, struct entry *v)
{
	u32 n = 0;

	for (u32 i = 0; i < h->size; i++) {
		struct entry e = h->entries[i];
		u32 k = n;

		if (!e.key[1])
			continue;
		for (; k && comes_after(h, &v[k - 1], &e); k--)
			v[k] = v[k - 1];
		v[k] = e;
		n++;
	}
	return n;
}

int event_hist_show(struct seq *out, const struct event_hist *h)
{
	u64 pa = frames_alloc(pages(h));
	struct entry *v = phys_to_virt(pa);
	u32 n;

	if (!pa)
		return -ENOMEM;
	n = take_entries(h, v);
	seq_puts(out, "#\n\n");
	for (u32 i = 0; i < n; i++) {
		if (h->field->is_string)
			seq_printf(out, "{ %s: %-50.15s } hitcount: %10lu\n", h->field->name,
				   (char *)v[i].key, v[i].hits);
		else
			seq_printf(out, "{ %s: %10lu } hitcount: %10lu\n", h->field->name, v[i].key[0],
				   v[i].hits);
	}
	seq_printf(out, "\nTotals:\n    Hits: %lu\n    Entries: %u\n    Dropped: %lu\n", h->hits, n,
		   h->dropped);
	frames_free(pa, pages(h));
	return 0;
}
