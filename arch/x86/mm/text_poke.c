/* Writes to text through an alias that exists in no one's tables but the poker's. */
#include "arch/x86/mm/text_poke.h"

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/wx.h"
#include "lib/bug.h"
#include "lib/string.h"

/*
 * The alias addresses, in the lower half, which nothing else uses: two pages for text_poke(), and
 * one more for the emergency, which may come while the first two are in use.
 */
#define ALIAS		0x1000ul
#define ALIAS_EMERGENCY 0x4000ul

#define ALIAS_FLAGS (PTE_P | PTE_W | PTE_NX)

/* In the image, so that the emergency path needs no memory and no direct map. */
static u64 poke_pml4[512] __aligned(4096);
static u64 poke_pdpt[512] __aligned(4096);
static u64 poke_pd[512] __aligned(4096);
static u64 poke_pt[512] __aligned(4096);

static u64 image_phys(const void *p) { return (u64)p - KERNEL_BASE; }

void text_poke_init(void)
{
	memcpy(poke_pml4, boot_pml4, sizeof(poke_pml4));
	poke_pml4[0] = image_phys(poke_pdpt) | PTE_P | PTE_W;
	poke_pdpt[0] = image_phys(poke_pd) | PTE_P | PTE_W;
	poke_pd[0] = image_phys(poke_pt) | PTE_P | PTE_W;
}

/* The image is linear; slots are not, and nobody's trap depends on a slot being looked up. */
static __always_inline u64 text_phys(u64 addr)
{
	return addr < SLOT_AREA ? addr - KERNEL_BASE : virt_to_phys((void *)addr);
}

void (*text_poke_observer)(void *addr, u64 alias);

/*
 * The write itself, interrupts off. Entries and CR3 are put back as they were: an NMI or a probe may
 * have come in the middle of another poke, which then goes on through the same alias. Loading CR3
 * back flushes the alias from the TLB (it isn't global), and serialize() makes the CPU forget what it
 * had fetched.
 */
static __always_inline void poke_through(u64 va, u64 alias, u64 pa, u64 pa_next, const u8 *bytes, size_t len,
					 bool observed)
{
	u64 *pte = &poke_pt[alias / PAGE_SIZE], outer[2] = { pte[0], pte[1] }, cr3 = read_cr3();
	volatile u8 *to = (volatile u8 *)(alias + pa % PAGE_SIZE);

	pte[0] = (pa & PTE_ADDR) | ALIAS_FLAGS;
	pte[1] = pa_next ? (pa_next & PTE_ADDR) | ALIAS_FLAGS : 0;
	write_cr3((u64)poke_pml4 - KERNEL_BASE);
	for (size_t i = 0; i < len; i++)
		to[i] = bytes[i];
	if (unlikely(observed && text_poke_observer))
		text_poke_observer((void *)va, (u64)to);
	pte[0] = outer[0];
	pte[1] = outer[1];
	write_cr3(cr3);
	serialize();
}

/* __kprobes: a probe's own int3 is written by it. */
__kprobes void text_poke(void *addr, const void *bytes, size_t len)
{
	u64 va = (u64)addr, last = va + len - 1, flags = local_irq_save();
	bool two = va / PAGE_SIZE != last / PAGE_SIZE;

	poke_through(va, ALIAS, text_phys(va), two ? text_phys(last) : 0, bytes, len, true);
	local_irq_restore(flags);
}

/* In the image: no probe's page table has to be looked up. */
static __always_inline void emergency(void *addr, u8 byte, bool observed)
{
	u64 flags = local_irq_save();

	poke_through((u64)addr, ALIAS_EMERGENCY, (u64)addr - KERNEL_BASE, 0, &byte, 1, observed);
	local_irq_restore(flags);
}

__emergency void text_poke_emergency(void *addr, u8 byte) { emergency(addr, byte, false); }
__emergency void text_poke_emergency_observed(void *addr, u8 byte) { emergency(addr, byte, true); }

static struct {
	u64 addr; /* 0: no exchange under way */
	u8 bytes[SITE_SIZE];
} exchange;

/*
 * One CPU now: the int3 is for interrupts and NMIs between the writes. The order (int3, the four
 * tail bytes, the first byte, each made visible before the next) is the one many CPUs need, too.
 */
__kprobes void text_poke_bp(void *addr, const u8 bytes[SITE_SIZE])
{
	static const u8 int3 = INT3_BYTE;

	BUG_ON(exchange.addr);
	for (int i = 0; i < SITE_SIZE; i++)
		exchange.bytes[i] = bytes[i];
	barrier();
	WRITE_ONCE(exchange.addr, (u64)addr);
	text_poke(addr, &int3, 1);
	text_poke((u8 *)addr + 1, bytes + 1, SITE_SIZE - 1);
	text_poke(addr, bytes, 1);
	WRITE_ONCE(exchange.addr, 0);
}

noinstr bool text_poke_int3(struct pt_regs *regs, u64 *ret)
{
	s32 offset;

	if (likely(READ_ONCE(exchange.addr) != regs->ip - 1))
		return false;
	*ret = 0;
	regs->ip += SITE_SIZE - 1;
	if (exchange.bytes[0] == 0xe8) {
		offset = exchange.bytes[1] | exchange.bytes[2] << 8 | exchange.bytes[3] << 16 |
			 (s32)((u32)exchange.bytes[4] << 24);
		regs->error = regs->ip;
		regs->ip += (u64)(s64)offset;
		*ret = PUSH_ON_RETURN;
	}
	return true;
}

u64 text_poke_root(void) { return image_phys(poke_pml4); }
