/* The scenarios of the matrix: what is instrumented in each, and what starts it. */
#include "user/sh/matrix.h"

#include "lib/printf.h"
#include "lib/string.h"

/* Bytes of a function's tracing site. Behind it is the first instruction that every technique but the tracer's call can take. */
#define SITE 5
/* All of the way of a hit that has a name: to its handler, and back. */
#define PLACES                                                                                          \
	"asm_exc_int3 do_int3 int3_flag_first rcu_nmi_enter rcu_nmi_exit kprobe_int3 hit_unusual "      \
	"kprobe_without_effect policy_enter policy_enter_trap policy_call recoverable_call step_begin " \
	"emulate record_place kprobe_ftrace_handler kprobe_detour_slow asm_exc_debug do_debug"
#define COPY 32
/* Has an event take the long way, by a function that can be traced. */
#define FILTER "cpu < 64"

/* What a read of tracing_on hits; enabled last, as all begins with it. */
static bool first(struct matrix_cell *c, const char *args)
{
	bool there = matrix_probe(c, "first", "tracing_on_show", SITE, args);

	c->failed |= !there; /* by every technique it can be */
	return there;
}

static bool callback(struct matrix_cell *c)
{
	if (matrix_by_tracer(c)) {
		matrix_set(c, "recursion/consumer", "tracing_on_show", "");
		return true;
	}
	if (!first(c, "") || !matrix_second(c, "event_filter_match", SITE, FILTER))
		return false;
	matrix_do(c, "echo '" FILTER "' > events/matrix/first/filter");
	matrix_enable(c, "first");
	return true;
}

/* Hit by a call, as the tracer is at the same place: so its handler is in no trap, whatever the second one's technique. */
static bool handler(struct matrix_cell *c)
{
	const char *technique = c->technique;
	bool defined;

	matrix_undo(c, "echo > set_ftrace_filter");
	matrix_do(c, "echo tracing_on_show > set_ftrace_filter");
	matrix_set(c, "current_tracer", "function", "nop");
	matrix_do(c, "echo ftrace > kprobes/technique");
	c->technique = "ftrace";
	defined = first(c, " what=+0(%di):x64");
	c->technique = technique;
	if (!defined)
		return false;
	matrix_enable(c, "first");
	if (!matrix_by_tracer(c))
		matrix_do(c, "echo %s > kprobes/technique", technique);
	return matrix_second(c, "fetch_store", SITE, NULL);
}

static bool hidden(struct matrix_cell *c, const char *function)
{
	matrix_set(c, "kprobes/unsafe", "1", "0");
	if (!first(c, "") || !matrix_second(c, function, 0, NULL))
		return false;
	matrix_enable(c, "first");
	return true;
}
static bool way_in(struct matrix_cell *c) { return hidden(c, "rcu_nmi_enter"); }
static bool way_out(struct matrix_cell *c) { return hidden(c, "rcu_nmi_exit"); }

static bool debug(struct matrix_cell *c)
{
	matrix_set(c, "kprobes/unsafe", "1", "0");
	if (!matrix_second(c, "do_debug", 0, NULL))
		return false;
	matrix_undo(c, "echo -:matrix/first >> kprobe_events");
	matrix_do(c, "echo w:matrix/first tracing_on_show+5:1:x >> kprobe_events");
	matrix_enable(c, "first");
	return true;
}

static bool ring(struct matrix_cell *c)
{
	matrix_set(c, "options/stacktrace", "1", "0");
	return matrix_second(c, "ring_buffer_reserve_for", 0, NULL);
}

/* Where the copies of what the first probe displaces are; 0: there are none. */
static u64 copies(struct matrix_cell *c)
{
	struct matrix_cell quiet = { .shown = false };
	const char *at;
	u64 addr = 0;

	matrix_run(&quiet, "explain nmi_step+5");
	at = strstr(matrix_said, ", at 0x");
	if (at && strcmp(c->technique, "ftrace") != 0 && !matrix_by_tracer(c))
		parse_u64(at + 7, 16, 16, &addr);
	return addr;
}

/* One copy is run with a jump behind it, the other with int3s. */
static bool nmis(struct matrix_cell *c)
{
	size_t len;
	u64 copy;

	if (!matrix_probe(c, "first", "nmi_step", SITE, "") || !matrix_second(c, "nmi_arrived", SITE, NULL))
		return false;
	matrix_enable(c, "first");
	len = (size_t)snprintf(c->trigger, sizeof(c->trigger), "echo " PLACES);
	copy = copies(c);
	if (copy)
		len += (size_t)snprintf(c->trigger + len, sizeof(c->trigger) - len, " 0x%lx 0x%lx 0x%lx",
					copy, copy + COPY, copy + COPY + 1);
	snprintf(c->trigger + len, sizeof(c->trigger) - len, " > recursion/nmi");
	return true;
}

/* Each has hit the second, or was dropped there. */
static void nmis_look(struct matrix_cell *c)
{
	u64 came;

	matrix_do(c, "cat recursion/nmi");
	came = matrix_number("came");
	c->unclear = !came || came != c->inside + c->lost;
}

static bool twin(struct matrix_cell *c)
{
	bool was;

	if (!matrix_second(c, "twin_step", SITE, FILTER))
		return false;
	matrix_do(c, "cat rcu/check");
	was = matrix_said[0] == '1';
	if (!was && matrix_said[0] != '0') { /* ^C, just then: what it is to be put back to isn't known */
		c->failed = true;
		return false;
	}
	matrix_set(c, "rcu/check", "1", was ? "1" : "0");
	return true;
}

static void twin_look(struct matrix_cell *c)
{
	matrix_do(c, "cat rcu/twin");
	c->reports = matrix_number("twin_step(), ");
}

/* clang-format off */
const struct matrix_scenario matrix_scenarios[MATRIX_SCENARIOS] = {
	{ "a tracer's callback calls what it traces", callback, "cat tracing_on",
	  .note =
"A probe on the function that a filter is asked by, with a filter of its own;\n"
"and as \"function\" a consumer of the tracer's whose callback calls itself.\n" },
	{ "a probe in the handler of a probe", handler, "cat tracing_on",
	  .note =
"The first, by a call, has an event that stores an argument, by fetch_store();\n"
"there is the second. As \"function\" the function tracer is in its place.\n" },
	{ "a probe on rcu_nmi_enter", way_in, "cat tracing_on",
	  .note =
"Hidden, so no tracer calls it and no jump is made there; kprobes/unsafe lets\n"
"int3s in.\n" },
	{ "a probe on rcu_nmi_exit", way_out, "cat tracing_on",
	  .note = "As above, on the way out.\n" },
	{ "a probe on the way of #DB", debug, "cat tracing_on",
	  .note =
"On do_debug(), which a watchpoint leads to.\n" },
	{ "a probe in the ring buffer", ring, "echo x > trace_marker",
	  .note =
"On ring_buffer_reserve_for(), by which each event's stack is written; the\n"
"probe's own event, too.\n" },
	{ "an NMI at each step of a hit", nmis, NULL, .stops = true, .look = nmis_look,
	  .note =
"In front of each instruction of a hit's way, by recursion/nmi: no NMI of the\n"
"CPU's, but its stub with the frame that one would have pushed there. The second\n"
"is on nmi_arrived(). How many are lost is how many instructions the flag is held\n"
"for.\n" },
	{ "RCU used before it is told", twin, "echo exposed > rcu/twin", .alone = true,
	  .look = twin_look,
	  .note =
"By the exposed twin of an entry path (rcu/twin). int3 tells RCU itself; who is\n"
"called without a trap, doesn't.\n" },
};
/* clang-format on */
