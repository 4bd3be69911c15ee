/*
 * A debugger, as any process may be one: it handles another's faults, and an answer says where and with which flags the other goes on
 * (abi/ipc.h). Runs a program with a breakpoint at a function, and steps from there.
 */
#include "abi/errno.h"
#include "lib/archive.h"
#include "lib/elf.h"
#include "lib/string.h"
#include "user/debug/breakpoint.h"
#include "user/lib/memory.h"
#include "user/lib/message.h"
#include "user/lib/report.h"
#include "user/lib/spawn.h"
#include "user/lib/syscall.h"
#include "user/lib/thread.h"
#include "user/lib/user.h"

#define SPACE_START 0x1000ul
#define SPACE_END   0x7fffffffe000ul
#define TF	    0x100ul
#define STEPS_MAX   100000ul

enum { DB = 1, BP = 3, PF = 14 }; /* vectors */

/* A fault's words (abi/ipc.h). */
enum { VECTOR, ERROR, ABOUT, IP, SP, THREAD, FRAME, FLAGS };

static struct {
	struct image image;
	struct elf_program program;
	struct breakpoint at;
	u64 steps, left; /* after each hit; still to be made */
	u32 box;	 /* where its faults come to, and its end */
} debug;

static bool complain(const char *about, const char *why)
{
	print_format("debug: %s: %s\n", about, why);
	return false;
}

static bool find_program(const char *name)
{
	size_t bytes = program()->archive_bytes;
	const u8 *archive = memory_map(program()->given[0], (bytes + PAGE_SIZE - 1) / PAGE_SIZE, RIGHT_READ);
	struct archive_file f;
	const char *why;

	if (!archive || !archive_find(archive, bytes, name, &f, &why))
		return complain(name, "there is no such program");
	debug.image = (struct image){ name, f.data, f.size };
	why = elf_parse(f.data, f.size, SPACE_START, SPACE_END, &debug.program);
	return why ? complain(name, why) : true;
}

static bool find_function(const char *name)
{
	u64 addr, size;
	unsigned n = elf_symbol_find(debug.image.file, debug.image.bytes, name, strlen(name), &addr, &size);
	s64 err;

	if (n != 1)
		return complain(name, n ? "there are several of that name" : "there is no such function");
	err = breakpoint_make(&debug.at, &debug.program, addr);
	return err ? complain(name, strerror((int)err)) : true;
}

static s64 before_it_starts(u32 process) { return breakpoint_set(&debug.at, process, true); }

static s64 start(char **argv)
{
	s64 box = syscall0(SYS_endpoint_create), ended = syscall0(SYS_notification_create);
	struct spawn s = { .name = debug.image.name,
			   .file = debug.image.file,
			   .bytes = debug.image.bytes,
			   .priority = PRIORITY_SHELL,
			   .names = program()->names,
			   .out = program()->out,
			   .faults = (u32)box,
			   .watch = (u32)ended,
			   .watch_bits = 1,
			   .before = before_it_starts,
			   .argc = 1,
			   .argv = argv };
	const char *why;

	if (box < 0 || ended < 0 || syscall3(SYS_endpoint_bind, (u64)box, (u64)ended, 0) != 0)
		return -ENOMEM;
	debug.box = (u32)box;
	return spawn(&s, &why);
}

static void show(const char *what, const u64 *words)
{
	const char *name;
	u64 offset, ip = words[IP];

	if (!elf_symbol(debug.image.file, debug.image.bytes, ip, &name, &offset)) {
		name = "?";
		offset = ip;
	}
	print_format("%s %lx %s+0x%lx sp %lx bp %lx flags %lx\n", what, ip, name, offset, words[SP],
		     words[FRAME], words[FLAGS] & ~TF);
}

/* The next step, or none; then the breakpoint is there again. */
static s64 go_on(u32 process, struct message *m)
{
	u64 flags = m->words[FLAGS] & ~TF, sp = m->words[SP];
	bool step = debug.left > 0;
	s64 err = step ? 0 : breakpoint_set(&debug.at, process, true);

	debug.left -= step;
	m->label = IPC_FAULT_SET;
	m->words[0] = m->words[IP];
	m->words[1] = flags | (step ? TF : 0);
	m->words[2] = sp;
	return err;
}

/* The answer to a fault is in @m afterwards. */
static void fault(u32 process, struct message *m)
{
	u64 *w = m->words;
	s64 err = 0;

	if (w[VECTOR] == BP && w[IP] == debug.at.addr + 1) {
		w[IP]--;
		show("breakpoint", w);
		debug.left = debug.steps;
		err = breakpoint_set(&debug.at, process, false);
	} else if (w[VECTOR] == DB) {
		show("step", w);
	} else if (w[VECTOR] == PF && (w[ABOUT] & ~(PAGE_SIZE - 1)) == debug.at.page && !(w[ERROR] & 1)) {
		m->label = IPC_FAULT_GO_ON; /* another thread, when the page wasn't there: it is now */
		w[0] = w[IP];
		return;
	} else {
		report_fault(m, process, &debug.image);
		m->label = 0;
		return;
	}
	if (!err)
		err = go_on(process, m);
	if (err) {
		complain("the breakpoint", strerror((int)err));
		m->label = 0;
	}
}

static int serve(u32 process)
{
	struct message m;
	char what[64];
	u64 status = 0;

	while (message_receive(debug.box, &m, 0) == 0 && m.token) {
		fault(process, &m);
		m.handle = 0;
		message_reply(debug.box, &m);
	}
	syscall_value(SYS_process_status, process, 0, 0, 0, 0, &status);
	report_status(what, sizeof(what), (int)status);
	print_format("%s %s\n", debug.image.name, what);
	return 0;
}

int main(int argc, char **argv)
{
	s64 process;

	debug.steps = 1;
	if (argc < 3 || argc > 4 ||
	    (argc == 4 && (!parse_u64(argv[3], strlen(argv[3]), 10, &debug.steps) || !debug.steps ||
			   debug.steps > STEPS_MAX))) {
		print("usage: debug PROGRAM FUNCTION [STEPS]\n");
		return 1;
	}
	if (!find_program(argv[1]) || !find_function(argv[2]))
		return 1;
	process = start(argv + 1);
	if (process >= 0)
		return serve((u32)process);
	complain(argv[1], strerror((int)process));
	return 1;
}
