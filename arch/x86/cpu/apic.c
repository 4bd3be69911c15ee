/* xAPIC registers are memory: one uncached page, the same address on every CPU, each seeing its own. */
#include "arch/x86/cpu/apic.h"

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/mm/paging.h"
#include "lib/compiler.h"

#define REG_ID		0x020
#define REG_TPR		0x080
#define REG_EOI		0x0b0
#define REG_SVR		0x0f0
#define REG_ISR		0x100
#define REG_ICR_LOW	0x300
#define REG_ICR_HIGH	0x310
#define REG_LVT_TIMER	0x320
#define REG_LVT_LINT0	0x350
#define REG_LVT_LINT1	0x360
#define REG_LVT_ERROR	0x370
#define REG_TIMER_INIT	0x380
#define REG_TIMER_COUNT 0x390
#define REG_TIMER_DIV	0x3e0

#define SVR_ENABLE   (1u << 8)
#define LVT_MASKED   (1u << 16)
#define LVT_EXTINT   (7u << 8)
#define LVT_NMI	     (4u << 8)
#define ICR_NMI	     (4u << 8)
#define ICR_INIT     (5u << 8)
#define ICR_STARTUP  (6u << 8)
#define ICR_ASSERT   (1u << 14)
#define ICR_LEVEL    (1u << 15)
#define ICR_PENDING  (1u << 12)
#define ICR_SELF     (1u << 18)
#define TIMER_DIV_16 0x3

#define MSR_APIC_BASE	 0x1b
#define APIC_BASE_ENABLE (1u << 11)

static u64 ticks_per_ns_32; /* timer ticks a nanosecond, 32.32 fixed point */

static __always_inline u32 apic_read(u32 reg) { return *(volatile u32 *)(APIC_VA + reg); }
static __always_inline void apic_write(u32 reg, u32 v) { *(volatile u32 *)(APIC_VA + reg) = v; }

int apic_map(u64 base) { return map_pages(APIC_VA, base, 1, PAGE_RW | PTE_PCD | PTE_PWT); }

void apic_init_cpu(void)
{
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE);
	apic_write(REG_TPR, 0);
	apic_write(REG_LVT_TIMER, LVT_MASKED);
	apic_write(REG_LVT_ERROR, LVT_MASKED);
	/* The PICs' line reaches the CPU that booted; the others take none. */
	apic_write(REG_LVT_LINT0, this_cpu(cpu_number) == 0 ? LVT_EXTINT : LVT_MASKED);
	apic_write(REG_LVT_LINT1, LVT_NMI);
	apic_write(REG_TIMER_DIV, TIMER_DIV_16);
	apic_write(REG_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
}

u32 apic_id(void) { return apic_read(REG_ID) >> 24; }
bool apic_in_service(u8 vector) { return apic_read(REG_ISR + vector / 32 * 0x10) & 1u << vector % 32; }
void apic_eoi(void) { apic_write(REG_EOI, 0); }

static __always_inline void wait_sent(void)
{
	while (apic_read(REG_ICR_LOW) & ICR_PENDING)
		cpu_relax();
}

/*
 * Two registers make one request, so an interrupt between them could send its own with our destination. Whoever may be
 * an NMI (@anywhere) in the middle of another's request leaves no trace: it waits until its own has gone, so that
 * the other finds the register free, and puts the destination back.
 */
static __always_inline void send(u32 id, u32 command, bool anywhere)
{
	u64 flags = local_irq_save();
	u32 high;

	wait_sent();
	high = apic_read(REG_ICR_HIGH);
	apic_write(REG_ICR_HIGH, id << 24);
	apic_write(REG_ICR_LOW, command);
	if (anywhere) {
		wait_sent();
		apic_write(REG_ICR_HIGH, high);
	}
	local_irq_restore(flags);
}

void apic_send_ipi(u32 id, u8 vector) { send(id, vector | ICR_ASSERT, false); }

void apic_send_self(u8 vector)
{
	u64 flags = local_irq_save();

	wait_sent();
	apic_write(REG_ICR_LOW, vector | ICR_ASSERT | ICR_SELF); /* the destination isn't looked at */
	wait_sent(); /* this may be an NMI in the middle of send() */
	local_irq_restore(flags);
}

void apic_send_nmi(u32 id) { send(id, ICR_NMI | ICR_ASSERT, true); }

DEFINE_PER_CPU(struct nmi_sent, nmi_sent);

void nmi_send(u32 cpu)
{
	struct nmi_sent *s = per_cpu_ptr(nmi_sent, cpu);

	__atomic_fetch_add(&s->begun, 1, __ATOMIC_SEQ_CST); /* before it can arrive */
	send(cpu_apic_id[cpu], ICR_NMI | ICR_ASSERT, true);
	__atomic_fetch_add(&s->ended, 1, __ATOMIC_SEQ_CST);
}

void apic_send_init(u32 id) { send(id, ICR_INIT | ICR_ASSERT | ICR_LEVEL, false); }
void apic_send_startup(u32 id, u8 page) { send(id, ICR_STARTUP | ICR_ASSERT | page, false); }

void apic_timer_calibrate_begin(void) { apic_write(REG_TIMER_INIT, ~0u); }

u32 apic_timer_calibrate_read(void) { return apic_read(REG_TIMER_COUNT); }

void apic_timer_calibrate_end(u64 ticks, u64 ns)
{
	apic_write(REG_TIMER_INIT, 0);
	ticks_per_ns_32 = (ticks << 32) / ns;
}

/* Before the calibration, which counts with the timer, nothing is set: who waits by then is found by the next who sets one. */
void apic_timer_set(u64 ns)
{
	u64 ticks = (u64)(((unsigned __int128)ns * ticks_per_ns_32) >> 32);

	if (!ticks && !ticks_per_ns_32)
		return;
	if (!ticks)
		ticks = 1; /* 0 would stop it */
	apic_write(REG_LVT_TIMER, VECTOR_TIMER);
	apic_write(REG_TIMER_INIT, (u32)min(ticks, (u64)~0u));
}

void apic_timer_stop(void)
{
	if (!ticks_per_ns_32)
		return;
	apic_write(REG_TIMER_INIT, 0);
	apic_write(REG_LVT_TIMER, LVT_MASKED);
}
