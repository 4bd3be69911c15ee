; A message is all registers but three: no compiler's constraint says that, so it is said here (user/lib/message.h).

bits 64
default rel

LABEL	equ 0
WORDS	equ 8
HANDLE	equ WORDS + 8 * 8
BADGE	equ HANDLE + 8
TOKEN	equ BADGE + 8

section .text progbits alloc exec nowrite align=16
; rdi the call's number, rsi the endpoint and the time, rdx the message
global message_syscall:function (message_syscall.end - message_syscall)
message_syscall:
	push rbp			; where a backtrace looks
	mov rbp, rsp
	push rbx
	push r12
	push r13
	push r14
	push r15
	push rdx			; the one thing known afterwards: rsp stays
	push rbp

	mov rcx, rdx			; syscall itself takes it
	mov rax, rdi
	mov rdi, rsi
	mov rsi, [rcx + LABEL]
	mov rdx, [rcx + WORDS]
	mov r8, [rcx + WORDS + 8]
	mov r9, [rcx + WORDS + 16]
	mov r10, [rcx + WORDS + 24]
	mov r12, [rcx + WORDS + 32]
	mov r13, [rcx + WORDS + 40]
	mov r14, [rcx + WORDS + 48]
	mov r15, [rcx + WORDS + 56]
	mov rbx, [rcx + HANDLE]
	mov rbp, [rcx + TOKEN]
	syscall
	test rax, rax
	jnz .out			; the message is as it was

	mov rcx, [rsp + 8]
	mov [rcx + LABEL], rsi
	mov [rcx + WORDS], rdx
	mov [rcx + WORDS + 8], r8
	mov [rcx + WORDS + 16], r9
	mov [rcx + WORDS + 24], r10
	mov [rcx + WORDS + 32], r12
	mov [rcx + WORDS + 40], r13
	mov [rcx + WORDS + 48], r14
	mov [rcx + WORDS + 56], r15
	mov [rcx + HANDLE], rbx
	mov [rcx + BADGE], rdi
	mov [rcx + TOKEN], rbp
.out:
	pop rbp
	pop rdx
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbx
	pop rbp
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
