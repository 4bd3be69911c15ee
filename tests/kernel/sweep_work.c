/*
 * What runs into the sweep's probes: the kernel's own tests one by one, control files and commands, and code called again.
 *
 * Each is run without probes first, twice: what then comes out of it must come out of it with probes, too.
 */
#include "abi/errno.h"
#include "kprobe/internal.h"
#include "lib/bug.h"
#include "lib/glob.h"
#include "lib/ktest.h"
#include "lib/printf.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/alloc_fail.h"
#include "rcu/rcu.h"
#include "tests/bench/bench.h"
#include "tests/kernel/sweep.h"
#include "tests/kernel/sweep_scripts.h"
#include "tests/kernel/user_process.h"
#include "trace/clock.h"
#include "tracefs/tracefs.h"

static struct sweep_item *all_items;
struct sweep_item *sweep_items;
unsigned sweep_nr_items;

/* Tests whose checks count what probes change: they run, but what they say isn't compared. */
struct exception {
	const char *pattern, *why;
};
static const struct exception loose[] = {
	{ "kprobe.*", "counts hits missed, and guards that dropped them" },
	{ "events.in_a_trap_whose_way_is_probed", "the same" },
	{ "watch.*idle*", "counts the traps taken in the idle loop" },
	{ "nmi.leaves_the_cause*", "reads DR6, which is a step's in the step of the reading instruction" },
	{ "ring3.handlers*", "counts steps" },
	{ "backtrace.each*",
	  "a backtrace knows where no frame stands by the bytes there, and an int3 is another" },
	{ "events.an_event_of_its_own*",
	  "counts guards that dropped events, and an event in a handler is dropped" },
	{ "ftrace.an_entry_with_a_probe_is_left_alone", "counts all entries with a probe" },
	{ "entry.*", "counts the black box's records, and each hit leaves some" },
	{ "gs.*", "the same" },
	{ "irqsoff.*", "looks for the longest stretch, and one with probes in it is longer" },
	{ "kprobe_jump.*", "counts jumps, and where another probe is there may be none" },
	{ "stack_tracer.*",
	  "looks for functions in a trace, and one with an int3 at its entry is not in it" },
	{ "ring.without_memory*", "knows how large the rings are, which what ran before may have changed" },
	{ "rcu_torture.*", "expects some of its callbacks within its time" },
	{ "rcu_contexts.another_cpu_watches", "looks at another CPU, which may be in the trap of a probe" },
	{ "stream.*", "counts free frames, and what a thread has printed by some time" },
	{ "kprobe_storm.*", "finds its places in the text as it stands, and sums that" },
	{ "traps.an_int3_that_has_come_back*", "asks about a place that has a probe then" },
	{ "nmi.leaves_the_stack*", "marks a stack that the #DB of any step in the NMI then uses" },
	{ "debug.*", "counts the traps that are under way" },
	{ "ftrace*.*", "counts traced entries: one with an int3 is left alone" },
	{ "graph.*", "the same" },
	{ "events.a_trigger_works_without_recording", "the same" },
	{ "rcu_contexts.user_mode_is_not_disturbed", "each jump that is taken out calls all CPUs" },
	{ "events.snapshots_under_load", "counts free frames, and jumps take some meanwhile" },
	{ "vmem.sizes_that_are_none*", "the same" },
	{ "rcu.a_grace_period_in_progress*", "expects that nobody else wants one" },
	{ "lines.function_filters", "lists what is traced: an entry with an int3 isn't" },
	{ "lines.probe_names", "lists all probes" },
	{ "process.random_calls*", "prints its seed" },
	{ "crashme.*", "the same, and counts" },
	{ "process_kill.*", "the same" },
	{ "syscall_entry.survives_what_mov_ss*", "counts who comes to the int3's stub, and each hit does" },
	{ "kprobe_unregister.a_place_waits*",
	  "another probe stays at its place, so that one stays, too, and nobody waits" },
	{ "uprobe.gives_all_memory_back", "counts free frames, and jumps take some meanwhile" },
	{ "uprobe.copies_that_cannot_be_made", "the same" },
	{ "*.what_hooks_returns_sees_them", "counts hits, and in a handler some are missed" },
	{ "fault_user.no_trap_is_inside*", "looks in the black box, and each hit leaves records" },
	{ "policy.*", "counts what is dropped, and what is hit meanwhile is" },
	{ "space.sealing_interrupts*", "counts another CPU's traps, and each hit there is one" },
};

/* In a whole sweep only, and there for what nothing else hits. Not by a clock: what a machine that has something else to do takes long for would be left out, too. */
static const struct exception takes_long[] = {
	{ "script.events_on", "seconds" },
	{ "script.filtered_on", "seconds" },
	{ "script.messages_on", "seconds" },
	{ "script.graph_on", "seconds" },
	{ "script.irqsoff_on", "seconds" },
	{ "script.checked_on", "seconds" },
	{ "script.malformed", "a second" },
	{ "script.rcu_files", "a second" },
	{ "script.pipe", "waits" },
	{ "code.options", "a second" },
	{ "code.benches", "seconds" },
	{ "code.no_memory", "seconds" },
	{ "script.exceptions", "seconds" },
	{ "script.sweep", "seconds" },
	{ "script.policies", "traces everything" },
	{ "policy.*", "changes the ways of all probes, and some busts" },
	{ "script.wx", "walks all page tables at each poke" },
	{ "code.report", "much text" },
	{ "code.decode", "much text" },
	{ "code.look_at_all", "decodes all text" },
	{ "kprobe.a_probed_instruction*", "seconds" },
	{ "kprobe.each_round*", "a second" },
	{ "kprobe_storm.*", "seconds" },
	{ "kprobe_jump.jumps_come_and_go*", "seconds" },
	{ "kprobe_jump.the_file_technique*", "seconds" },
	{ "kprobe.*bust*", "all probes have to be armed again" },
	{ "kprobe_jump.*bust*", "the same" },
	{ "gs.*", "the same" },
	{ "script.explain_more", "measures" },
	{ "kretprobe.the_graph_tracer*", "seconds" },
	{ "*.*_under_running_cpus", "a second" },
	{ "*.*_under_load", "a second" },
	{ "*.*_between_cpus", "a second" },
	{ "timeout.*", "seconds" },
	{ "crashme.*", "seconds" },
	{ "process_kill.*", "seconds" },
	{ "rcu_torture.*", "seconds" },
	{ "rcu_litmus.*", "seconds" },
	{ "rcu_check.the_table*", "a second" },
	{ "mm.all_memory*", "seconds" },
	{ "irqsoff.idle*", "a second" },
	{ "ftrace.all_functions*", "traces everything" },
	{ "ftrace_files.the_profile*", "traces everything" },
	{ "lockdep.debug*", "a second" },
	{ "flip.*", "a second" },
	{ "uprobe.*", "a second" },
	{ "script.function*", "traces everything" },
	{ "script.stacks", "traces everything" },
	{ "script.irqsoff", "traces everything" },
	{ "script.profile", "traces everything" },
	{ "code.read_all", "much text" },
};

#define SCRIPT(n, text) { .suite = "script", .name = #n, .kind = SWEEP_SCRIPT, .script = text },
#define LOOSE_SCRIPT(n, text) \
	{ .suite = "script", .name = #n, .kind = SWEEP_SCRIPT, .script = text, .loose = true },
#define LINES_ITEM(n, to, text, script_then) \
	{ .suite = "lines",                  \
	  .name = #n,                        \
	  .kind = SWEEP_LINES,               \
	  .script = script_then,             \
	  .lines = text,                     \
	  .file = to },

static u64 read_all(void);
static u64 report(void);
static u64 all_options(void);
static u64 benches(void);
static u64 no_memory(void);
static u64 look_at_all(void);

static const struct sweep_item others[] = {
	SCRIPTS(SCRIPT) LOOSE_SCRIPTS(LOOSE_SCRIPT) LINES(LINES_ITEM){
		.suite = "code", .name = "read_all", .kind = SWEEP_CODE, .code = read_all, .loose = true },
	{ .suite = "code", .name = "options", .kind = SWEEP_CODE, .code = all_options, .loose = true },
	{ .suite = "code", .name = "benches", .kind = SWEEP_CODE, .code = benches, .loose = true },
	{ .suite = "code", .name = "interrupt", .kind = SWEEP_CODE, .code = sweep_interrupt, .loose = true },
	{ .suite = "code", .name = "no_memory", .kind = SWEEP_CODE, .code = no_memory, .loose = true },
	{ .suite = "code", .name = "report", .kind = SWEEP_CODE, .code = report, .loose = true },
	{ .suite = "code", .name = "planted", .kind = SWEEP_CODE, .code = sweep_planted },
	{ .suite = "code", .name = "tables", .kind = SWEEP_CODE, .code = sweep_tables },
	{ .suite = "code", .name = "pure", .kind = SWEEP_CODE, .code = sweep_pure },
	{ .suite = "code", .name = "images", .kind = SWEEP_CODE, .code = sweep_images },
	{ .suite = "code", .name = "decode", .kind = SWEEP_CODE, .code = sweep_decode },
	{ .suite = "code", .name = "parse_again", .kind = SWEEP_CODE, .code = sweep_parse_again },
	{ .suite = "code", .name = "look_at_all", .kind = SWEEP_CODE, .code = look_at_all },
};

/* A sink: the hash of all, and its beginning. */
struct sink {
	struct seq seq;
	u64 hash;
	size_t len;
	char text[4096];
};

static struct sink sink;

static void sink_write(struct seq *s, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sink.hash = (sink.hash ^ (u8)text[i]) * 0x100000001b3;
		if (sink.len < sizeof(sink.text) - 1)
			sink.text[sink.len++] = text[i];
	}
}

const char *sweep_said(void)
{
	sink.text[sink.len] = 0;
	return sink.text;
}

static u64 run_script(const char *text)
{
	sweep_play(text, &sink.seq);
	return sink.hash;
}

static u64 write_lines(const struct sweep_item *item)
{
	char path[TRACEFS_PATH_MAX];

	snprintf(path, sizeof(path), TRACEFS_MOUNT "/%s", item->file);
	for (const char *line = item->lines, *end; *line; line = *end ? end + 1 : end) {
		end = strchr(line, '\n') ?: line + strlen(line);
		seq_printf(&sink.seq, "%d\n", tracefs_write(path, line, (size_t)(end - line), true));
	}
	return run_script(item->script);
}

u64 sweep_run(const struct sweep_item *item)
{
	rcu_tasks_qs();		 /* or jumps would wait for the end of the sweep */
	user_processes_settle(); /* or who counts frames would find more of them than before */
	sink = (struct sink){ .seq.write = sink_write };
	switch (item->kind) {
	case SWEEP_TEST:
		return ktest_run(item->test, &sink.seq);
	case SWEEP_SCRIPT:
		return run_script(item->script);
	case SWEEP_LINES:
		return write_lines(item);
	default:
		return item->code();
	}
}

struct each_entry {
	const char *dir;
	tracefs_entry_fn fn;
};

/* Who lists a directory has the files' lock, which what is done with an entry takes, too. */
static void unlocked(void *arg, const char *name, bool is_dir)
{
	const struct each_entry *each = arg;
	bool locked = tracefs_pause();

	each->fn((void *)each->dir, name, is_dir);
	if (locked)
		tracefs_resume();
}

static void for_each_entry(const char *dir, tracefs_entry_fn fn)
{
	struct each_entry each = { dir, fn };

	tracefs_readdir(dir, unlocked, &each);
}

/* Each file there is, but those that don't end. */
static void read_below(const char *dir);

static void found(void *arg, const char *name, bool is_dir)
{
	const char *dir = arg;
	char path[TRACEFS_PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return;
	if (is_dir)
		read_below(path);
	else if (!strstr(name, "_pipe") && !strstr(path, "/test/"))
		tracefs_read(path, &sink.seq);
}

static void read_below(const char *dir) { for_each_entry(dir, found); }

static u64 read_all(void)
{
	read_below(TRACEFS_MOUNT);
	return 0;
}

/* Each the other way round, while something is recorded and read. */
static void try_option(void *arg, const char *name, bool is_dir)
{
	static const char work[] =
		"cd " TRACEFS_MOUNT "; echo 'tracefs_*' > set_ftrace_filter; echo 1 > events/sched/enable; "
		"echo 1 > events/irq/enable; echo function > current_tracer; ls; "
		"echo function_graph > current_tracer; ls; head -n 30 trace; echo nop > current_tracer; "
		"echo 0 > events/enable; head -n 30 trace; echo > trace; echo > set_ftrace_filter";
	char path[TRACEFS_PATH_MAX], was[4] = "";
	struct seq_buf b;

	seq_buf_init(&b, was, sizeof(was));
	snprintf(path, sizeof(path), TRACEFS_MOUNT "/options/%s", name);
	if (tracefs_read(path, &b.seq) != 0)
		return;
	tracefs_write(path, was[0] == '1' ? "0" : "1", 1, false);
	run_script(work);
	tracefs_write(path, was, 1, false);
}

/* What it finds is known already. */
static u64 look_at_all(void)
{
	mutex_lock(&kprobe_mutex);
	jump_look_at_all();
	mutex_unlock(&kprobe_mutex);
	return 0;
}

/* Each allocation of these fails once. */
static u64 no_memory(void)
{
	static const struct {
		const char *script;
		u64 allocations;
	} what[] = {
		{ "cd " TRACEFS_MOUNT "; echo 'p:n/a run_cd+5 a=%di:x64 s=+0(%di):string' > kprobe_events; "
		  "echo 'r:n/b run_pwd $retval' >> kprobe_events; echo 1 > events/n/enable; pwd; echo 0 > events/n/enable; "
		  "echo > kprobe_events",
		  40 },
		{ "cd " TRACEFS_MOUNT "; echo hist:keys=next_comm > events/sched/sched_switch/trigger; "
		  "echo 'next_pid > 2' > events/sched/sched_switch/filter; echo 0 > events/sched/sched_switch/filter; "
		  "echo '!hist:keys=next_comm' > events/sched/sched_switch/trigger",
		  10 },
		{ "cd " TRACEFS_MOUNT
		  "; echo 'run_*' > set_ftrace_filter; echo run_pwd:stacktrace >> set_ftrace_filter; "
		  "echo '!run_pwd:stacktrace' >> set_ftrace_filter; echo > set_ftrace_filter; echo run_pwd > set_graph_function; "
		  "echo > set_graph_function; echo 1 > set_ftrace_pid; echo > set_ftrace_pid",
		  10 },
		{ "cd " TRACEFS_MOUNT
		  "; echo 1 > snapshot; echo 0 > snapshot; echo 300 > buffer_size_kb; echo 256 > buffer_size_kb",
		  20 },
		{ "cd " TRACEFS_MOUNT
		  "; echo irqsoff > current_tracer; cat trace; echo nop > current_tracer; "
		  "echo function_graph > current_tracer; echo nop > current_tracer; echo 1 > function_profile_enabled; "
		  "echo 0 > function_profile_enabled; cat kprobes/blacklist; ls; cat trace",
		  20 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(what); i++)
		for (u64 n = 1; n <= what[i].allocations; n++) {
			alloc_fail_nth(n);
			run_script(what[i].script);
		}
	alloc_fail_nth(0);
	return run_script(
		"cd " TRACEFS_MOUNT
		"; echo > kprobe_events; echo '!run_pwd:stacktrace' > set_ftrace_filter; echo nop > current_tracer; "
		"echo > trace; echo > error_log");
}

/* Of a sweep in its middle. */
static u64 report(void)
{
	sweep_report(&sink.seq, "", true);
	return 0;
}

static u64 all_options(void)
{
	for_each_entry(TRACEFS_MOUNT "/options", try_option);
	return 0;
}

/* What the command "bench" does a hundred times, which takes too long. But for a step of its own: in a probe's it is no step. */
static u64 benches(void)
{
	FOR_EACH_REGISTERED(benches, const struct bench, b) {
		if (strncmp((*b)->name, "#DB", 3) == 0)
			continue;
		if ((*b)->setup)
			(*b)->setup();
		if ((*b)->once)
			(*b)->once();
		else
			(*b)->ticks(0);
		if ((*b)->undo)
			(*b)->undo();
		if ((*b)->per)
			(*b)->per();
		if ((*b)->teardown)
			(*b)->teardown();
	}
	return 0;
}

static bool is_among(const struct sweep_item *item, const struct exception *e, size_t n)
{
	char name[96];

	snprintf(name, sizeof(name), "%s.%s", item->suite, item->name);
	while (n--)
		if (glob_match(e[n].pattern, name))
			return true;
	return false;
}

/* All, and those of a sweep inside of it once more. */
static size_t items_max(void)
{
	size_t n = ARRAY_SIZE(others);

	FOR_EACH_REGISTERED(ktests, const struct ktest, t)
		n++;
	return 2 * n;
}

/* Kept sorted. But for a test without failures run twice: what differs without probes says nothing about them. */
static void add(struct sweep_item item)
{
	u64 start = trace_clock();
	unsigned i = sweep_nr_items;

	printk("sweep: without probes: %s.%s\n", item.suite,
	       item.name); /* so that the log says which doesn't end */
	item.outcome = sweep_run(&item);
	item.ns = trace_clock() - start;
	if (item.kind == SWEEP_TEST && item.outcome)
		printk("sweep: fails without probes: %s.%s: %s\n", item.suite, item.name, sweep_said());
	BUG_ON(sweep_items + i == all_items + items_max());
	item.loose |= is_among(&item, loose, ARRAY_SIZE(loose)) || (item.kind == SWEEP_TEST && item.outcome);
	item.loose |= item.kind != SWEEP_TEST && sweep_run(&item) != item.outcome;
	for (; i && sweep_items[i - 1].ns > item.ns; i--)
		sweep_items[i] = sweep_items[i - 1];
	sweep_items[i] = item;
	sweep_nr_items++;
}

static struct wanted {
	bool slow;
	const char *only;
} wanted;

static struct {
	struct wanted wanted;
	unsigned nr_items;
} outer;

int sweep_work_prepare(void)
{
	sweep_items = all_items = sweep_pages(items_max() * sizeof(*all_items));
	return all_items ? sweep_play_prepare() : -ENOMEM;
}

void sweep_work_begin_inner(void)
{
	outer.wanted = wanted;
	outer.nr_items = sweep_nr_items;
	sweep_items += sweep_nr_items;
	sweep_nr_items = 0;
}

void sweep_work_end_inner(void)
{
	sweep_items = all_items;
	sweep_nr_items = outer.nr_items;
	wanted = outer.wanted;
}

static void add_if_wanted(struct sweep_item item)
{
	if (wanted.only && strcmp(item.name, wanted.only) != 0)
		return;
	item.slow = is_among(&item, takes_long, ARRAY_SIZE(takes_long));
	if (!item.slow || wanted.slow)
		add(item);
}

void sweep_work_init(bool slow, const char *only)
{
	if (sweep_nr_items && slow == wanted.slow && only == wanted.only)
		return;
	wanted.slow = slow;
	wanted.only = only;
	sweep_nr_items = 0;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		add_if_wanted(others[i]);
	FOR_EACH_REGISTERED(ktests, const struct ktest, t)
		add_if_wanted((struct sweep_item){
			.suite = (*t)->suite, .name = (*t)->name, .kind = SWEEP_TEST, .test = (*t)->run });
}
