/*
 * System calls: the number in rax, what they take in rdi rsi rdx r10 r8 r9, the result in rax, or -errno. rcx and r11 are lost to
 * the instruction; all else stays, but for what abi/ipc.h says of messages.
 *
 * A handle of 0 where a process is wanted is the caller's own. The rights that a handle must have stand behind each argument
 * (abi/rights.h).
 */
#pragma once

enum {
	SYS_null,	      /* () */
	SYS_print,	      /* (text, bytes) to the console */
	SYS_clock,	      /* () ns since the start */
	SYS_yield,	      /* () */
	SYS_handle_close,     /* (handle) */
	SYS_handle_duplicate, /* (handle DUPLICATE, rights, badge) a handle */
	SYS_memory_create,    /* (pages) a handle with all rights */
	SYS_memory_seal,      /* (memory MANAGE): from now on it may be executed, and written by nobody */
	SYS_space_map,	   /* (process MANAGE, address, pages, memory with @rights, its first page, rights) */
	SYS_space_unmap,   /* (process MANAGE, address, pages) */
	SYS_space_protect, /* (process MANAGE, address, pages, rights) */
	SYS_endpoint_create, /* () a handle with all rights */
	SYS_endpoint_bind,   /* (endpoint RECEIVE MANAGE, notification RECEIVE) */
	SYS_ipc_call,	     /* as abi/ipc.h says; endpoint SEND */
	SYS_ipc_receive,     /* endpoint RECEIVE, as the next two */
	SYS_ipc_reply,
	SYS_ipc_reply_receive,
	SYS_notification_create, /* () a handle with all rights */
	SYS_notification_signal, /* (notification SEND, bits) */
	SYS_notification_wait,	 /* (notification RECEIVE, microseconds or 0) the bits, in rdx */
	SYS_process_create,	 /* (name, bytes) a handle with all rights */
	SYS_process_give, /* (process MANAGE, handle DUPLICATE, rights, badge) the handle's number there */
	/* and the highest priority that its process may give, << 8, 0: the same; -EACCES: above the caller's highest */
	SYS_process_start, /* (process MANAGE, ip, sp, rdi, rsi, priority) a thread; -EACCES: a priority above the caller's */
	SYS_process_faults, /* (process MANAGE, endpoint SEND) who handles them */
	SYS_process_watch,  /* (process READ, notification SEND, bits) to be set when it has ended */
	SYS_process_status, /* (process READ) the status, in rdx; -EAGAIN: it hasn't ended */
	SYS_process_kill,   /* (process MANAGE, status) */
	SYS_thread_exit,    /* () */
	SYS_ports_in,	    /* (ports READ, port, bytes: 1, 2, 4) the value, in rdx */
	SYS_ports_out,	    /* (ports WRITE, port, bytes, value) */
	SYS_irq_bind, /* (irq MANAGE, notification SEND, bits) to be set when the line asks; then it is masked */
	SYS_irq_done,	 /* (irq RECEIVE): the line may ask again */
	SYS_trace_open,	 /* (trace READ, text, bytes, kind) a stream with all rights (abi/stream.h) */
	SYS_trace_write, /* (trace WRITE, path, bytes, text, bytes, append) */
	SYS_trace_stat,	 /* (trace READ, path, bytes) what is there, in rdx (abi/stream.h) */
	SYS_stream_read, /* (stream READ, buffer, bytes, microseconds or 0) how many, in rdx; 0: its end */
	SYS_stream_interrupt, /* (stream MANAGE): it is to end, behind the line that has begun */
	SYS_machine_exit,     /* (trace MANAGE, failed): the machine ends, with that as its status */
	SYS_space_read,	      /* (process READ, address, buffer, bytes): out of that process's memory */
	NR_SYSCALLS
};

/* Without SYS_; for who prints them. */
extern const char *const syscall_names[NR_SYSCALLS];
