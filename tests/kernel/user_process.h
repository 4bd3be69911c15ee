/*
 * Processes for tests, without a file: all have the programs of user_programs.asm, a page of words and a stack.
 *
 *	p = user_process("name");  … handles, words …
 *	user_process_start(p, up_calls, WORDS_BASE, n);
 *	status = user_process_end(p);
 */
#pragma once

#include "kernel/process.h"

#define PROGRAM_BASE 0x400000ul
#define WORDS_BASE   0x600000ul
#define STACK_BASE   0x700000ul
#define WORDS_PAGES  2

extern const u8 user_programs[], user_programs_end[];
extern const u8 up_exit[], up_spin[], up_calls[], up_server[], up_sse[], up_read[], up_write[], up_jump[],
	up_crash[], up_call_and_spin[], up_patient_server[], up_patient_client[], up_client[], up_keep[],
	up_sum[], up_signals[], up_bench_call[], up_bench_server[], up_bench_round[], up_bench_echo[],
	up_bench_signal[], up_bench_wait[];
extern const u8 up_count[], up_count_unmapped[], up_bench_map[], up_bench_fault[], up_bench_pager[];
extern const u8 up_faults[], up_pager[];
extern const u8 up_grant[], up_grant_at_once[], up_grant_reply[];

struct user_process {
	struct process *process;
	struct memory *words;
	struct notification *ended;
};

/* A system call for up_calls. */
struct user_call {
	u64 number, args[6];
	u64 result, dx;
};

/* Thread context. False, with a failure reported: no memory. */
bool user_process(struct user_process *u, const char *name);
/* True, or a failure is reported. */
bool user_process_start(struct user_process *u, const u8 *program, u64 arg0, u64 arg1, u8 priority);
/* Waits for its end and takes back all. Its status. */
int user_process_end(struct user_process *u);
/* All of it: runs @program with these arguments. */
int user_process_run(const u8 *program, u64 arg0, u64 arg1);
/* Has it make @n calls, from words on: results are in @calls. Its status. */
int user_process_calls(struct user_process *u, struct user_call *calls, size_t n);
/* Waits, at most a second, until no test's process is left; returns when all that has ended is freed. */
void user_processes_settle(void);
