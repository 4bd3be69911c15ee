; System calls by the instructions syscall and sysret, and a thread's first way to user mode.
;
; syscall puts the user's rip in rcx and his flags in r11, clears the flags that SFMASK names, interrupts and single steps
; among them, and loads cs and ss (SDM vol. 3, 5.8.8). rsp and GS stay the user's.
;
; What is mostly to be done is done here, as a C function around it would cost a quarter more. sysret isn't used with TF or when
; somebody has changed where the thread goes on.

%include "asm_offsets.inc"
%include "arch/x86/entry/regs.inc"

bits 64
default abs

extern do_syscall, syscall_work, syscalls, syscalls_direct, ipc_woken
extern asm_user_trap_resume
extern tss, user_sp, watch, context_word, current_thread

%define WATCH_NESTING 4		; context/watch.h asserts it

section .entry.text progbits alloc exec nowrite align=16

; All of it but a few instructions is asm_syscall; in between lies what runs with an rsp of the user's choice, in one
; piece, for #DB's stub. What lies before it is jumped to, so that no jump is on the way in.
global asm_syscall_exit.user_stack, asm_syscall.kernel_stack
global asm_syscall_exit:function (asm_syscall_exit.end - asm_syscall_exit)
align 16
asm_syscall_exit:
	POP_REGS
	mov rsp, [rsp + 40]		; [vector error +8 ip +16 cs +24 flags +32 sp +40]
.user_stack:
	swapgs
	o64 sysret
.end:

; With rsp as after POP_REGS and all that sysret wants.
global asm_direct_exit:function (asm_direct_exit.end - asm_direct_exit)
asm_direct_exit:
	mov rsp, [rsp + 40]
	swapgs
	o64 sysret
.end:

global asm_syscall.done
global asm_syscall:function (asm_syscall.end - asm_syscall)
asm_syscall:
	swapgs
	mov [gs:user_sp], rsp		; its place until the next instruction but one: interrupts are off
	mov rsp, [gs:tss + TSS_RSP0]
.kernel_stack:
	push USER_DS
	push qword [gs:user_sp]
	push r11
	push USER_CS
	push rcx
	push rax			; error: the number
	push VECTOR_SYSCALL
	PUSH_REGS
	mov rdi, rsp
	lea rbp, [rsp + 1]		; as CALL_HANDLER has it
	mov word [gs:watch + WATCH_NESTING], 1	; rcu_user_exit()
	lock inc dword [gs:watch]
	sti
	cmp rax, [syscalls_direct]
	jae .other
	call [syscalls + rax * 8]
.done:
	mov [rsp + REGS_AX], rax
	cli
	cmp dword [gs:context_word], 0	; somebody has asked for this CPU
	je .work
	mov rcx, [gs:current_thread]
	cmp byte [rcx + THREAD_KILLED], 0
	jne .work
	test byte [rsp + REGS_FLAGS + 1], FLAGS_TF >> 8
	jnz .work
.leave:
	; On an Intel CPU both sysret and iretq fault with the kernel's privilege and the user's GS, the one also with his rsp, if rip
	; isn't canonical: bit 47 or one above it is set.
	cmp dword [rsp + REGS_IP + 4], 1 << (47 - 32)
	jae .work
	lock inc dword [gs:watch]	; rcu_user_enter()
	mov word [gs:watch + WATCH_NESTING], 0
	; sysret takes rip from rcx and flags from r11. It clears RF; and with TF it would be late by an instruction.
	mov rcx, [rsp + REGS_IP]
	cmp rcx, [rsp + REGS_CX]
	jne .slowly
	mov rdx, [rsp + REGS_FLAGS]
	cmp rdx, [rsp + REGS_R11]
	je asm_syscall_exit
.slowly:
	POP_REGS
	add rsp, 16
	swapgs
	iretq
.other:
	call do_syscall
	jmp .done
.work:
	mov rdi, rsp
	call syscall_work
	test byte [rsp + REGS_FLAGS + 1], FLAGS_TF >> 8
	jz .leave
	mov qword [rsp + REGS_CX], 0	; any value but ip
	jmp .leave
.end:

; Into user mode as another thread, which has become the current one, and whose system call ends here: with the message's nine words
; out of the sender's registers. Until they are loaded the lock keeps both from being changed.
%macro LOAD_MESSAGE 0
	lea rsp, [rsi - (REGS_SIZE - REGS_VECTOR)]
	mov rax, rdx
	mov rsi, [rdi + REGS_SI]
	mov rdx, [rdi + REGS_DX]
	mov r8, [rdi + REGS_R8]
	mov r9, [rdi + REGS_R9]
	mov r10, [rdi + REGS_R10]
	mov r12, [rdi + REGS_R12]
	mov r13, [rdi + REGS_R13]
	mov r14, [rdi + REGS_R14]
	mov r15, [rdi + REGS_R15]
	inc dword [rax + SPINLOCK_SERVING]
	xor eax, eax			; the result
	xor ebx, ebx			; no handle
	lock inc dword [gs:watch]	; rcu_user_enter()
	mov word [gs:watch + WATCH_NESTING], 0
%endmacro

; void asm_ipc_called(const struct pt_regs *from, u64 top, struct spinlock *, u64 badge, u64 token): of a receiver with its stack at
; @top, which has not looked for more than ip and flags since, and no step to report.
global asm_ipc_called:function (asm_ipc_called.end - asm_ipc_called)
align 16
asm_ipc_called:
	mov rbp, r8
	LOAD_MESSAGE
	mov rdi, rcx
	mov rcx, [rsp + 16]
	mov r11, [rsp + 32]
	jmp asm_direct_exit
.end:

; void asm_ipc_replied(const struct pt_regs *from, u64 top, struct spinlock *): of a caller, whose other registers are as they were.
global asm_ipc_replied:function (asm_ipc_replied.end - asm_ipc_replied)
align 16
asm_ipc_replied:
	LOAD_MESSAGE
	mov rdi, [rsp - REGS_VECTOR + REGS_DI]
	mov rbp, [rsp - REGS_VECTOR + REGS_BP]
	mov rcx, [rsp + 16]
	mov r11, [rsp + 32]
	jmp asm_direct_exit
.end:

; A thread that waited with no frames is switched to in the common way: rsp is at its registers, rax the thread that was left.
global asm_thread_woken:function (asm_thread_woken.end - asm_thread_woken)
align 16
asm_thread_woken:
	lea rbp, [rsp + 1]
	mov rdi, rax
	mov rsi, rsp
	call ipc_woken
	test al, al
	jnz asm_user_trap_resume
	jmp asm_syscall_resume
.end:

; void asm_syscall_resume(void): to user mode as the current thread, with its registers as they are at the top of its stack. By
; iretq: nobody has looked what of them sysret would bear.
global asm_syscall_resume:function (asm_syscall_resume.end - asm_syscall_resume)
align 16
asm_syscall_resume:
	mov rsp, [gs:tss + TSS_RSP0]
	sub rsp, REGS_SIZE
	lock inc dword [gs:watch]	; rcu_user_enter()
	mov word [gs:watch + WATCH_NESTING], 0
	POP_REGS
	add rsp, 16
	swapgs
	iretq
.end:

; void asm_user_enter(u64 ip, u64 sp, u64 arg0, u64 arg1): to user mode for the first time. Interrupts off. What lies below
; rsp0 is no more; nothing of the kernel's is left in a register.
global asm_user_enter:function (asm_user_enter.end - asm_user_enter)
align 16
asm_user_enter:
	mov rsp, [gs:tss + TSS_RSP0]
	and rsp, -16
	push USER_DS
	push rsi
	push FLAGS_IF | 2		; bit 1 is always set
	push USER_CS
	push rdi
	mov rdi, rdx
	mov rsi, rcx
	xor eax, eax
	xor ecx, ecx
	xor edx, edx
	xor ebx, ebx
	xor ebp, ebp
	xor r8d, r8d
	xor r9d, r9d
	xor r10d, r10d
	xor r11d, r11d
	xor r12d, r12d
	xor r13d, r13d
	xor r14d, r14d
	xor r15d, r15d
	swapgs
	iretq
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
