/*
 * A record is a header and its text, rounded up to headers; unclaimed bytes are zero, so a place that is claimed and
 * not yet described reads as unfinished.
 */
#include "kernel/message_ring.h"

#include "arch/x86/cpu/percpu.h"
#include "context/context.h"
#include "lib/string.h"

#define RING_SIZE 8192

enum { UNDESCRIBED, UNFINISHED, FINISHED };

struct header {
	u16 size;  /* of the record, this included */
	u16 len;   /* of the text */
	u16 depth; /* NMI depth where it was begun */
	u16 state; /* says whether the others hold */
};

static struct ring {
	u32 head, tail; /* bytes ever claimed, and ever printed */
	u8 bytes[RING_SIZE] __aligned(8);
} rings[NR_CPUS];

static_assert(RING_SIZE % sizeof(struct header) == 0, "a header doesn't wrap");

static __always_inline struct header *header_at(struct ring *r, u32 pos)
{
	return (struct header *)&r->bytes[pos % RING_SIZE];
}

/*
 * No probe may sit between the claim and the description: a recursion that began there and was undone by
 * bust_kprobes() would leave a record that nobody can step over.
 */
static __kprobes struct header *claim(struct ring *r, u16 len, u32 *pos)
{
	u32 head = READ_ONCE(r->head),
	    size = (u32)ALIGN_UP(sizeof(struct header) + len, sizeof(struct header));
	struct header *h;

	do { /* acquire: the place has been zeroed */
		if (head + size - __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) > RING_SIZE)
			return NULL;
	} while (!__atomic_compare_exchange_n(&r->head, &head, head + size, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	h = header_at(r, head);
	h->size = (u16)size;
	h->len = len;
	h->depth = (u16)nmi_depth();
	__atomic_store_n(&h->state, UNFINISHED, __ATOMIC_RELEASE);
	*pos = head + (u32)sizeof(*h);
	return h;
}

struct writer {
	struct ring *ring;
	u32 pos, room;
};

static void copy(void *arg, const char *text, size_t len)
{
	struct writer *w = arg;

	for (size_t i = 0; i < len && w->room; i++, w->room--)
		w->ring->bytes[w->pos++ % RING_SIZE] = (u8)text[i];
}

static void count_only(void *arg, const char *text, size_t len) {}

bool ring_write(const char *fmt, va_list ap)
{
	struct writer w = { .ring = &rings[this_cpu(cpu_number)] };
	struct header *h;
	va_list again;
	int len;

	va_copy(again, ap);
	len = vformat(count_only, NULL, fmt, again);
	va_end(again);
	if (len > RING_SIZE - (int)sizeof(*h))
		return false;
	h = claim(w.ring, (u16)len, &w.pos);
	if (!h)
		return false;
	w.room = (u32)len;
	vformat(copy, &w, fmt, ap);
	h->len = (u16)(len - (int)w.room); /* what a %s points to may have changed since it was counted */
	__atomic_store_n(&h->state, FINISHED, __ATOMIC_RELEASE);
	return true;
}

bool ring_empty(u32 cpu) { return READ_ONCE(rings[cpu].head) == READ_ONCE(rings[cpu].tail); }

bool ring_ready(u32 cpu)
{
	u32 tail = READ_ONCE(rings[cpu].tail);

	return !ring_empty(cpu) && READ_ONCE(header_at(&rings[cpu], tail)->state) == FINISHED;
}

/* Of an unfinished text, what is there: the rest is still zero. */
static u32 text_length(struct ring *r, u32 pos, const struct header *h)
{
	u32 n = 0;

	if (h->state == FINISHED)
		return h->len;
	while (n < h->len && r->bytes[(pos + n) % RING_SIZE])
		n++;
	return n;
}

static void print_text(struct ring *r, u32 pos, u32 len, format_emit_fn emit)
{
	u32 start = pos % RING_SIZE, first = min(len, RING_SIZE - start);

	emit(NULL, (const char *)&r->bytes[start], first);
	if (len > first)
		emit(NULL, (const char *)r->bytes, len - first);
}

static void clear(struct ring *r, u32 pos, u32 size)
{
	for (u32 i = 0; i < size; i += sizeof(u64))
		*(u64 *)&r->bytes[(pos + i) % RING_SIZE] = 0;
}

void ring_flush(u32 cpu, format_emit_fn emit, bool all)
{
	struct ring *r = &rings[cpu];
	u32 end = READ_ONCE(r->head), pos = r->tail;

	while (pos != end) {
		struct header *h = header_at(r, pos);
		u16 state = __atomic_load_n(&h->state, __ATOMIC_ACQUIRE), size = h->size;

		if (state == UNDESCRIBED || (state == UNFINISHED && !all))
			return;
		print_text(r, pos + (u32)sizeof(*h), text_length(r, pos + (u32)sizeof(*h), h), emit);
		clear(r, pos, size);
		pos += size;
		/* Release: who claims the place finds it zeroed. */
		__atomic_store_n(&r->tail, pos, __ATOMIC_RELEASE);
	}
}

unsigned ring_abandon(unsigned depth)
{
	struct ring *r = &rings[this_cpu(cpu_number)];
	unsigned n = 0;

	for (u32 pos = r->tail; pos != r->head && header_at(r, pos)->state != UNDESCRIBED;
	     pos += header_at(r, pos)->size) {
		struct header *h = header_at(r, pos);

		if (h->state != UNFINISHED || h->depth < depth)
			continue;
		h->len = 0;
		__atomic_store_n(&h->state, FINISHED, __ATOMIC_RELEASE);
		n++;
	}
	return n;
}
