/* Other CPUs: woken by INIT and start-up IPIs, and called upon by one mailbox that all share. */
#include "arch/x86/cpu/smp.h"

#include "abi/errno.h"
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/paging.h"
#include "lib/chaos.h"
#include "lib/compiler.h"
#include "lib/string.h"

#define MS     1000000ul
#define NOBODY (~0u)

extern const u8 ap_boot_start[], ap_boot_end[], ap_boot_cr3[];

u8 cpu_apic_id[NR_CPUS];
u32 cpus_up = 1;
u64 per_cpu_offset[NR_CPUS];

/* For the one CPU being started: it reads them in ap_boot.asm. */
u64 ap_start_stack, ap_start_offset;
u32 ap_start_id = NOBODY;

/* Its first tables: the kernel's upper half, and the start-up page at its own address, R-X. */
static u64 ap_pml4[512] __aligned(4096), ap_pdpt[512] __aligned(4096);
static u64 ap_pd[512] __aligned(4096), ap_pt[512] __aligned(4096);

static u64 image_phys(const void *p) { return (u64)p - KERNEL_BASE; }

int ap_boot_install(void)
{
	u8 *page = phys_to_virt(AP_BOOT_PAGE);
	u32 cr3 = (u32)image_phys(ap_pml4);

	memcpy(ap_pml4, boot_pml4, sizeof(ap_pml4));
	ap_pml4[0] = image_phys(ap_pdpt) | PTE_P | PTE_W;
	ap_pdpt[0] = image_phys(ap_pd) | PTE_P | PTE_W;
	ap_pd[0] = image_phys(ap_pt) | PTE_P | PTE_W;
	memcpy(page, ap_boot_start, (size_t)(ap_boot_end - ap_boot_start));
	memcpy(page + (ap_boot_cr3 - ap_boot_start), &cr3, sizeof(cr3));
	if (direct_map_hide(AP_BOOT_PAGE) != 0)
		return -ENOMEM;
	ap_pt[AP_BOOT_PAGE / PAGE_SIZE] = AP_BOOT_PAGE | PAGE_RX;
	return 0;
}

void ap_boot_remove(void)
{
	ap_pt[AP_BOOT_PAGE / PAGE_SIZE] = 0;
	direct_map_show(AP_BOOT_PAGE);
}

/* The waits are Intel's (SDM vol. 3, 9.4.4.1). A CPU that came with the first start-up IPI ignores the second. */
void ap_start(u8 id, u64 stack, u64 offset, void (*pause)(u64 ns))
{
	ap_start_stack = stack;
	ap_start_offset = offset;
	WRITE_ONCE(ap_start_id, id);
	apic_send_init(id);
	pause(10 * MS);
	apic_send_startup(id, AP_BOOT_PAGE >> 12);
	pause(MS);
	apic_send_startup(id, AP_BOOT_PAGE >> 12);
}

/* The start-up IPI: an emulated CPU that halts doesn't see the INIT before something else wakes it. It halts again. */
void ap_stop(u8 id, void (*pause)(u64 ns))
{
	WRITE_ONCE(ap_start_id, NOBODY);
	apic_send_init(id);
	pause(10 * MS);
	apic_send_startup(id, AP_BOOT_PAGE >> 12);
	pause(10 * MS);
}

static struct {
	u32 busy;  /* somebody's call is in it */
	u64 state; /* bit n: CPU n hasn't run it yet; and above these the call's number */
	void (*fn)(void *arg);
	void *arg;
} call;

#define CALL_NUMBER 32

/* Interrupts off. Runs the call in the mailbox if it is for us. */
static void serve(void)
{
	u64 me = 1ul << this_cpu(cpu_number), seen = __atomic_load_n(&call.state, __ATOMIC_ACQUIRE),
	    now = seen;

	if (!(seen & me))
		return;
	call.fn(call.arg); /* while our bit is set, nobody puts another call there */
	/*
	 * A trap inside fn may have served the same call already, and the bit may be the next one's: so number and bit
	 * are compared and changed in one. Release: what fn did is seen by the caller, who waits for this bit.
	 */
	while (now & me && now >> CALL_NUMBER == seen >> CALL_NUMBER &&
	       !__atomic_compare_exchange_n(&call.state, &now, now & ~me, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		cpu_relax();
}

void smp_call_interrupt(void) { serve(); }

/* Interrupts off, all three. The mailbox is this CPU's until call_wait() returns. */
static void call_lock(void)
{
	chaos_point();
	while (__atomic_exchange_n(&call.busy, 1, __ATOMIC_ACQUIRE)) {
		serve();
		cpu_relax();
	}
}

/* @others aren't this one. */
static void call_send(u32 others, void (*fn)(void *arg), void *arg)
{
	u64 number = (call.state >> CALL_NUMBER) + 1;

	call.fn = fn;
	call.arg = arg;
	__atomic_store_n(&call.state, number << CALL_NUMBER | others, __ATOMIC_RELEASE);
	chaos_point();
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (others & 1u << cpu)
			apic_send_ipi(cpu_apic_id[cpu], VECTOR_CALL);
}

static void call_wait(void)
{
	while ((u32)__atomic_load_n(&call.state, __ATOMIC_ACQUIRE))
		cpu_relax();
	__atomic_store_n(&call.busy, 0, __ATOMIC_RELEASE);
}

void smp_call(u32 cpus, void (*fn)(void *arg), void *arg)
{
	u64 flags = local_irq_save();
	u32 me = 1u << this_cpu(cpu_number), others = cpus & READ_ONCE(cpus_up) & ~me;

	if (cpus & me)
		fn(arg);
	if (others) {
		call_lock();
		call_send(others, fn, arg);
		call_wait();
	}
	local_irq_restore(flags);
}

void smp_call_others(void (*fn)(void *arg), void *arg)
{
	u64 flags = local_irq_save();

	smp_call(~(1u << this_cpu(cpu_number)), fn, arg);
	local_irq_restore(flags);
}

/* Who stays: a bit each; and above these the stay's number, which is another one when it is over. */
static u64 staying;

/* Perhaps twice, as all that is called, and the second time perhaps when all is over: so each knows the number of its stay. */
static void stay(void *arg)
{
	u64 number = (u64)arg, me = 1ul << this_cpu(cpu_number), now;

	now = __atomic_load_n(&staying, __ATOMIC_ACQUIRE);
	while (now >> CALL_NUMBER == number &&
	       !__atomic_compare_exchange_n(&staying, &now, now | me, false, __ATOMIC_RELEASE,
					    __ATOMIC_ACQUIRE))
		cpu_relax();
	while (__atomic_load_n(&staying, __ATOMIC_ACQUIRE) >> CALL_NUMBER == number)
		cpu_relax();
}

void smp_call_alone(void (*fn)(void *arg), void *arg)
{
	u64 flags = local_irq_save(), number;
	u32 others;

	call_lock();
	others = READ_ONCE(cpus_up) & ~(1u << this_cpu(cpu_number));
	number = (staying >> CALL_NUMBER) + 1;
	__atomic_store_n(&staying, number << CALL_NUMBER, __ATOMIC_RELAXED);
	call_send(others, stay, (void *)number);
	while ((u32)__atomic_load_n(&staying, __ATOMIC_ACQUIRE) != others)
		cpu_relax();
	fn(arg);
	__atomic_store_n(&staying, (number + 1) << CALL_NUMBER, __ATOMIC_RELEASE);
	call_wait();
	local_irq_restore(flags);
}

static void do_serialize(void *arg) { serialize(); }

void smp_serialize_others(void) { smp_call_others(do_serialize, NULL); }
