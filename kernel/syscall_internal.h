/* What the files of system calls share. */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "kernel/process.h"

/* Thread context of a user's thread, all of it. */
struct handles *own_handles(void);
/*
 * The object behind one of its handles, with a reference: all types' structures begin with it. NULL and *@err: -EBADF, no such
 * handle; -EINVAL, something else; -EACCES, too few rights.
 */
void *get_object(u64 h, enum object_type type, u32 rights, int *err);
/* The same for a process; 0 is the caller's own. */
struct process *get_process(u64 h, u32 rights, int *err);
/* The same for an endpoint, with the handle's badge. */
struct endpoint *get_endpoint(u64 h, u32 right, u64 *badge, int *err);
/*
 * A handle with all rights for what has just been made, in the place of its reference, paid for by the caller's account. -ENOMEM: it is
 * NULL, or too much; -EMFILE.
 */
long open_new(struct object *o);

/* When a system call that waits does so no more: ns of trace_clock(), from microseconds as users give them. */
u64 syscall_deadline(u64 us);

long sys_memory_create(struct pt_regs *regs);
long sys_memory_seal(struct pt_regs *regs);
long sys_space_map(struct pt_regs *regs);
long sys_space_unmap(struct pt_regs *regs);
long sys_space_protect(struct pt_regs *regs);

long sys_ports_in(struct pt_regs *regs);
long sys_ports_out(struct pt_regs *regs);
long sys_irq_bind(struct pt_regs *regs);
long sys_irq_done(struct pt_regs *regs);
long sys_trace_open(struct pt_regs *regs);
long sys_trace_write(struct pt_regs *regs);
long sys_trace_stat(struct pt_regs *regs);
long sys_stream_read(struct pt_regs *regs);
long sys_stream_interrupt(struct pt_regs *regs);
long sys_machine_exit(struct pt_regs *regs);
long sys_space_read(struct pt_regs *regs);

long sys_endpoint_create(struct pt_regs *regs);
long sys_endpoint_bind(struct pt_regs *regs);
long sys_ipc_call(struct pt_regs *regs);
long sys_ipc_receive(struct pt_regs *regs);
long sys_ipc_reply(struct pt_regs *regs);
long sys_ipc_reply_receive(struct pt_regs *regs);
long sys_notification_create(struct pt_regs *regs);
long sys_notification_signal(struct pt_regs *regs);
long sys_notification_wait(struct pt_regs *regs);
