/* Streams: what is read is what the file or command prints, however slowly; and who goes away holds up nobody. */
#include "kernel/stream.h"

#include "abi/errno.h"
#include "abi/rights.h"
#include "abi/syscall.h"
#include "arch/x86/cpu/percpu.h"
#include "lib/command.h"
#include "lib/compiler.h"
#include "lib/ktest.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "lib/seq.h"
#include "mm/kmalloc.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/stress.h"
#include "tests/kernel/user_process.h"
#include "tracefs/tracefs.h"

#define LINES	  20000
#define MANY	  6000 /* are more than a stream has room for */
#define DATA_BASE (WORDS_BASE + 0x1000)

static volatile u32 printed;
static volatile bool finished;

/* Numbered lines: more than a stream keeps. */
static void print_numbers(struct seq *out, u32 n, const char *word)
{
	finished = false;
	for (printed = 0; printed < n && !seq_is_closed(out); printed++)
		seq_printf(out, "line %u of %s\n", printed, word);
	finished = true;
}

static int print_lines(int argc, char **argv, struct seq *out)
{
	print_numbers(out, LINES, argc > 1 ? argv[1] : "?");
	return argc > 2 ? -ENOSPC : 0;
}
COMMAND(stream_lines, "[WORD]", "print numbered lines, for the tests of streams", print_lines);

static int print_locked(int argc, char **argv, struct seq *out)
{
	tracefs_lock();
	print_numbers(out, MANY, "many");
	tracefs_unlock();
	return 0;
}
COMMAND(stream_locked, "", "print numbered lines while nobody may use a file, for the tests of streams",
	print_locked);

static struct object *trace_object(void)
{
	static struct object *o;

	if (!o) {
		o = kzalloc(sizeof(*o));
		if (o)
			object_init(o, OBJECT_TRACE, NULL);
	}
	return o;
}

/* Opens text (in the process's words) and reads @reads times @bytes. The calls are @c: one to open, the others follow. */
struct script {
	struct user_process u;
	s64 trace;
};

static bool begin(struct script *s, const char *text, size_t len, u32 rights)
{
	if (!trace_object() || !user_process(&s->u, "reader"))
		return false;
	memory_write(s->u.words, 0x1000, text, len);
	s->trace = process_give(s->u.process, trace_object(), rights, 0);
	EXPECT(s->trace > 0);
	return true;
}

/* The stream's handle is the second that the process gets. */
#define STREAM (u64)(1 << 10 | 1)

static s64 open_result(const char *text, size_t len, u64 claimed, u64 kind, u32 rights)
{
	struct script s;
	struct user_call c[1];

	if (!begin(&s, text, len, rights))
		return 1;
	c[0] = (struct user_call){ SYS_trace_open, { (u64)s.trace, DATA_BASE, claimed, kind }, 0, 0 };
	EXPECT_EQ(user_process_calls(&s.u, c, 1), 0);
	return (s64)c[0].result;
}

KTEST(stream, opening_is_refused_with_a_reason)
{
	static const char path[] = "/sys/kernel/tracing/tracing_on", word[] = "stream_lines";

	EXPECT(open_result(path, sizeof(path), sizeof(path) - 1, STREAM_FILE, RIGHT_READ) > 0);
	EXPECT_EQ(open_result(path, sizeof(path), sizeof(path), STREAM_FILE, RIGHT_READ), -EINVAL);
	EXPECT_EQ(open_result(path, sizeof(path), 0, STREAM_FILE, RIGHT_READ), -EINVAL);
	EXPECT_EQ(open_result(path, sizeof(path), STREAM_TEXT_MAX + 1, STREAM_FILE, RIGHT_READ),
		  -ENAMETOOLONG);
	EXPECT_EQ(open_result(path, sizeof(path), ~0ul, STREAM_FILE, RIGHT_READ), -ENAMETOOLONG);
	EXPECT_EQ(open_result(path, sizeof(path), 5, STREAM_COMMAND + 1, RIGHTS_ALL), -EINVAL);
	EXPECT_EQ(open_result(path, sizeof(path), 5, STREAM_FILE, RIGHT_WRITE), -EACCES);
	EXPECT_EQ(open_result(word, sizeof(word), sizeof(word), STREAM_COMMAND, RIGHT_READ), -EACCES);
	EXPECT(open_result(word, sizeof(word), sizeof(word), STREAM_COMMAND, RIGHT_READ | RIGHT_WRITE) > 0);
	user_processes_settle();
}

/* What @text gives, as a stream of that kind: at most 3,000 bytes of it, and what it ends with. */
static s64 read_all(const char *text, size_t len, u64 kind, char *out, size_t size)
{
	struct user_call c[6];
	struct script s;
	struct memory *words;
	s64 end = 1;

	memset(out, 0, size);
	if (!begin(&s, text, len, RIGHTS_ALL))
		return 1;
	c[0] = (struct user_call){ SYS_trace_open, { (u64)s.trace, DATA_BASE, len, kind }, 0, 0 };
	for (unsigned i = 1; i < ARRAY_SIZE(c); i++)
		c[i] = (struct user_call){
			SYS_stream_read, { STREAM, DATA_BASE + 600 * (i - 1), 600 }, 0, 0
		};
	words = s.u.words;
	memory_get(words);
	EXPECT_EQ(user_process_calls(&s.u, c, ARRAY_SIZE(c)), 0);
	for (unsigned i = 1, at = 0; i < ARRAY_SIZE(c); i++) {
		if (c[i].result || !c[i].dx) {
			end = (s64)c[i].result;
			break;
		}
		EXPECT(at + c[i].dx < size);
		memory_read(words, 0x1000 + 600 * (i - 1), out + at, c[i].dx);
		at += (unsigned)c[i].dx;
	}
	memory_put(words);
	return end;
}

KTEST(stream, says_what_the_file_says)
{
	static char text[3200];
	static const char on[] = "/sys/kernel/tracing/tracing_on", none[] = "/sys/kernel/tracing/none",
			  dir[] = "/sys/kernel", command[] = "explain\0no_such_function";

	EXPECT_EQ(read_all(on, sizeof(on) - 1, STREAM_FILE, text, sizeof(text)), 0);
	EXPECT(strcmp(text, "1\n") == 0);
	EXPECT_EQ(read_all(none, sizeof(none) - 1, STREAM_FILE, text, sizeof(text)), -ENOENT);
	EXPECT(strcmp(text, "") == 0);
	EXPECT_EQ(read_all(dir, sizeof(dir) - 1, STREAM_DIRECTORY, text, sizeof(text)), 0);
	EXPECT(strcmp(text, "tracing/\n") == 0);
	EXPECT_EQ(read_all(command, sizeof(command), STREAM_COMMAND, text, sizeof(text)), -ENOENT);
	EXPECT_EQ(read_all("no_such", 8, STREAM_COMMAND, text, sizeof(text)), -ENOENT);
	EXPECT_EQ(read_all("cd", 3, STREAM_COMMAND, text, sizeof(text)), -ENOENT);
	user_processes_settle();
}

/* Without a process: a stream, its thread, and us. */
static struct stream *start(const char *words, size_t len)
{
	struct stream *s = stream_create(STREAM_COMMAND, len);

	EXPECT(s);
	if (!s)
		return NULL;
	memcpy(s->words, words, len);
	s->object.opened(&s->object, RIGHTS_ALL);
	EXPECT_EQ(stream_start(s), 0);
	return s;
}

static void wait_until_ended(struct stream *s)
{
	while (!READ_ONCE(s->ended))
		thread_yield();
}

/* For its reader; or it has ended. */
static void wait_until_it_waits(struct stream *s)
{
	while (list_empty(&s->writable.waiters) && !READ_ONCE(s->ended))
		thread_yield();
}

static void leave(struct stream *s)
{
	s->object.closed(&s->object, RIGHTS_ALL);
	wait_until_ended(s);
	object_put(&s->object);
	user_processes_settle();
}

KTEST(stream, waits_for_a_slow_reader_and_goes_on_without_him)
{
	struct stream *s = start("stream_lines\0x", 15);

	if (!s)
		return;
	wait_until_it_waits(s);
	EXPECT(!finished && printed < LINES);
	EXPECT(s->text.in - s->text.out <= STREAM_ROOM);
	s->object.closed(&s->object, RIGHTS_ALL);
	wait_until_ended(s);
	EXPECT(finished && printed < LINES);
	object_put(&s->object);
	user_processes_settle();
}

KTEST(stream, an_interrupt_ends_it_behind_a_line)
{
	struct stream *s = start("stream_lines\0x", 15);
	char last;

	if (!s)
		return;
	while (s->text.in < STREAM_ROOM / 2)
		thread_yield();
	stream_interrupt(s);
	while (!READ_ONCE(s->ended)) {
		WRITE_ONCE(s->text.out, s->text.in); /* as who reads all */
		wake_all(&s->writable);
		thread_yield();
	}
	last = s->text.buf[(s->text.in - 1) & (s->text.size - 1)];
	EXPECT_EQ(last, '\n');
	EXPECT(printed < LINES);
	s->object.closed(&s->object, RIGHTS_ALL);
	object_put(&s->object);
	user_processes_settle();
}

/* Or all would wait for this reader. */
KTEST(stream, nobody_waits_with_the_files_lock)
{
	struct stream *s;

	finished = false;
	s = start("stream_locked", 14);
	if (!s)
		return;
	wait_until_it_waits(s);
	EXPECT(finished && printed == MANY);
	EXPECT(s->text.in > STREAM_ROOM);
	leave(s);
	EXPECT(finished);
}

/* The first one's text is kept until somebody takes it; the second begins when the first is left. */
KTEST(stream, a_command_has_one_user_at_a_time)
{
	struct stream *first = start("stream_lines\0x", 15), *second, *third;

	if (!first)
		return;
	wait_until_it_waits(first);
	second = start("stream_lines\0y", 15);
	third = start("stream_lines\0z", 15);
	if (second && third) {
		stream_interrupt(third);
		wait_until_ended(third);
		EXPECT_EQ(third->result, -EINTR);
		EXPECT_EQ(third->text.in, 0);
		EXPECT_EQ(second->text.in, 0);
	}
	leave(first);
	if (second) {
		while (!READ_ONCE(second->text.in) && !READ_ONCE(second->ended))
			thread_yield();
		EXPECT(memcmp(second->text.buf, "line 0 of y\n", 12) == 0);
		leave(second);
	}
	if (third)
		leave(third);
}

/* What is kept is paid for by who has opened it, for as long as it is there. */
KTEST(stream, room_is_paid_for)
{
	for (int enough = 0; enough < 2; enough++) {
		struct account *a = account_create(NULL);
		struct stream *s = stream_create(STREAM_COMMAND, 14);

		if (!a || !s) {
			EXPECT(false);
			return;
		}
		memcpy(s->words, "stream_locked", 14);
		EXPECT_EQ(object_charge(&s->object, a, STREAM_ROOM / PAGE_SIZE, 0), 0);
		a->limit[ACCOUNT_PAGES] = STREAM_ROOM / PAGE_SIZE * (enough ? 2 : 1);
		s->object.opened(&s->object, RIGHTS_ALL);
		EXPECT_EQ(stream_start(s), 0);
		wait_until_ended(s);
		EXPECT_EQ(s->result, enough ? 0 : -E2BIG);
		EXPECT_EQ(a->used[ACCOUNT_PAGES], s->text.size / PAGE_SIZE);
		leave(s);
		rcu_barrier();
		EXPECT_EQ(a->used[ACCOUNT_PAGES], 0);
		account_put(a);
	}
}

/* Files have no place to wait: what they print under the lock of all files is kept. */
KTEST(stream, a_long_file_is_kept_whole)
{
	static const char path[] = "/sys/kernel/tracing/available_filter_functions";
	struct stream *s = stream_create(STREAM_FILE, sizeof(path) - 1);

	EXPECT(s);
	if (!s)
		return;
	memcpy(s->words, path, sizeof(path) - 1);
	s->object.opened(&s->object, RIGHTS_ALL);
	EXPECT_EQ(stream_start(s), 0);
	wait_until_ended(s);
	EXPECT_EQ(s->result, 0);
	EXPECT_EQ(s->text.out, 0);
	EXPECT(s->text.in > 30000);
	EXPECT(s->text.size >= s->text.in);
	s->object.closed(&s->object, RIGHTS_ALL);
	object_put(&s->object);
	user_processes_settle();
}

/* But this one, if it is one. */
static void count(struct thread *t, void *n)
{
	*(unsigned *)n += t != current() && strcmp(t->comm, "stream") == 0;
}

/* Opened, read or not, and left; all of it comes back. */
static int open_and_leave(void *cpu)
{
	static const char *const paths[] = {
		"/sys/kernel/tracing/kprobe_events",
		"/sys/kernel/tracing/set_ftrace_filter",
		"/sys/kernel/tracing/trace",
		"/sys/kernel/tracing/trace_pipe",
		"/sys/kernel/tracing/available_events",
		"/sys/kernel/tracing/kprobes/list",
	};
	unsigned n = stressed_each(40);

	for (unsigned i = 0; i < n; i++) {
		const char *path = paths[((u64)cpu + i) % ARRAY_SIZE(paths)];
		struct stream *s = stream_create(STREAM_FILE, strlen(path));

		if (!s)
			return 1;
		memcpy(s->words, path, strlen(path));
		s->object.opened(&s->object, RIGHTS_ALL);
		if (stream_start(s) != 0)
			return 1;
		if (i % 2)
			thread_yield();
		s->object.closed(&s->object, RIGHTS_ALL);
		object_put(&s->object);
	}
	return 0;
}

KTEST(stream, those_that_are_left_leave_nothing)
{
	size_t before;
	unsigned left = 1;

	crowd_run(open_and_leave); /* what is made once, and kept */
	user_processes_settle();
	before = frames_free_count();
	EXPECT_EQ(crowd_run(open_and_leave), 0);
	for (int i = 0; i < 1000 && left; i++) {
		left = 0;
		thread_for_each(count, &left);
		sleep_ns(1000 * 1000);
	}
	EXPECT_EQ(left, 0);
	user_processes_settle();
	EXPECT(frames_free_count() + 4 >= before);
}

/* On each CPU one who writes, and one who reads what the others write. */
static int write_and_read(void *cpu)
{
	static char text[NR_CPUS][64];
	char *mine = text[(u64)cpu];
	int bad = 0;

	for (unsigned i = 0, n = stressed_each(60); i < n; i++) {
		struct seq_buf out;
		char small[512];

		snprintf(mine, sizeof(text[0]), "p:race/on%lu tracing_on_show+%u\n", (u64)cpu,
			 i % 2 ? 0u : 5u);
		bad += tracefs_write(TRACEFS_MOUNT "/kprobe_events", mine, strlen(mine), true) != 0;
		seq_buf_init(&out, small, sizeof(small));
		bad += tracefs_read(TRACEFS_MOUNT "/kprobe_events", &out.seq) != 0;
		bad += tracefs_read(TRACEFS_MOUNT "/kprobes/list", &out.seq) != 0;
		snprintf(mine, sizeof(text[0]), "-:race/on%lu\n", (u64)cpu);
		bad += tracefs_write(TRACEFS_MOUNT "/kprobe_events", mine, strlen(mine), true) != 0;
		bad += tracefs_read(TRACEFS_MOUNT "/available_events", &out.seq) != 0;
	}
	return bad;
}

KTEST(stream, files_have_one_user_at_a_time)
{
	EXPECT_EQ(crowd_run(write_and_read), 0);
}
