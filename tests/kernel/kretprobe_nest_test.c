/* Return probes on top of each other, and of others that hook returns: handlers, interrupts, NMIs, backtraces, the graph tracer. */
#include "arch/x86/mm/text_poke.h"
#include "kernel/backtrace.h"
#include "kernel/nmi.h"
#include "tests/kernel/contexts.h"
#include "tests/kernel/kretprobe_calls.h"
#include "trace/guard.h"
#include "trace/ring_buffer.h"
#include "tracefs/tracefs.h"

/* A handler that calls what is probed: executed, and counted as missed; at the entry and at the return. */
static u64 twice_more;
static bool entry_calls(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	twice_more = doubled(5);
	return true;
}
static void handler_calls(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	note_return(ri, regs);
	twice_more += doubled_and_one(50);
}

EACH_WAY(handlers_may_call_probed_functions)
{
	struct kretprobe rp = HANDLED(doubled, handler_calls, .entry = entry_calls);
	struct cpu_accounts before = accounts_now();

	if (!ret_on(&rp))
		return;
	EXPECT_EQ(doubled(1), 2);
	EXPECT_EQ(twice_more, 111);
	EXPECT_EQ(nr_calls, 1);
	EXPECT_EQ(rp.kp.hits, 1);
	EXPECT_EQ(rp.kp.nmissed, 2);
	EXPECT_ACCOUNTS(before);
	kretprobe_unregister(&rp);
}

/* On top of one that is open: by an interrupt, by an NMI, and in the middle of another probe's handler. */
static void call_on_top(void) { EXPECT_EQ(doubled(10), 20); }
static void call_in_nmi(struct kprobe *p, struct pt_regs *regs) { EXPECT(in_real_nmi()); }
static void note_context(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	note_return(ri, regs);
	if (in_real_nmi())
		calls[nr_calls - 1].result = 0x2222;
}
static noinline u64 interrupted(void)
{
	in_irq(call_on_top);
	nmi_expect(this_cpu(cpu_number));
	__asm__ volatile("int $2");
	return 77;
}

EACH_WAY(interrupts_and_nmis_on_top)
{
	struct kretprobe outer = PROBE_ON(interrupted), top = PROBE_ON(doubled),
			 in_nmi_too = HANDLED(nmi_arrived, note_context);
	struct kprobe p = { .addr = (u64)nmi_arrived, .pre = call_in_nmi };

	if (!ret_on(&outer))
		return;
	if (ret_on(&top)) {
		if (ret_on(&in_nmi_too) && probe_on(&p)) {
			EXPECT_EQ(interrupted(), 77);
			probe_off(&p);
		}
		EXPECT(stack_is_as_before());
		kretprobe_unregister(&in_nmi_too);
		kretprobe_unregister(&top);
	}
	kretprobe_unregister(&outer);
	EXPECT_EQ(nr_calls, 3);
	EXPECT_EQ(calls[0].rp, &top);
	EXPECT_EQ(calls[1].rp, &in_nmi_too);
	EXPECT_EQ(calls[1].result, 0x2222);
	EXPECT_EQ(calls[2].rp, &outer);
	EXPECT_EQ(calls[2].result, 77);
}

/* In the middle of a probe's handler an NMI has its own. */
static void nmi_in_handler(struct kprobe *p, struct pt_regs *regs)
{
	nmi_expect(this_cpu(cpu_number));
	__asm__ volatile("int $2");
}

EACH_WAY(an_nmi_in_a_handler)
{
	struct kprobe p = { .addr = (u64)doubled, .pre = nmi_in_handler, .technique = KPROBE_EMULATE };
	struct kretprobe rp = HANDLED(nmi_arrived, note_context);

	if (!ret_on(&rp))
		return;
	if (probe_on(&p)) {
		EXPECT_EQ(doubled(1), 2);
		probe_off(&p);
	}
	kretprobe_unregister(&rp);
	EXPECT_EQ(nr_calls, 1);
	EXPECT_EQ(calls[0].result, 0x2222);
	EXPECT_EQ(rp.nmissed, 0);
}

static char text[2048];
static void write_backtrace(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct seq_buf b;

	seq_buf_init(&b, text, sizeof(text));
	backtrace(&b.seq, NULL);
}
static noinline u64 writes_inside(void)
{
	write_backtrace(NULL, NULL);
	return 1;
}
static noinline u64 callers_caller(void) { return writes_inside() + 1; }

/* From inside the call, and from its handler, where only its callers are left. */
EACH_WAY(backtraces_name_the_real_callers)
{
	struct kretprobe rp = PROBE_ON(writes_inside), outer = PROBE_ON(callers_caller),
			 twice = PROBE_ON(writes_inside), asks = HANDLED(doubled, write_backtrace);

	if (!ret_on(&rp))
		return;
	if (ret_on(&outer) && ret_on(&twice)) {
		callers_caller();
		EXPECT(strstr(text, "  writes_inside+"));
		EXPECT(strstr(text, "  callers_caller+"));
		EXPECT(strstr(text, "  backtraces_name"));
		EXPECT(!strstr(text, "return_to"));
		EXPECT_EQ(nr_calls, 3);
	}
	kretprobe_unregister(&twice);
	kretprobe_unregister(&outer);
	kretprobe_unregister(&rp);
	if (!ret_on(&asks))
		return;
	doubled_and_one(1);
	kretprobe_unregister(&asks);
	EXPECT(strstr(text, "  doubled_and_one+"));
	EXPECT(strstr(text, "  backtraces_name"));
	EXPECT(!strstr(text, "return_to"));
}

static int put(const char *file, const char *what)
{
	char path[TRACEFS_PATH_MAX] = TRACEFS_MOUNT "/";

	strscpy(path + strlen(path), file, sizeof(path) - strlen(path));
	return tracefs_write(path, what, strlen(what), false);
}
static void graph(const char *filter)
{
	EXPECT_EQ(put("set_ftrace_filter", filter), 0);
	EXPECT_EQ(put("current_tracer", *filter ? "function_graph" : "nop"), 0);
	if (*filter)
		ring_buffer_reset();
}

/* Both hook one return: in each order of coming and going, with the call open. */
static void (*in_the_middle)(void);
static noinline u64 hooked_twice(void)
{
	in_the_middle();
	return 9;
}
static struct kretprobe beside;
static void graph_goes(void) { graph(""); }
static void graph_comes(void) { graph("hooked_twice doubled"); }
static void probe_goes(void) { kretprobe_unregister(&beside); }
static void both_go_probe_first(void)
{
	probe_goes();
	graph_goes();
}
static void both_go_graph_first(void)
{
	graph_goes();
	probe_goes();
}
static void nothing(void) {}

EACH_WAY(the_graph_tracer_on_the_same_function)
{
	static const struct {
		void (*in_the_middle)(void);
		bool graph_first, graph_later, probe_goes;
	} cases[] = {
		{ nothing, true, false, false },
		{ nothing, false, false, false },
		{ graph_goes, true, false, false },
		{ graph_comes, false, true, false },
		{ probe_goes, true, false, true },
		{ probe_goes, false, false, true },
		{ both_go_probe_first, true, false, true },
		{ both_go_graph_first, true, false, true },
		{ both_go_graph_first, false, false, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		beside = (struct kretprobe)PROBE_ON((u64)hooked_twice + (ret_way ? SITE_SIZE : 0));
		if (cases[i].graph_first)
			graph_comes();
		if (!ret_on(&beside))
			break;
		if (!cases[i].graph_first && !cases[i].graph_later)
			graph_comes();
		in_the_middle = cases[i].in_the_middle;
		EXPECT_EQ(hooked_twice(), 9);
		EXPECT(stack_is_as_before());
		EXPECT_EQ(nr_calls, !cases[i].probe_goes);
		if (in_the_middle == nothing)
			EXPECT_EQ(ring_buffer_entries(), 2);
		graph_goes();
		in_the_middle = nothing;
		EXPECT_EQ(hooked_twice(), 9);
		EXPECT_EQ(nr_calls, 2 * !cases[i].probe_goes);
		if (!cases[i].probe_goes)
			kretprobe_unregister(&beside);
	}
}
