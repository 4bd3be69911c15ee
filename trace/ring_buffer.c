/* A ring of fixed 64-byte slots: claimed by one atomic add, published by their sequence number. */
#include "trace/ring_buffer.h"

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/paging.h"
#include "context/context.h"
#include "lib/bug.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "trace/clock.h"

#define RING_SLOTS 4096

static_assert(sizeof(struct ring_entry) == 64, "a slot is one cache line");

bool tracing_is_on = true;

static struct ring_entry *ring;
static u64 ring_head; /* slots ever claimed */
static u64 reset_at;

void ring_buffer_init(void)
{
	u64 pa = frames_alloc(RING_SLOTS * sizeof(struct ring_entry) / PAGE_SIZE);

	if (!pa)
		panic("boot: no memory for the trace buffer");
	ring = phys_to_virt(pa);
}

/* notrace, here and below: called for every event; traced, each would only count a dropped one. */
static notrace u8 entry_flags(bool irqs_on, u32 word)
{
	u8 flags = irqs_on ? 0 : TRACE_FLAG_IRQS_OFF;

	if (!(word & CONTEXT_NO_RESCHED))
		flags |= TRACE_FLAG_NEED_RESCHED;
	if (word & HARDIRQ_MASK)
		flags |= TRACE_FLAG_HARDIRQ;
	if (word >> NMI_SHIFT)
		flags |= TRACE_FLAG_NMI;
	return flags;
}

notrace void *ring_buffer_reserve(u16 type, size_t size)
{
	return ring_buffer_reserve_for(type, size, irqs_enabled(), context_read());
}

notrace void *ring_buffer_reserve_for(u16 type, size_t size, bool irqs_on, u32 word)
{
	struct ring_entry *e = ring;
	u64 n;

	if (!e || !READ_ONCE(tracing_is_on) || size > RING_PAYLOAD_MAX)
		return NULL;
	/* One instruction: whoever comes in between, an NMI or another CPU, gets the slot before or after. */
	n = __atomic_fetch_add(&ring_head, 1, __ATOMIC_RELAXED);
	e += n % RING_SLOTS;
	WRITE_ONCE(e->seq, 0);
	e->time = trace_clock();
	e->type = (u8)type;
	e->cpu = (u8)this_cpu(cpu_number);
	e->flags = entry_flags(irqs_on, word);
	e->preempt_count = (u8)(word & PREEMPT_MASK);
	e->pid = this_cpu(current_tid);
	return e->payload;
}

notrace void ring_buffer_commit(void *payload)
{
	struct ring_entry *e = container_of(payload, struct ring_entry, payload);
	u64 n = READ_ONCE(ring_head), slot = (u64)(e - ring);

	/*
	 * The number claimed: the last one below the head that falls into this slot. A writer that
	 * was lapped while it wrote publishes the lapper's number; a reader cannot tell, and the
	 * ring that replaces this one will.
	 */
	n -= (n - 1 - slot) % RING_SLOTS;
	/* Release: whoever sees the number sees the payload. */
	__atomic_store_n(&e->seq, n, __ATOMIC_RELEASE);
}

u64 ring_buffer_written(void) { return ring_head - reset_at; }

u64 ring_buffer_entries(void)
{
	u64 n = ring_buffer_written();

	return n < RING_SLOTS ? n : RING_SLOTS;
}

bool ring_buffer_read(u64 i, struct ring_entry *out)
{
	u64 n = ring_head - ring_buffer_entries() + i;
	const struct ring_entry *e = &ring[n % RING_SLOTS];

	if (i >= ring_buffer_entries() || READ_ONCE(e->seq) != n + 1)
		return false;
	memcpy(out, e, sizeof(*out));
	barrier();
	return READ_ONCE(e->seq) == n + 1;
}

void ring_buffer_reset(void) { reset_at = ring_head; }
