; machine_run(): all registers loaded, the code called, all registers stored (see machine.h).

bits 64
default abs

%define R_FLAGS 15 * 8
%define R_SP	16 * 8

section .bss
machine_now:	resq 1		; the struct, where no register holds its address
machine_sp:	resq 1		; what rsp is when the code has returned

section .text progbits alloc exec nowrite align=16

global machine_run:function (machine_run.end - machine_run)
machine_run:
	pushfq
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov [machine_now], rdi
	mov [machine_sp], rsp
	push .back			; the code returns there
	push rsi			; "returned" to below: no register is left for its address
	push qword [rdi + R_FLAGS]
	mov rax, [rdi]
	mov rbx, [rdi + 8]
	mov rcx, [rdi + 16]
	mov rdx, [rdi + 24]
	mov rsi, [rdi + 32]
	mov rbp, [rdi + 48]
	mov r8, [rdi + 56]
	mov r9, [rdi + 64]
	mov r10, [rdi + 72]
	mov r11, [rdi + 80]
	mov r12, [rdi + 88]
	mov r13, [rdi + 96]
	mov r14, [rdi + 104]
	mov r15, [rdi + 112]
	mov rdi, [rdi + 40]
	popfq
	ret
.back:
	pushfq
	push rdi
	mov rdi, [machine_now]
	mov [rdi], rax
	mov [rdi + 8], rbx
	mov [rdi + 16], rcx
	mov [rdi + 24], rdx
	mov [rdi + 32], rsi
	mov [rdi + 48], rbp
	mov [rdi + 56], r8
	mov [rdi + 64], r9
	mov [rdi + 72], r10
	mov [rdi + 80], r11
	mov [rdi + 88], r12
	mov [rdi + 96], r13
	mov [rdi + 104], r14
	mov [rdi + 112], r15
	pop qword [rdi + 40]
	pop qword [rdi + R_FLAGS]
	mov rax, rsp
	mov rsp, [machine_sp]
	sub rax, rsp
	mov [rdi + R_SP], rax
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	popfq
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
