/* What each system call is called. */
#include "abi/syscall.h"

#define NAME(n) [SYS_##n] = #n

/* clang-format off */
const char *const syscall_names[NR_SYSCALLS] = {
	NAME(null),
	NAME(print),
	NAME(clock),
	NAME(yield),
	NAME(handle_close),
	NAME(handle_duplicate),
	NAME(memory_create),
	NAME(memory_seal),
	NAME(space_map),
	NAME(space_unmap),
	NAME(space_protect),
	NAME(endpoint_create),
	NAME(endpoint_bind),
	NAME(ipc_call),
	NAME(ipc_receive),
	NAME(ipc_reply),
	NAME(ipc_reply_receive),
	NAME(notification_create),
	NAME(notification_signal),
	NAME(notification_wait),
	NAME(process_create),
	NAME(process_give),
	NAME(process_start),
	NAME(process_faults),
	NAME(process_watch),
	NAME(process_status),
	NAME(process_kill),
	NAME(thread_exit),
	NAME(ports_in),
	NAME(ports_out),
	NAME(irq_bind),
	NAME(irq_done),
	NAME(trace_open),
	NAME(trace_write),
	NAME(trace_stat),
	NAME(stream_read),
	NAME(stream_interrupt),
	NAME(machine_exit),
	NAME(space_read),
};
/* clang-format on */
