/* Writes to text through an alias that exists in no one's tables but the poker's. */
#include "arch/x86/mm/text_poke.h"

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/wx.h"
#include "lib/bug.h"
#include "lib/chaos.h"
#include "lib/instrumentation.h"
#include "lib/string.h"
#include "lib/tracepoint.h"

/*
 * The alias addresses, in the lower half, which nothing else uses: two pages for text_poke(), and for each
 * CPU's emergency, which may come while the first are in use, two more.
 */
#define ALIAS		0x1000ul
#define ALIAS_EMERGENCY 0x4000ul

#define ALIAS_FLAGS (PTE_P | PTE_W | PTE_NX)

/* In the image, so that the emergency path needs no memory and no direct map. */
static u64 poke_pml4[512] __aligned(4096);
static u64 poke_pdpt[512] __aligned(4096);
static u64 poke_pd[512] __aligned(4096);
static u64 poke_pt[512] __aligned(4096);

extern const u64 __start_poked_sites[], __stop_poked_sites[];

bool text_is_poked(u64 addr, size_t len)
{
	for (const u64 *s = __start_poked_sites; s < __stop_poked_sites; s++)
		if (*s < addr + len && addr < *s + SITE_SIZE)
			return true;
	return false;
}

static u64 image_phys(const void *p) { return (u64)p - KERNEL_BASE; }

void text_poke_init(void)
{
	memcpy(poke_pml4, boot_pml4, sizeof(poke_pml4));
	poke_pml4[0] = image_phys(poke_pdpt) | PTE_P | PTE_W;
	poke_pdpt[0] = image_phys(poke_pd) | PTE_P | PTE_W;
	poke_pd[0] = image_phys(poke_pt) | PTE_P | PTE_W;
}

/* The image is linear; slots and users' text are not, and nobody's trap depends on one of these being looked up. */
static __always_inline u64 text_phys(u64 addr)
{
	return addr >= KERNEL_BASE && addr < SLOT_AREA ? addr - KERNEL_BASE : virt_to_phys((void *)addr);
}

void (*text_poke_observer)(void *addr, u64 alias);

/*
 * While it is open, interrupts off, text has a writable name. Entries and CR3 are put back as they were: an NMI
 * or a probe may have come in the middle of another poke, which then goes on through the same alias. Loading
 * CR3 back flushes the alias from the TLB (it isn't global), and serialize() makes the CPU forget what it had
 * fetched.
 */
struct window {
	u64 *pte, outer[2], cr3;
};

static __always_inline volatile u8 *window_open(struct window *w, u64 alias, u64 pa, u64 pa_next)
{
	w->pte = &poke_pt[alias / PAGE_SIZE];
	w->outer[0] = w->pte[0];
	w->outer[1] = w->pte[1];
	w->cr3 = read_cr3();
	w->pte[0] = (pa & PTE_ADDR) | ALIAS_FLAGS;
	w->pte[1] = pa_next ? (pa_next & PTE_ADDR) | ALIAS_FLAGS : 0;
	write_cr3((u64)poke_pml4 - KERNEL_BASE);
	return (volatile u8 *)(alias + pa % PAGE_SIZE);
}

static __always_inline void window_close(struct window *w)
{
	w->pte[0] = w->outer[0];
	w->pte[1] = w->outer[1];
	write_cr3(w->cr3);
	serialize();
}

static __always_inline void poke_through(u64 va, u64 alias, u64 pa, u64 pa_next, const u8 *bytes, size_t len,
					 bool observed)
{
	struct window w;
	volatile u8 *to = window_open(&w, alias, pa, pa_next);

	for (size_t i = 0; i < len; i++)
		to[i] = bytes[i];
	barrier(); /* the entries go after that */
	if (unlikely(observed && text_poke_observer)) {
		instrumentation_begin(); /* whoever observes is ordinary code; in an emergency no probe is left by now */
		text_poke_observer((void *)va, (u64)to);
		instrumentation_end();
	}
	window_close(&w);
}

/*
 * One CPU at a time uses the tables. Interrupts are off while it is held, so whoever waits serves the
 * holder's calls. The holder itself may come again: a trap in the middle of a poke, with a poke of its own.
 */
static u32 poker; /* CPU number + 1 */

static __always_inline bool poke_lock(void)
{
	u32 me = this_cpu(cpu_number) + 1, none = 0;

	if (READ_ONCE(poker) == me)
		return false;
	while (!__atomic_compare_exchange_n(&poker, &none, me, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		none = 0;
		smp_call_interrupt();
		cpu_relax();
	}
	return true;
}

static __always_inline void poke_unlock(bool locked)
{
	if (locked)
		__atomic_store_n(&poker, 0, __ATOMIC_RELEASE);
}

/* __kprobes: a probe's own int3 is written by it. */
__kprobes void text_poke(void *addr, const void *bytes, size_t len)
{
	u64 va = (u64)addr, last = va + len - 1, flags = raw_local_irq_save();
	bool two = va / PAGE_SIZE != last / PAGE_SIZE, locked = poke_lock();

	tracepoint(text_poke, va, (u32)len, *(const u8 *)bytes);
	poke_through(va, ALIAS, text_phys(va), two ? text_phys(last) : 0, bytes, len, true);
	poke_unlock(locked);
	raw_local_irq_restore(flags);
}

/* Each CPU has its own alias, and waits for nobody. Interrupts off. */
static __always_inline u64 emergency_alias(void)
{
	return ALIAS_EMERGENCY + this_cpu(cpu_number) * 2 * PAGE_SIZE;
}

/* In the image: no probe's page table has to be looked up. */
static __always_inline void emergency(void *addr, u8 byte, bool observed)
{
	u64 flags = raw_local_irq_save();

	poke_through((u64)addr, emergency_alias(), (u64)addr - KERNEL_BASE, 0, &byte, 1, observed);
	raw_local_irq_restore(flags);
}

__emergency void text_poke_emergency(void *addr, u8 byte) { emergency(addr, byte, false); }
__emergency void text_poke_emergency_observed(void *addr, u8 byte) { emergency(addr, byte, true); }

/* The exchanges under way, by address: read by the int3 handlers of all CPUs. */
static const struct text_exchange *exchanges;
size_t text_poke_exchanges;

static __always_inline void poke_part(volatile u8 *at, const u8 *bytes, enum poke_round round)
{
	if (round == POKE_TAIL)
		__builtin_memcpy((void *)(at + 1), bytes + 1,
				 SITE_SIZE - 1); /* one store: GCC knows the size */
	else
		*at = round == POKE_INT3 ? INT3_BYTE : *bytes;
}

/* Through one window for all that lie on a page; one that lies on two has its own. */
__kprobes void text_poke_round(const struct text_exchange *v, size_t n, enum poke_round round)
{
	const struct text_exchange *x = v, *end = v + n;

	while (x < end) {
		u64 page = x->addr & ~(PAGE_SIZE - 1), last = page + PAGE_SIZE - SITE_SIZE;
		struct window w;

		window_open(&w, ALIAS, text_phys(page), x->addr > last ? text_phys(page + PAGE_SIZE) : 0);
		if (unlikely(text_poke_observer)) {
			instrumentation_begin(); /* as in poke_through() */
			text_poke_observer((void *)x->addr, ALIAS + x->addr - page);
			instrumentation_end();
		}
		do {
			poke_part((volatile u8 *)(ALIAS + x->addr - page), x->bytes, round);
			x++;
		} while (x < end && x->addr <= last);
		barrier(); /* the entries go after that */
		window_close(&w);
	}
}

/*
 * Three rounds over all sites, with all CPUs made to forget what they fetched after each:
 *   1. int3 over the first byte: who comes now traps, and runs the new instruction by emulation;
 *   2. the four bytes behind it, which nobody decodes any more;
 *   3. the first byte.
 * When the last call returns, no CPU is in an int3 handler that could still look at the table: those
 * run with interrupts off.
 */
__kprobes void text_poke_bp_batch(const struct text_exchange *v, size_t n)
{
	u64 flags;
	bool locked;

	if (!n)
		return;
	flags = local_irq_save();
	locked = poke_lock();
	BUG_ON(text_poke_exchanges);
	exchanges = v;
	__atomic_store_n(&text_poke_exchanges, n, __ATOMIC_RELEASE);
	for (size_t i = 0; static_branch_unlikely(&event_text_poke.key) && i < n; i++)
		tracepoint(text_poke, v[i].addr, SITE_SIZE, v[i].bytes[0]);
	text_poke_round(v, n, POKE_INT3);
	chaos_point();
	smp_serialize_others();
	text_poke_round(v, n, POKE_TAIL);
	chaos_point();
	smp_serialize_others();
	text_poke_round(v, n, POKE_FIRST);
	smp_serialize_others();
	WRITE_ONCE(text_poke_exchanges, 0);
	smp_serialize_others();
	poke_unlock(locked);
	local_irq_restore(flags);
}

void text_poke_bp(void *addr, const u8 bytes[SITE_SIZE])
{
	struct text_exchange x = { .addr = (u64)addr };

	memcpy(x.bytes, bytes, SITE_SIZE);
	text_poke_bp_batch(&x, 1);
}

static __always_inline const struct text_exchange *find_exchange(u64 addr)
{
	size_t lo = 0, hi = __atomic_load_n(&text_poke_exchanges, __ATOMIC_ACQUIRE);

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (exchanges[mid].addr == addr)
			return &exchanges[mid];
		if (exchanges[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* __kprobes, both: do_int3() asks them about an int3 that nobody knows. */
__kprobes bool text_poke_pending(u64 addr) { return find_exchange(addr); }

/*
 * Not under the lock: the int3 that asks for it may be in the middle of a call to the others, or in an NMI in the
 * middle of one, and the lock's holder waits for that call to end. In one locked instruction: between a load and a
 * store another CPU's new byte could be lost. Slots aren't written while anyone may be in them. __emergency: a bust
 * calls it.
 */
__emergency void text_refresh(void *addr)
{
	u64 flags, offset = (u64)addr - KERNEL_BASE;
	struct window w;
	volatile u8 *to;

	if (offset >= SLOT_AREA - KERNEL_BASE)
		return;
	flags = raw_local_irq_save();
	to = window_open(&w, emergency_alias(), offset, 0);
	__asm__ volatile("lock orb $0, %0" : "+m"(*to) : : "memory", "cc");
	window_close(&w);
	raw_local_irq_restore(flags);
}

u64 text_poke_hits;

noinstr bool text_poke_emulate(struct pt_regs *regs)
{
	const struct text_exchange *x = find_exchange(regs->ip - 1);
	s32 offset;

	if (!x)
		return false;
	__atomic_fetch_add(&text_poke_hits, 1, __ATOMIC_RELAXED);
	regs->ip += SITE_SIZE - 1;
	if (x->bytes[0] != CALL32_BYTE && x->bytes[0] != JMP32_BYTE)
		return true;
	if (x->bytes[0] == CALL32_BYTE) {
		regs->error = regs->ip;
		regs->vector |= REGS_PUSH;
	}
	offset = x->bytes[1] | x->bytes[2] << 8 | x->bytes[3] << 16 | (s32)((u32)x->bytes[4] << 24);
	regs->ip += (u64)(s64)offset;
	return true;
}

u64 text_poke_root(void) { return image_phys(poke_pml4); }
