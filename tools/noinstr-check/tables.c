/*
 * What the checker takes from people: entries, exits and odd stack pointers, each with its reason.
 *
 * Everything else it finds out by itself. A name that the kernel no longer has, or has twice, is an error, and so is a
 * permission that nothing asked for: nothing stays allowed by accident.
 */
#include "tools/noinstr-check/check.h"

#include <string.h>

/* The IDT's own stubs (arch/x86/entry/desc.c, idt_init()). An asm_exc_ symbol that isn't here is an error. */
static const struct {
	const char *fn;
	int vector;
} vectors[] = {
	{ "asm_exc_debug", 1 },		 { "asm_exc_nmi", 2 },
	{ "asm_exc_int3", 3 },		 { "asm_exc_double_fault", 8 },
	{ "asm_exc_machine_check", 18 }, { "asm_syscall", 257 }, /* pt_regs.h */
	{ "asm_exc_twin", 238 },
};

/* Hidden assembly that is entered otherwise: its context is that of whoever comes. */
static const struct listed entries[] = {
	{ "ftrace_caller", "", "called by traced functions, in their context" },
	{ "ftrace_early_caller", "", "the same, in boot" },
	{ "ftrace_regs_caller", "", "the same, for a probe" },
	{ "ftrace_probe_caller", "", "the same, for a probe" },
	{ "probe_caller", "", "copies of it are, for a probe" },
	{ "recoverable_call", "", "called where another policy is asked, in the context of what is guarded" },
	{ "return_to_handler", "", "traced functions return to it, in their context" },
	{ "return_to_probe", "", "the same, of functions with a return probe" },
	{ "switch_to", "", "called by the scheduler; between two stacks nobody may look" },
	{ "thread_entry", "", "a new thread's first switch_to() returns to it" },
	{ "asm_ipc_called", "", "called in the middle of a system call, which ends here as another's" },
	{ "asm_ipc_replied", "", "the same" },
	{ "asm_syscall_resume", "", "the same" },
	{ "asm_user_trap_resume", "", "called in a system call, which ends here as another's trap" },
	{ "asm_thread_woken", "", "switch_to() returns to it, in a thread that waited without frames" },
	{ "ap_entry", "", "another CPU's first instructions in the higher half" },
	{ "higher_half", "", "the boot CPU's first instructions in the higher half" },
};

/* Calls out of hidden text without begin/end. */
static const struct listed exits[] = {
	{ "ftrace_caller", "ftrace_ops_list_func", "visible code called: the context is its own" },
	{ "ftrace_early_caller", "function_trace_call", "the same" },
	{ "ftrace_regs_caller", "ftrace_ops_list_func", "the same" },
	{ "ftrace_probe_caller", "kprobe_ftrace_handler", "the same" },
	{ "probe_caller", "kprobe_ftrace_handler", "the same" },
	{ "probe_caller", "preempt_schedule", "the same, with preemption on again" },
	{ "probe_caller", ANY_INDIRECT, "the probe's pre handler, in the context of the traced function" },
	{ "recoverable_call", ANY_INDIRECT, "what is guarded, in its context" },
	{ "return_to_handler", "graph_return", "visible code called: the context is its own" },
	{ "return_to_probe", "kretprobe_return", "the same" },
	{ "thread_entry", "thread_begin",
	  "switch_to() was called in an established context, and this is its other end" },
	{ "asm_thread_woken", "ipc_woken", "the same" },
	{ "do_twin", "twin_step", "the exposed one of two twins, to see what hiding is for" },
	{ "asm_syscall", ANY_INDIRECT, "what the table says, when RCU watches" },
	{ "asm_syscall", "do_syscall", "the same" },
	{ "asm_syscall", "syscall_work", "the same" },
	{ "ap_entry", "ap_main", "boot: no tracer is on yet" },
	{ "higher_half", "kernel_start", "boot: no tracer is on yet" },
};

/* instrumentation_begin() where neither rcu_nmi_enter() nor its kin has been called. */
static const struct listed begins[] = {
	{ "do_irq", "",
	  "context_read() == 0: back in a task with preemption on, which RCU has been watching" },
	{ "text_poke_emergency_observed", "", "scene 10's observer, called when no probe is left" },
};

/* On the path of int3 and #DB the only ways into visible code that come back. */
static const struct listed handlers[] = {
	{ "kprobe_int3", "", "the probe's pre handler" },
	{ "hit_unusual", "", "the same, of several, and the event of a hit without them" },
	{ "call_post", "", "the probe's post handler" },
	{ "watchpoint_debug", "", "the watchpoint's handler" },
	{ "text_poke_emergency_observed", "", "scene 10's observer, called when no probe is left" },
};

/* Where the path of int3 and #DB ends: what is done from there on is no part of a recursion of theirs. */
static const struct listed trap_ends[] = {
	{ "do_user_trap", "", "it came from user mode, where no probe of the kernel's is" },
};

/* Hidden for a reason that the flow of control doesn't show; a name that isn't unique, with its file. */
static const struct listed must_hide[] = {
	{ "memcpy", "", "the compiler calls it by itself, from hidden code as well" },
	{ "memmove", "", "the compiler calls it by itself, from hidden code as well" },
	{ "memset", "", "the compiler calls it by itself, from hidden code as well" },
	{ "memcmp", "", "the compiler calls it by itself, from hidden code as well" },
	{ "text_poke", "", "a probe's own int3 is written by it" },
	{ "jump_landing", "", "a detour calls it without a guard: a jump in it would lead there again" },
	{ "kprobe_detour_slow", "",
	  "a detour calls it before it has a guard: a jump in it would lead there again" },
	{ "policy_call", "", "the same takes its guard by it" },
	{ "call_unguarded", "", "the same" },
	{ "call_each", "", "a detour calls it, and it gives that one's guard back" },
	{ "text_poke_bp_batch", "", "it changes the site of whatever it calls" },
	{ "text_poke_round", "", "it changes the site of whatever it calls" },
	{ "push", "context/irq_work.c",
	  "a work claimed and not yet linked: a recovery that began in between would leave it pending for ever" },
	{ "push", "sched/work.c",
	  "a work claimed and not yet linked: a recovery that began in between would leave it pending for ever" },
	{ "claim", "kernel/message_ring.c",
	  "a message claimed and not yet described: a recovery that began in between would leave it unfinished" },
	{ "rcu_read_lock_trace", "", "for instruments in hidden code, where RCU isn't watching" },
	{ "rcu_read_unlock_trace", "", "for instruments in hidden code, where RCU isn't watching" },
	{ "step_abandon", "", "ends a step: one that it is stepped in would be the wrong one" },
};

/* NASM's local labels that are reached by their address. */
static const struct listed by_address[] = {
	{ "asm_exc_nmi", "asm_exc_nmi.repeat", "a nested NMI makes the outer one's iretq come here" },
};

static const struct {
	const char *fn, *text; /* the instruction, from its beginning */
	int64_t depth;
	const char *why;
} stacks[] = {
	{ "asm_exc_debug", "pop rsp", 16,
	  "the frame, vector and error code were copied to the interrupted stack" },
	{ "asm_exc_debug", "mov rsp, ", -40, "the interrupted stack: the frame's five words go there" },
	{ "asm_exc_debug", "and rsp, ", -40, "its alignment, as the CPU does it" },
	{ "asm_syscall", "mov rsp, ", -40,
	  "the thread's stack: a frame of five words comes next, as the CPU's own" },
	{ "asm_syscall_exit", "mov rsp, ", 0, "the user's: sysret takes nothing from there" },
	{ "asm_direct_exit", "mov rsp, ", 0, "the same" },
	{ "asm_ipc_called", "lea rsp, ", 0,
	  "the stack of who is gone to: the frame is there, and sysret takes nothing from it" },
	{ "asm_ipc_replied", "lea rsp, ", 0, "the same" },
	{ "asm_syscall_resume", "mov rsp, ", -40, "the thread's stack, with all registers below" },
	{ "asm_user_trap_resume", "mov rsp, ", -40, "the same" },
	{ "asm_user_enter", "mov rsp, ", -40, "as asm_syscall's" },
	{ "asm_user_enter", "and rsp, ", -40, "its alignment, as the CPU does it" },
	{ "by_step", "pushfq", STACK_KEEPS, "a test: taken back by popfq" },
	{ "by_step", "popfq", STACK_KEEPS, "a test: after pushfq" },
	{ "by_int2_on_another_stack", "mov esp, ", STACK_KEEPS, "a test: nothing is pushed there" },
	{ "by_int2_on_another_stack", "mov rsp, ", STACK_KEEPS, "a test: back" },
	{ "by_int1_on_another_stack", "mov esp, ", STACK_KEEPS, "a test: nothing is pushed there" },
	{ "by_int1_on_another_stack", "mov rsp, ", STACK_KEEPS, "a test: back" },
	{ "asm_exc_int3", "sub rsp, ", STACK_KEEPS, "makes room above the frame, which moves down with it" },
	{ "asm_exc_nmi", "lea rsp, ", 0, "F: a copy of the CPU's frame" },
	{ "return_to_handler", "push 0x", STACK_KEEPS,
	  "the ret that led here took this word: it is put back, to be returned by" },
	{ "return_to_probe", "push 0xF", STACK_KEEPS, "the same; an address, not the selectors" },
	{ "switch_to", "mov rsp, ", STACK_KEEPS, "the other thread's stack holds the same seven words" },
	{ "ap_entry", "mov rsp, ", 0, "a stack of its own, empty" },
	{ "higher_half", "mov rsp, ", 0, "the boot CPU's stack, empty" },
};

/* What the context functions do to the facts of rules.c: context/watch.c, kprobe/bust.c. */
static const struct {
	const char *fn;
	int set, cleared;
} contexts[] = {
	{ "rcu_nmi_enter", FACT_ENTERED, 0 },
	{ "rcu_nmi_exit", 0, FACT_ENTERED },
	{ "rcu_irq_enter", FACT_ENTERED, 0 },
	{ "rcu_irq_exit", 0, FACT_ENTERED },
	{ "rcu_idle_exit", FACT_ENTERED, 0 },
	{ "rcu_idle_enter", 0, FACT_ENTERED },
	{ "rcu_user_exit", FACT_ENTERED, 0 },
	{ "rcu_user_enter", 0, FACT_ENTERED },
	{ "bust_disarm_all", FACT_DISARMED, 0 },
	/* It says false when it has disarmed none: then whoever asked panics, and that disarms. */
	{ "bust_kprobes", FACT_DISARMED, 0 },
};

static const char *const compilers_own[] = {
	"memcpy",   "memmove", "memset", "memcmp", "__fentry__", "__stack_chk_fail", "__stack_chk_fail_local",
	"__mcount", "mcount",
};

/* The entries that something in this kernel asked for. */
static const void *asked[128];
static size_t nr_asked;

static bool was_asked(const void *entry)
{
	for (size_t i = 0; i < nr_asked; i++)
		if (asked[i] == entry)
			return true;
	return false;
}

static void ask(const void *entry)
{
	if (!was_asked(entry) && nr_asked < ARRAY_SIZE(asked))
		asked[nr_asked++] = entry;
}

static const struct listed *find(const struct listed *table, size_t n, const char *fn, const char *what)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].fn, fn) == 0 && (!what || strcmp(table[i].what, what) == 0)) {
			ask(&table[i]);
			return &table[i];
		}
	return NULL;
}
#define FIND(table, fn, what) find(table, ARRAY_SIZE(table), fn, what)

bool listed_exit(const char *fn, const char *callee) { return FIND(exits, fn, callee); }
bool listed_begin(const char *fn) { return FIND(begins, fn, NULL); }
bool listed_handler(const char *fn) { return FIND(handlers, fn, NULL); }
bool listed_trap_end(const char *fn) { return FIND(trap_ends, fn, NULL); }

/* "f.constprop.0" is what the compiler made of f. */
static bool is_or_was(const char *symbol, const char *fn)
{
	size_t len = strcspn(symbol, ".");

	return strlen(fn) == len && memcmp(symbol, fn, len) == 0;
}

const char *listed_must_hide(const struct fn *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(must_hide); i++)
		if (is_or_was(f->name, must_hide[i].fn) &&
		    (!*must_hide[i].what || strcmp(must_hide[i].what, lines_unit(f->addr)) == 0)) {
			ask(&must_hide[i]);
			return must_hide[i].why;
		}
	return NULL;
}

const char *listed_entry(const char *fn)
{
	const struct listed *l = FIND(entries, fn, NULL);

	return l ? l->why : NULL;
}

int listed_vector(const char *fn)
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		if (strcmp(vectors[i].fn, fn) == 0)
			return vectors[i].vector;
	return -1;
}

const char *listed_by_address(const char *fn, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(by_address); i++)
		if (strcmp(by_address[i].fn, fn) == 0 && n-- == 0)
			return by_address[i].what;
	return NULL;
}

bool listed_stack(const char *fn, const char *text, int64_t *depth)
{
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++)
		if (strcmp(stacks[i].fn, fn) == 0 &&
		    (!text || strncmp(text, stacks[i].text, strlen(stacks[i].text)) == 0)) {
			if (depth)
				*depth = stacks[i].depth;
			if (text)
				ask(&stacks[i]);
			return true;
		}
	return false;
}

bool listed_context(const char *fn, int *set, int *cleared)
{
	for (size_t i = 0; i < ARRAY_SIZE(contexts); i++)
		if (strcmp(contexts[i].fn, fn) == 0) {
			*set = contexts[i].set;
			*cleared = contexts[i].cleared;
			return true;
		}
	return false;
}

bool listed_compiler(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(compilers_own); i++)
		if (strcmp(name, compilers_own[i]) == 0)
			return true;
	return strncmp(name, "__x86_indirect_thunk", 20) == 0 || strncmp(name, "__x86_return_thunk", 18) == 0;
}

#define LISTS "tools/noinstr-check/tables.c lists "

static void stale(const struct image *img, const char *fn, const char *table, bool once)
{
	size_t same = 0, alike = 0;

	for (size_t i = 0; i < img->nr_fns; i++) {
		same += strcmp(img->fns[i].name, fn) == 0;
		alike += is_or_was(img->fns[i].name, fn);
	}
	if (!alike)
		problem(0, "stale", "", LISTS "%s() among the %s, and the kernel has no such function", fn,
			table);
	if (once && same > 1)
		problem(0, "stale", "", LISTS "%s() among the %s, and the kernel has %zu of that name", fn,
			table, same);
}

static void stale_list(const struct image *img, const struct listed *list, size_t n, const char *table,
		       bool once)
{
	for (size_t i = 0; i < n; i++) {
		stale(img, list[i].fn, table, once);
		if (!was_asked(&list[i]) && nr_of_problems() == 0)
			problem(0, "stale", "",
				LISTS "%s()%s%s among the %s, and nothing in the kernel asks for it",
				list[i].fn, *list[i].what ? ", " : "", list[i].what, table);
	}
}

static void stale_stacks(const struct image *img)
{
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		stale(img, stacks[i].fn, "changes of rsp", true);
		if (!was_asked(&stacks[i]) && nr_of_problems() == 0)
			problem(0, "stale", "",
				LISTS "'%s' in %s() among the changes of rsp, and there is none",
				stacks[i].text, stacks[i].fn);
	}
}

static void stale_labels(const struct image *img)
{
	for (size_t i = 0; i < ARRAY_SIZE(by_address); i++) {
		bool found = false;

		for (size_t k = 0; k < img->nr_labels; k++)
			found |= strcmp(img->labels[k].name, by_address[i].what) == 0;
		if (!found)
			problem(0, "stale", "", LISTS "%s among the labels, and the kernel has no such label",
				by_address[i].what);
	}
}

#define STALE_LIST(list, table, once) stale_list(img, list, ARRAY_SIZE(list), table, once)

void listed_check_stale(const struct image *img)
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		stale(img, vectors[i].fn, "vectors", true);
	for (size_t i = 0; i < ARRAY_SIZE(contexts); i++)
		stale(img, contexts[i].fn, "context functions", true);
	for (size_t i = 0; i < ARRAY_SIZE(exits); i++)
		if (strcmp(exits[i].what, ANY_INDIRECT) != 0)
			stale(img, exits[i].what, "exits", true);
	STALE_LIST(entries, "entries", true);
	STALE_LIST(exits, "exits", true);
	STALE_LIST(begins, "begins", true);
	STALE_LIST(handlers, "handlers", true);
	STALE_LIST(trap_ends, "ends of the traps' path", true);
	STALE_LIST(must_hide, "functions to hide",
		   false); /* there the file tells, or all of them are meant */
	stale_labels(img);
	stale_stacks(img);
}
