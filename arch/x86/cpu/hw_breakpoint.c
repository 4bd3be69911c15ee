/* What the debug registers hold, and having every CPU load it. */
#include "arch/x86/cpu/hw_breakpoint.h"

#include "arch/x86/cpu/smp.h"
#include "arch/x86/entry/black_box.h"
#include "arch/x86/entry/desc.h"
#include "lib/compiler.h"

struct static_key hw_breakpoint_key;

static u64 address[NR_HW_BREAKPOINTS];
static u64 control = DR7_NOTHING;

/* Nothing is in force until all of it is there. */
void hw_breakpoint_load(void)
{
	write_dr7(DR7_NOTHING);
	write_dr0(READ_ONCE(address[0]));
	write_dr1(READ_ONCE(address[1]));
	write_dr2(READ_ONCE(address[2]));
	write_dr3(READ_ONCE(address[3]));
	write_dr7(READ_ONCE(control));
}

static void load(void *arg) { hw_breakpoint_load(); }

static void load_all(void)
{
	u64 flags = local_irq_save();

	/* A CPU that is coming up says so and then looks here: it finds this, or is called. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	hw_breakpoint_load();
	local_irq_restore(flags);
	smp_call_others(load, NULL);
}

static u64 enable_bit(unsigned n) { return 2ul << 2 * n; }

void hw_breakpoint_set(unsigned n, u64 addr, u8 len, u8 type)
{
	static const u8 codes[] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };

	static_key_set(&hw_breakpoint_key, true); /* before there can be a hit */
	address[n] = addr;
	control = (control & ~(0xful << (16 + 4 * n))) | enable_bit(n) |
		  (u64)(type | codes[len] << 2) << (16 + 4 * n);
	load_all();
}

void hw_breakpoint_clear(unsigned n)
{
	control &= ~enable_bit(n);
	load_all();
	if (!(control & 0xff))
		static_key_set(&hw_breakpoint_key, false);
}

static bool overlap(u64 a, u64 a_len, u64 b, u64 b_len) { return a < b + b_len && b < a + a_len; }

bool hw_breakpoint_watches(u64 addr, u64 len)
{
	static const u8 lengths[] = { 1, 2, 8, 4 };
	u64 now = READ_ONCE(control);

	for (unsigned n = 0; n < NR_HW_BREAKPOINTS; n++)
		if (now & enable_bit(n) &&
		    overlap(addr, len, READ_ONCE(address[n]), lengths[now >> (18 + 4 * n) & 3]))
			return true;
	return false;
}

/*
 * Stacks: a frame is pushed on one when another lies on the IST stack, where the next would overwrite it. Those to come, too.
 * The variables are what is touched before the registers are paused, or by an NMI that has interrupted that.
 */
bool hw_breakpoint_refuses(u64 addr, u64 len)
{
#define OWN(v)                         \
	{                              \
		(u64) & (v), sizeof(v) \
	}
	static const struct {
		u64 addr, size;
	} own[] = { OWN(bb_ring), OWN(bb_head),	    OWN(bb_depth),	    OWN(this_cpu_offset),
		    OWN(tss),	  OWN(debug_stack), OWN(debug_stack_in_nmi) };

	for (unsigned i = 0; i < NR_STACKS; i++)
		if (overlap(addr, len, kstacks[i].guard, kstacks[i].top - kstacks[i].guard))
			return true;
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		for (unsigned i = 0; i < ARRAY_SIZE(own); i++)
			if (overlap(addr, len, own[i].addr + per_cpu_offset[cpu], own[i].size))
				return true;
	return overlap(addr, len, STACK_AREA, STACK_SLOTS * STACK_SLOT_SIZE);
}
