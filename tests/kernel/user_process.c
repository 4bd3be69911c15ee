/* A process made by hand: three objects, three mappings, and a notification to hear of its end. */
#include "tests/kernel/user_process.h"

#include "abi/rights.h"
#include "abi/syscall.h"
#include "lib/ktest.h"
#include "rcu/rcu.h"
#include "sched/timer.h"

static_assert(SYS_print == 1 && SYS_yield == 3 && SYS_ipc_call == 13 && SYS_ipc_receive == 14 &&
		      SYS_ipc_reply_receive == 16 && SYS_process_kill == 26 && SYS_clock == 2 &&
		      SYS_thread_exit == 27 && SYS_endpoint_create == 11 && SYS_notification_create == 17 &&
		      SYS_notification_signal == 18 && SYS_notification_wait == 19 && NR_SYSCALLS == 39,
	      "user_programs.asm has them so");

#define STACK_PAGES 4

static struct memory *program;

/* Made once, and for good. */
static struct memory *get_program(void)
{
	size_t size = (size_t)(user_programs_end - user_programs);

	if (program)
		return program;
	program = memory_create((size + PAGE_SIZE - 1) / PAGE_SIZE);
	if (program && (memory_write(program, 0, user_programs, size) != 0 || memory_seal(program) != 0)) {
		memory_put(program);
		program = NULL;
	}
	return program;
}

static bool map(struct process *p, u64 va, struct memory *m, u32 rights)
{
	return m && space_map(p->space, va, m->pages, m, 0, rights) == 0;
}

/* init, its servers and what they run are no test's; as few as have ever been found before a test made one of its own. */
static u32 others = ~0u;

static bool fill(struct user_process *u, const char *name)
{
	struct memory *stack = memory_create(STACK_PAGES);
	bool ok;

	others = min(others, READ_ONCE(nr_processes));
	u->process = process_create(name, NULL);
	u->words = memory_create(WORDS_PAGES);
	u->ended = notification_create();
	ok = u->process && u->ended && map(u->process, PROGRAM_BASE, get_program(), MAP_READ | MAP_EXECUTE) &&
	     map(u->process, WORDS_BASE, u->words, MAP_READ | MAP_WRITE) &&
	     map(u->process, STACK_BASE, stack, MAP_READ | MAP_WRITE) &&
	     process_watch(u->process, u->ended, 1) == 0;
	if (stack)
		memory_put(stack);
	return ok;
}

static void drop(struct user_process *u)
{
	if (u->process)
		object_put(&u->process->object);
	if (u->words)
		memory_put(u->words);
	if (u->ended)
		object_put(&u->ended->object);
}

bool user_process(struct user_process *u, const char *name)
{
	*u = (struct user_process){ NULL, NULL, NULL };
	if (fill(u, name))
		return true;
	ktest_fail(__FILE__, __LINE__, "no process", 0, 0);
	drop(u);
	return false;
}

bool user_process_start(struct user_process *u, const u8 *code, u64 arg0, u64 arg1, u8 priority)
{
	int err = process_start(u->process, PROGRAM_BASE + (u64)(code - user_programs),
				STACK_BASE + STACK_PAGES * PAGE_SIZE, (u64[2]){ arg0, arg1 }, priority,
				priority);

	EXPECT_EQ(err, 0);
	return err == 0;
}

int user_process_end(struct user_process *u)
{
	int status = 0;
	u64 bits;

	notification_wait(u->ended, IPC_FOR_EVER, &bits);
	EXPECT_EQ(process_status(u->process, &status), 0);
	drop(u);
	return status;
}

int user_process_run(const u8 *code, u64 arg0, u64 arg1)
{
	struct user_process u;

	if (!user_process(&u, "test"))
		return -1;
	if (!user_process_start(&u, code, arg0, arg1, PRIORITY_DEFAULT))
		process_kill(u.process, -1);
	return user_process_end(&u);
}

int user_process_calls(struct user_process *u, struct user_call *calls, size_t n)
{
	struct memory *words = u->words;
	int status;

	memory_get(words);
	memory_write(words, 0, calls, n * sizeof(*calls));
	if (!user_process_start(u, up_calls, WORDS_BASE, n, PRIORITY_DEFAULT))
		process_kill(u->process, -1);
	status = user_process_end(u);
	memory_read(words, 0, calls, n * sizeof(*calls));
	memory_put(words);
	return status;
}

static void nothing(struct work *w) {}
void user_processes_settle(void)
{
	static WORK(last, nothing);

	for (int i = 0; i < 1000 && READ_ONCE(nr_processes) > others; i++)
		sleep_ns(1000 * 1000);
	schedule_work(&last);
	flush_work(&last);
	rcu_barrier();
}
