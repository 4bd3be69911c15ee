/* A small random generator for each CPU decides what is done at each point, and a sum over all of it tells two runs apart. */
#include "context/chaos.h"

#include "abi/errno.h"
#include "arch/x86/cpu/apic.h"
#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "lib/ctl.h"

/* Of this many points, one is a yield, one an interrupt, and three are delays. */
#define ONE_IN	  32
#define DELAY_MAX 32 /* pauses: each is a hand-over under an instruction-counting emulator */

struct static_key chaos_key;

struct chaos_cpu {
	u64 random;
	u64 points, yields, delays, interrupts;
};
static DEFINE_PER_CPU(struct chaos_cpu, chaos_cpu);

static u64 seed;
static u64 order; /* all points so far, and in which order the CPUs came to them */

/* xorshift64* (Vigna 2016): never 0, and the upper bits are good. */
static u64 random(void)
{
	u64 x = this_cpu(chaos_cpu).random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	this_cpu(chaos_cpu).random = x;
	return x * 0x2545f4914f6cdd1dull >> 32;
}

static void delay(u64 pauses)
{
	for (; pauses; pauses--)
		cpu_relax();
}

/* As if a slice had ended just here. */
static void yield(void)
{
	preempt_disable();
	set_need_resched();
	preempt_enable();
}

void chaos(void)
{
	u64 r, old = READ_ONCE(order);

	if (in_nmi())
		return;
	r = random();
	while (!__atomic_compare_exchange_n(&order, &old,
					    (old ^ (r + this_cpu(cpu_number))) * 0x100000001b3ull, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		cpu_relax();
	this_cpu(chaos_cpu).points++;
	switch (r % ONE_IN) {
	case 0:
		if ((context_read() | CONTEXT_NO_RESCHED) != CONTEXT_NO_RESCHED || !irqs_enabled())
			break;
		this_cpu(chaos_cpu).yields++;
		yield();
		break;
	case 1:
		this_cpu(chaos_cpu).interrupts++;
		apic_send_self(VECTOR_RESCHEDULE);
		break;
	case 2 ... 4:
		this_cpu(chaos_cpu).delays++;
		delay(r / ONE_IN % DELAY_MAX);
		break;
	}
}

void chaos_start(u64 s)
{
	static_key_set(&chaos_key, false);
	seed = s;
	order = 0xcbf29ce484222325ull;
	for (u64 cpu = 0; cpu < NR_CPUS; cpu++)
		if (cpus_up & 1u << cpu)
			*per_cpu_ptr(chaos_cpu, cpu) =
				(struct chaos_cpu){ .random = (s + cpu) * 0x9e3779b97f4a7c15ull | 1 };
	static_key_set(&chaos_key, s != 0);
}

static int show(struct seq *out, const struct ctl_file *self)
{
	struct chaos_cpu sum = { 0 };

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		const struct chaos_cpu *c = per_cpu_ptr(chaos_cpu, cpu);

		if (!(cpus_up & 1u << cpu))
			continue;
		sum.points += c->points;
		sum.yields += c->yields;
		sum.delays += c->delays;
		sum.interrupts += c->interrupts;
	}
	seq_printf(out, "seed %lu: %lu points, %lu yields, %lu delays, %lu interrupts, sum %016lx\n", seed,
		   sum.points, sum.yields, sum.delays, sum.interrupts, order);
	return 0;
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 s;

	if (!ctl_parse_u64(text, len, &s))
		return -EINVAL;
	chaos_start(s);
	return 0;
}
CTL_FILE(ctl_chaos, .path = "chaos", .show = show, .store = store);
