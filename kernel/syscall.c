/* What each system call does: arguments out of registers, checked, and on to who does the work. */
#include "kernel/syscall.h"

#include "abi/errno.h"
#include "abi/rights.h"
#include "arch/x86/cpu/regs.h"
#include "kernel/process.h"
#include "kernel/console.h"
#include "kernel/syscall_internal.h"
#include "kernel/usercopy.h"
#include "lib/compiler.h"
#include "lib/tracepoint.h"
#include "trace/clock.h"

u64 syscalls_direct = NR_SYSCALLS;

/* Somebody wants to see them. */
static struct static_key watched_key;
static void watched(bool on) { WRITE_ONCE(syscalls_direct, on ? 0 : NR_SYSCALLS); }
STATIC_KEY_ANY(any_watched, .key = &watched_key, .changed = watched,
	       .of = ANY_OF(&event_sys_enter.key, &event_sys_exit.key));

#define PRINT_MAX 4096u

static __always_inline struct handles *handles(void)
{
	return &container_of(current()->user, struct user_thread, half)->process->handles;
}

struct handles *own_handles(void) { return handles(); }

void *get_object(u64 h, enum object_type type, u32 rights, int *err)
{
	*err = -EBADF;
	return h >> 32 ? NULL : handle_object(handles(), (u32)h, type, rights, err);
}

/* With a reference, as get_object(). */
struct process *get_process(u64 h, u32 rights, int *err)
{
	struct process *p = current_process();

	if (h)
		return get_object(h, OBJECT_PROCESS, rights, err);
	object_get(&p->object);
	*err = 0;
	return p;
}

/* In the place of the reference. */
static long open_handle(struct object *o)
{
	long h = handle_open(own_handles(), o, RIGHTS_ALL, 0);

	object_put(o);
	return h;
}

long open_new(struct object *o)
{
	long err = o ? object_charge(o, current_process()->account, 0, 0) : -ENOMEM;

	if (!err)
		return open_handle(o);
	object_put(o);
	return err;
}

/* For who wants to know what a system call costs. */
static long sys_null(struct pt_regs *regs) { return 0; }

static long sys_print(struct pt_regs *regs)
{
	char buf[128];
	u64 from = regs->di, left = regs->si;

	if (left > PRINT_MAX)
		return -E2BIG;
	while (left) {
		size_t n = min(left, sizeof(buf));
		int err = copy_from_user(buf, from, n);

		if (err)
			return err;
		console_write(buf, n);
		from += n;
		left -= n;
	}
	return 0;
}

static long sys_clock(struct pt_regs *regs) { return (long)trace_clock(); }

static long sys_yield(struct pt_regs *regs)
{
	thread_yield();
	return 0;
}

static long sys_handle_close(struct pt_regs *regs)
{
	return regs->di >> 32 ? -EBADF : handle_close(own_handles(), (u32)regs->di);
}

static long sys_handle_duplicate(struct pt_regs *regs)
{
	if (regs->di >> 32)
		return -EBADF;
	return regs->si >> 32 ? -EINVAL
			      : handle_duplicate(own_handles(), (u32)regs->di, (u32)regs->si, regs->dx);
}

static long sys_process_create(struct pt_regs *regs)
{
	char name[16] = "";
	struct process *p;
	int err;

	if (regs->si >= sizeof(name))
		return -ENAMETOOLONG;
	err = copy_from_user(name, regs->di, regs->si);
	if (err)
		return err;
	for (size_t i = 0; i < regs->si; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return -EINVAL;
	p = process_create(name, current_process());
	return p ? open_handle(&p->object) : -ENOMEM;
}

static long sys_process_give(struct pt_regs *regs)
{
	u64 flags;
	int err;
	struct process *p = get_process(regs->di, RIGHT_MANAGE, &err);
	struct handle h;
	long result;

	if (!p)
		return err;
	flags = local_irq_save();
	result = regs->si >> 32 ? -EBADF : handle_find_any(own_handles(), (u32)regs->si, RIGHT_DUPLICATE, &h);
	if (!result && (regs->dx & ~(u64)h.rights))
		result = -EACCES;
	if (!result && !object_try_get(h.object))
		result = -EBADF;
	local_irq_restore(flags);
	if (!result) {
		result = process_give(p, h.object, (u32)regs->dx, h.badge ?: regs->r10);
		object_put(h.object);
	}
	object_put(&p->object);
	return result;
}

/* Nobody raises himself: neither a thread nor what that may start goes beyond what the caller may start. */
static int check_priority(u64 priority, u64 ceiling)
{
	if (ceiling >= NR_PRIORITIES || ceiling < priority)
		return -EINVAL;
	return ceiling > current_process()->priority_max ? -EACCES : 0;
}

static long sys_process_start(struct pt_regs *regs)
{
	u64 priority = regs->r9 & 0xff, ceiling = regs->r9 >> 8 ?: priority;
	int err;
	struct process *p = get_process(regs->di, RIGHT_MANAGE, &err);

	if (!p)
		return err;
	err = check_priority(priority, ceiling);
	if (!err)
		err = process_start(p, regs->si, regs->dx, (u64[2]){ regs->r10, regs->r8 }, (u8)priority,
				    (u8)ceiling);
	object_put(&p->object);
	return err;
}

static long sys_process_faults(struct pt_regs *regs)
{
	int err;
	u64 badge;
	struct process *p = get_process(regs->di, RIGHT_MANAGE, &err);
	struct endpoint *e = p ? get_endpoint(regs->si, RIGHT_SEND, &badge, &err) : NULL;

	if (e) {
		err = process_set_faults(p, e, badge);
		object_put(&e->object);
	}
	if (p)
		object_put(&p->object);
	return err;
}

static long sys_process_watch(struct pt_regs *regs)
{
	int err;
	struct process *p = get_process(regs->di, RIGHT_READ, &err);
	struct notification *n = p ? get_object(regs->si, OBJECT_NOTIFICATION, RIGHT_SEND, &err) : NULL;

	if (n) {
		err = process_watch(p, n, regs->dx);
		object_put(&n->object);
	}
	if (p)
		object_put(&p->object);
	return err;
}

static long sys_process_status(struct pt_regs *regs)
{
	int err, status = 0;
	struct process *p = get_process(regs->di, RIGHT_READ, &err);

	if (!p)
		return err;
	err = process_status(p, &status);
	object_put(&p->object);
	if (!err)
		regs->dx = (u64)(s64)status;
	return err;
}

static long sys_process_kill(struct pt_regs *regs)
{
	int err;
	struct process *p = get_process(regs->di, RIGHT_MANAGE, &err);

	if (!p)
		return err;
	process_kill(p, (int)regs->si);
	object_put(&p->object);
	return 0;
}

static long sys_thread_exit(struct pt_regs *regs)
{
	current()->killed = true;
	return 0;
}

const syscall_fn syscalls[NR_SYSCALLS] = {
	[SYS_null] = sys_null,
	[SYS_print] = sys_print,
	[SYS_clock] = sys_clock,
	[SYS_yield] = sys_yield,
	[SYS_handle_close] = sys_handle_close,
	[SYS_handle_duplicate] = sys_handle_duplicate,
	[SYS_memory_create] = sys_memory_create,
	[SYS_memory_seal] = sys_memory_seal,
	[SYS_space_map] = sys_space_map,
	[SYS_space_unmap] = sys_space_unmap,
	[SYS_space_protect] = sys_space_protect,
	[SYS_endpoint_create] = sys_endpoint_create,
	[SYS_endpoint_bind] = sys_endpoint_bind,
	[SYS_ipc_call] = sys_ipc_call,
	[SYS_ipc_receive] = sys_ipc_receive,
	[SYS_ipc_reply] = sys_ipc_reply,
	[SYS_ipc_reply_receive] = sys_ipc_reply_receive,
	[SYS_notification_create] = sys_notification_create,
	[SYS_notification_signal] = sys_notification_signal,
	[SYS_notification_wait] = sys_notification_wait,
	[SYS_process_create] = sys_process_create,
	[SYS_process_give] = sys_process_give,
	[SYS_process_start] = sys_process_start,
	[SYS_process_faults] = sys_process_faults,
	[SYS_process_watch] = sys_process_watch,
	[SYS_process_status] = sys_process_status,
	[SYS_process_kill] = sys_process_kill,
	[SYS_thread_exit] = sys_thread_exit,
	[SYS_ports_in] = sys_ports_in,
	[SYS_ports_out] = sys_ports_out,
	[SYS_irq_bind] = sys_irq_bind,
	[SYS_irq_done] = sys_irq_done,
	[SYS_trace_open] = sys_trace_open,
	[SYS_trace_write] = sys_trace_write,
	[SYS_trace_stat] = sys_trace_stat,
	[SYS_stream_read] = sys_stream_read,
	[SYS_stream_interrupt] = sys_stream_interrupt,
	[SYS_machine_exit] = sys_machine_exit,
	[SYS_space_read] = sys_space_read,
};
