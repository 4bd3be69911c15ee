/* Control files and the kernel's commands, as users ask for them. */
#include "abi/errno.h"
#include "abi/rights.h"
#include "abi/stream.h"
#include "arch/x86/cpu/machine.h"
#include "arch/x86/mm/paging.h"
#include "kernel/stream.h"
#include "kernel/syscall_internal.h"
#include "kernel/usercopy.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "tracefs/tracefs.h"

/* What the right stands for has no state: only whether the caller has it. */
static int may(u64 h, u32 rights)
{
	int err;
	struct object *trace = get_object(h, OBJECT_TRACE, rights, &err);

	object_put(trace);
	return err;
}

/* A path has a NUL behind it and none inside. */
static int check_path(const char *path, size_t len) { return strlen(path) == len && len ? 0 : -EINVAL; }

static int get_path(char path[TRACEFS_PATH_MAX], u64 from, u64 len)
{
	int err = len >= TRACEFS_PATH_MAX ? -ENAMETOOLONG : copy_from_user(path, from, len);

	if (err)
		return err;
	path[len] = '\0';
	return check_path(path, len);
}

static int fill(struct stream *s, u64 from)
{
	int err = copy_from_user(s->words, from, s->len);

	s->words[s->len] = '\0';
	return err ?: s->kind == STREAM_COMMAND ? 0 : check_path(s->words, s->len);
}

/* The handle first: what nobody can take mustn't be printed. */
static long start(struct stream *s)
{
	struct account *a = current_process()->account;
	long h = object_charge(&s->object, a, (STREAM_ROOM + TASK_STACK_SIZE) / PAGE_SIZE, 1);
	int err;

	if (!h)
		h = handle_open(own_handles(), &s->object, RIGHTS_ALL, 0);
	err = h < 0 ? (int)h : stream_start(s);

	if (err && h > 0)
		handle_close(own_handles(), (u32)h);
	return err ?: h;
}

long sys_trace_open(struct pt_regs *regs)
{
	u64 kind = regs->r10, len = regs->dx;
	long result = may(regs->di, kind == STREAM_COMMAND ? RIGHT_READ | RIGHT_WRITE : RIGHT_READ);
	struct stream *s;

	if (result)
		return result;
	if (kind > STREAM_COMMAND || !len)
		return -EINVAL;
	if (len > STREAM_TEXT_MAX)
		return -ENAMETOOLONG;
	s = stream_create((u32)kind, len);
	if (!s)
		return -ENOMEM;
	result = fill(s, regs->si);
	if (!result)
		result = start(s);
	object_put(&s->object);
	return result;
}

long sys_trace_write(struct pt_regs *regs)
{
	char path[TRACEFS_PATH_MAX], *text;
	u64 len = regs->r8, pa;
	int err = may(regs->di, RIGHT_WRITE) ?: get_path(path, regs->si, regs->dx);

	if (err)
		return err;
	if (len > TRACEFS_WRITE_MAX)
		return -E2BIG;
	pa = frames_alloc(2); /* a NUL behind the longest */
	if (!pa)
		return -ENOMEM;
	text = phys_to_virt(pa);
	err = copy_from_user(text, regs->r10, len);
	if (!err)
		err = tracefs_write(path, text, len, regs->r9);
	frames_free(pa, 2);
	return err;
}

long sys_trace_stat(struct pt_regs *regs)
{
	char path[TRACEFS_PATH_MAX];
	bool is_dir;
	int err = may(regs->di, RIGHT_READ) ?: get_path(path, regs->si, regs->dx);

	if (!err)
		err = tracefs_stat(path, &is_dir);
	if (err)
		return err;
	regs->dx = is_dir ? TRACE_DIRECTORY
			  : (tracefs_may_read(path) == 0 ? TRACE_READABLE : 0) |
				    (tracefs_may_write(path) == 0 ? TRACE_WRITABLE : 0);
	return 0;
}

long sys_stream_read(struct pt_regs *regs)
{
	int err;
	struct stream *s = get_object(regs->di, OBJECT_STREAM, RIGHT_READ, &err);
	s64 n;

	if (!s)
		return err;
	n = regs->dx ? stream_read(s, regs->si, regs->dx, syscall_deadline(regs->r10)) : -EINVAL;
	object_put(&s->object);
	if (n >= 0)
		regs->dx = (u64)n;
	return n < 0 ? n : 0;
}

long sys_stream_interrupt(struct pt_regs *regs)
{
	int err;
	struct stream *s = get_object(regs->di, OBJECT_STREAM, RIGHT_MANAGE, &err);

	if (!s)
		return err;
	stream_interrupt(s);
	object_put(&s->object);
	return 0;
}

long sys_machine_exit(struct pt_regs *regs)
{
	int err = may(regs->di, RIGHT_MANAGE);

	if (err)
		return err;
	machine_exit(regs->si ? EXIT_FAILED : EXIT_OK);
}
