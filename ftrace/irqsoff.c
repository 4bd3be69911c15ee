/*
 * The irqsoff tracer: the longest stretch with interrupts off, where it began and ended, and what was called in it.
 *
 * Each CPU notes its functions anew in every stretch; the notes of the longest one are kept.
 */
#include "ftrace/irqsoff.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/graph.h"
#include "context/context.h"
#include "ftrace/latency.h"
#include "ftrace/static_key.h"
#include "ftrace/tracer.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "rcu/rcu.h"
#include "trace/clock.h"
#include "trace/output.h"
#include "trace/ring_buffer.h"

struct static_key irqsoff_key;

/* The stretch a CPU is in. */
struct stretch {
	u64 since; /* ns; 0: in none */
	u64 began_at;
	struct irqsoff_note *notes;
	u32 nr; /* of them; may be more than there is room for */
};
static DEFINE_PER_CPU(struct stretch, stretch);

struct irqsoff_longest irqsoff_longest;
static u32 taken; /* whoever changes or reads the longest: never for long, interrupts off */

static struct irqsoff_note *memory[NR_CPUS + 1];
#define PAGES (IRQSOFF_NOTES * sizeof(struct irqsoff_note) / PAGE_SIZE)

/* notrace, here and below: where interrupts go off or on in the middle of anything. Any context. */
static __always_inline void note(u64 time, u64 ip, u64 parent_ip)
{
	struct stretch *s = this_cpu_ptr(stretch);
	u32 n = 1;

	__asm__ volatile("xaddl %0, %1"
			 : "+r"(n), "+m"(s->nr)
			 :
			 : "cc"); /* an NMI in between takes the next */
	if (n < IRQSOFF_NOTES)
		s->notes[n] =
			(struct irqsoff_note){ time, ip, parent_ip, context_read(), this_cpu(current_tid) };
}

/* Who turned interrupts off or on, and who called that: as Linux, it is the latter who did it. */
struct caller {
	u64 ip, parent_ip;
};
#define CALLER()                                                                                \
	({                                                                                      \
		const u64 *_frame = __builtin_frame_address(0);                                 \
		const u64 *_outer = (const u64 *)_frame[0];                                     \
		bool _inside = stack_of((u64)_outer) == stack_of((u64)_frame);                  \
		(struct caller){ _frame[1], _inside ? graph_original(_outer + 1) : _frame[1] }; \
	})

notrace void irqsoff_begin(void)
{
	struct stretch *s = this_cpu_ptr(stretch);
	struct caller c;
	u64 now;

	if (s->since || !s->notes)
		return;
	c = CALLER();
	s->began_at = c.parent_ip;
	s->nr = 0;
	now = trace_clock_read();
	note(now, c.ip, c.parent_ip);
	WRITE_ONCE(s->since, now);
}

notrace void irqsoff_take(void)
{
	while (__atomic_exchange_n(&taken, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
}
notrace void irqsoff_give_back(void) { __atomic_store_n(&taken, 0, __ATOMIC_RELEASE); }

static notrace noinline void keep(const struct stretch *s, u64 now, u64 ended_at)
{
	struct irqsoff_longest *l = &irqsoff_longest;
	u64 ns = now - s->since;

	irqsoff_take();
	if (ns > tracing_max_latency || tracing_thresh) {
		WRITE_ONCE(tracing_max_latency, ns);
		l->ns = ns;
		l->since = s->since;
		l->began_at = s->began_at;
		l->ended_at = ended_at;
		l->cpu = this_cpu(cpu_number);
		l->pid = this_cpu(current_tid);
		l->written = s->nr;
		l->nr = min(s->nr, (u32)IRQSOFF_NOTES);
		memcpy(l->notes, s->notes, l->nr * sizeof(*s->notes));
	}
	irqsoff_give_back();
}

notrace void irqsoff_end(void)
{
	struct stretch *s = this_cpu_ptr(stretch);
	u64 now = trace_clock_read(), ns = now - s->since;
	struct caller c;

	if (!s->since)
		return;
	if (ring_buffer_is_live() && (tracing_thresh ? ns >= tracing_thresh : ns > tracing_max_latency)) {
		c = CALLER();
		note(now, c.ip, c.parent_ip);
		keep(s, now, c.parent_ip);
	}
	WRITE_ONCE(s->since, 0);
}

static notrace void irqsoff_tracer_call(u64 ip, u64 parent_ip, struct ftrace_ops *ops,
					struct ftrace_frame *frame)
{
	preempt_disable();
	if (READ_ONCE(this_cpu(stretch).since))
		note(trace_clock_read(), ip, parent_ip);
	preempt_enable();
}

static struct ftrace_ops irqsoff_ops = { .func = irqsoff_tracer_call, .hash = &ftrace_global_hash };

static int make_memory(void)
{
	for (u32 cpu = 0; cpu <= NR_CPUS; cpu++) {
		u64 pa;

		if (memory[cpu] || (cpu < NR_CPUS && !(cpus_up & 1u << cpu)))
			continue;
		pa = frames_alloc(PAGES);
		if (!pa)
			return -ENOMEM;
		memory[cpu] = phys_to_virt(pa);
	}
	return 0;
}

static int irqsoff_start(void)
{
	int err = make_memory();

	if (!err)
		err = register_ftrace_function(&irqsoff_ops);
	if (err)
		return err;
	tracing_max_latency = 0;
	irqsoff_longest = (struct irqsoff_longest){ .notes = memory[NR_CPUS] };
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		if (memory[cpu])
			*per_cpu_ptr(stretch, cpu) = (struct stretch){ .notes = memory[cpu] };
	current_look = &irqsoff_look;
	static_key_set(&irqsoff_key, true);
	return 0;
}

/* With interrupts off nobody is switched: after a grace period no CPU is in a stretch that began before. */
static void irqsoff_stop(void)
{
	static_key_set(&irqsoff_key, false);
	unregister_ftrace_function(&irqsoff_ops);
	current_look = NULL;
	synchronize_rcu();
}
TRACER(irqsoff_tracer, .name = "irqsoff", .start = irqsoff_start, .stop = irqsoff_stop);
