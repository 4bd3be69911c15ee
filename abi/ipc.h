/*
 * Messages, as a thread has them in its registers when it makes a system call and when it comes out of one. What isn't named
 * stays as it was, but for rcx and r11, which the instructions syscall and sysret use themselves.
 *
 *	        into call          out of receive     into reply         out of call
 *	rax     number             0 or -errno        number             0 or -errno
 *	rdi     handle, timeout    badge              handle, timeout
 *	rsi     label              label              label              label
 *	rdx r8 r9 r10 r12 r13 r14 r15: eight words, in all of them
 *	rbx     a handle to give   a handle got       a handle to give   a handle got
 *	rbp                        token              token
 *
 * reply_receive takes what reply does and gives what receive does. A handle of 0 is none. After an error the message is as it was.
 */
#pragma once

#define IPC_WORDS 8

/*
 * rbx: the handle, below, is given away for good. It must be of memory. From the call's beginning it is nobody's, so that of two threads
 * who give it only one can, and what the giver's process has mapped of the memory is unmapped. If anybody has another handle of it then, or
 * a mapping, it isn't given (EBUSY): the receiver is the only one who has it. As the message is delivered the handle is gone, and the memory
 * counts as the receiver's; when that fails it is the giver's again, by its number, but mapped nowhere.
 */
#define IPC_GRANT (1ul << 32)

/* rdi: the endpoint's handle below, and above how long to wait, in microseconds: 0 is for ever. */
#define IPC_TIMEOUT_SHIFT 32
#define IPC_DONT_WAIT	  0xfffffffful

/*
 * A process's faults, to the endpoint set for them, as calls with this label and the words vector, error code, CR2 or DR6, ip, sp,
 * thread, frame pointer, flags; by the badge of the handle that it was set by. The answer's label says whether the thread goes on, at
 * its first word; otherwise the process is killed. With IPC_FAULT_SET its flags are the second word, of which only those below count,
 * and its stack pointer is the third: so a debugger steps (TF; the step ends as a fault of vector 1).
 */
#define IPC_LABEL_FAULT 0x746c756166ul /* "fault" */
#define IPC_FAULT_GO_ON 1
#define IPC_FAULT_SET	2
#define IPC_FAULT_FLAGS 0xdd5ul /* CF PF AF ZF SF TF DF OF */
