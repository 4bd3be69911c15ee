/* A user's memory: mapping a page, touching it, and a fault that another process answers; counted by the users themselves. */
#include "abi/rights.h"
#include "abi/syscall.h"
#include "kernel/memory_object.h"
#include "lib/bug.h"
#include "tests/bench/bench.h"
#include "tests/kernel/user_process.h"

static_assert(SYS_space_map == 8 && SYS_space_unmap == 9, "user_programs.asm has them so");

static u64 results[2 * BENCH_RUNS];

/* Its first word is for it, its results are in the place of it afterwards. */
static void run_to_end(struct user_process *u, const u8 *program, u64 word, size_t n)
{
	struct memory *words = u->words;

	memory_get(words);
	BUG_ON(memory_write(words, 0, &word, sizeof(word)) != 0 ||
	       !user_process_start(u, program, WORDS_BASE, BENCH_RUNS, PRIORITY_DEFAULT) ||
	       user_process_end(u) != 0 || memory_read(words, 0, results, n * sizeof(u64)) != 0);
	memory_put(words);
}

static void map_setup(void)
{
	struct memory *m = memory_create(1);
	struct object *o = m ? memory_object(m) : NULL;
	struct user_process u;
	s64 h;

	BUG_ON(!o || !memory_frame(m, 0, true) || !user_process(&u, "bench"));
	h = process_give(u.process, o, RIGHTS_ALL, 0);
	object_put(o);
	BUG_ON(h < 0);
	run_to_end(&u, up_bench_map, (u64)h, 2 * BENCH_RUNS);
	results[0] = results[2]; /* tables were made on the way */
	results[1] = results[3];
}
static u64 map_ticks(unsigned i) { return results[2 * i]; }
static u64 touch_ticks(unsigned i) { return results[2 * i + 1]; }
BENCH(bench_map, .name = "mapping a page, by system call", .setup = map_setup, .ticks = map_ticks);
BENCH(bench_touch, .name = "touching it: a fault that the kernel resolves", .setup = map_setup,
      .ticks = touch_ticks);

static void fault_setup(void)
{
	struct user_process pager, u;
	struct endpoint *e = endpoint_create();
	s64 h;

	BUG_ON(!e || !user_process(&pager, "pager") || !user_process(&u, "bench"));
	h = process_give(pager.process, &e->object, RIGHT_RECEIVE, 0);
	BUG_ON(h < 0 || process_set_faults(u.process, e, 0) != 0 ||
	       !user_process_start(&pager, up_bench_pager, (u64)h, 0, PRIORITY_DEFAULT));
	run_to_end(&u, up_bench_fault, 0, BENCH_RUNS);
	process_kill(pager.process, 0);
	user_process_end(&pager);
	object_put(&e->object);
}
static u64 fault_ticks(unsigned i) { return results[i ?: 1]; /* the first finds nobody waiting */ }
BENCH(bench_fault, .name = "a fault, to another process and back", .setup = fault_setup,
      .ticks = fault_ticks);
