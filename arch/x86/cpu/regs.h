/* The CPU's registers and instructions C has no words for. All inlined: hidden code uses them too. */
#pragma once

#include "lib/compiler.h"
#include "lib/static_key.h"
#include "lib/types.h"

#define MSR_GS_BASE 0xc0000101

#define X86_CR0_WP   (1ul << 16)
#define X86_CR4_MCE  (1ul << 6)
#define X86_CR4_UMIP (1ul << 11)
#define X86_CR4_SMEP (1ul << 20)
#define X86_CR4_SMAP (1ul << 21)

#define DR6_RESERVED 0xffff0ff0ul /* what DR6 reads when nothing happened */
#define DR6_BS	     (1ul << 14)  /* single step */
#define DR7_NOTHING  0x400ul	  /* no breakpoint; one bit is always set */

#define READ_REG(name)                                             \
	static __always_inline u64 read_##name(void)               \
	{                                                          \
		u64 v;                                             \
		__asm__ volatile("mov %%" #name ", %0" : "=r"(v)); \
		return v;                                          \
	}
#define WRITE_REG(name)                                                     \
	static __always_inline void write_##name(u64 v)                     \
	{                                                                   \
		__asm__ volatile("mov %0, %%" #name : : "r"(v) : "memory"); \
	}
READ_REG(cr0)
READ_REG(cr2)
READ_REG(cr3)
READ_REG(cr4)
READ_REG(dr6)
READ_REG(dr7)
WRITE_REG(cr0)
WRITE_REG(cr2)
WRITE_REG(cr3)
WRITE_REG(cr4)
WRITE_REG(dr0)
WRITE_REG(dr1)
WRITE_REG(dr2)
WRITE_REG(dr3)
WRITE_REG(dr6)
WRITE_REG(dr7)

static __always_inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (u64)hi << 32 | lo;
}
static __always_inline void wrmsr(u32 msr, u64 v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}
static __always_inline u64 rdtsc(void)
{
	u64 lo, hi; /* it clears the upper halves */

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return hi << 32 | lo;
}
static __always_inline void cpuid(u32 leaf, u32 sub, u32 out[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
			 : "a"(leaf), "c"(sub));
}
static __always_inline void invlpg(u64 addr) { __asm__ volatile("invlpg (%0)" : : "r"(addr) : "memory"); }

static __always_inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static __always_inline u8 inb(u16 port)
{
	u8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static __always_inline void outw(u16 port, u16 v) { __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port)); }
static __always_inline u16 inw(u16 port)
{
	u16 v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static __always_inline void outl(u16 port, u32 v) { __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }
static __always_inline u32 inl(u16 port)
{
	u32 v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

/* raw_: for hidden code. The others tell the irqsoff tracer, which has only a nop there while it is off. */
extern struct static_key irqsoff_key;
/* ftrace/'s. Interrupts off, not NMI-like: they have just gone off, or are about to come on. */
void irqsoff_begin(void);
void irqsoff_end(void);

static __always_inline void raw_local_irq_enable(void) { __asm__ volatile("sti" ::: "memory"); }
static __always_inline void raw_local_irq_disable(void) { __asm__ volatile("cli" ::: "memory"); }
static __always_inline u64 raw_local_irq_save(void)
{
	u64 flags;

	__asm__ volatile("pushfq; pop %0; cli" : "=r"(flags) : : "memory");
	return flags;
}
/* Only ever turns interrupts back on; popf would cost more and could set TF. */
static __always_inline void raw_local_irq_restore(u64 flags)
{
	if (flags & (1ul << 9))
		raw_local_irq_enable();
}

static __always_inline u64 local_irq_save(void)
{
	u64 flags = raw_local_irq_save();

	if (static_branch_unlikely(&irqsoff_key) && flags & (1ul << 9))
		irqsoff_begin();
	return flags;
}
static __always_inline void local_irq_restore(u64 flags)
{
	if (!(flags & (1ul << 9)))
		return;
	if (static_branch_unlikely(&irqsoff_key))
		irqsoff_end();
	raw_local_irq_enable();
}
static __always_inline u64 read_eflags(void)
{
	u64 flags;

	__asm__ volatile("pushfq; pop %0" : "=r"(flags));
	return flags;
}
static __always_inline bool irqs_enabled(void) { return read_eflags() & (1ul << 9); }
static __always_inline void local_irq_enable(void)
{
	if (static_branch_unlikely(&irqsoff_key))
		irqsoff_end();
	raw_local_irq_enable();
}
static __always_inline void local_irq_disable(void)
{
	raw_local_irq_disable();
	if (static_branch_unlikely(&irqsoff_key))
		irqsoff_begin();
}
/* Waits for an interrupt. sti holds interrupts off for one instruction, so one cannot slip in before the hlt. */
static __always_inline void safe_halt(void) { __asm__ volatile("sti; hlt" ::: "memory"); }
static __always_inline void cpu_relax(void) { __asm__ volatile("pause" ::: "memory"); }
/* Throws away what was fetched: needed after code was changed (SDM vol. 3, 9.1.3). */
static __always_inline void serialize(void)
{
	u32 out[4];

	cpuid(0, 0, out);
	barrier();
}
