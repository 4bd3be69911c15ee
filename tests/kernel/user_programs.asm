; Programs of tests that run in processes of their own (user_process.h): copied to PROGRAM_BASE, so position matters to none.

%include "asm_offsets.inc"

bits 64
default rel

%define SYS_print		1	; abi/syscall.h; user_process.c asserts them
%define SYS_yield		3
%define SYS_handle_close	4
%define SYS_ipc_call		13
%define SYS_ipc_receive		14
%define SYS_ipc_reply_receive	16
%define SYS_process_kill	26
%define SYS_clock		2
%define SYS_thread_exit		27
%define SYS_endpoint_create	11
%define SYS_notification_create	17
%define SYS_notification_signal	18
%define SYS_notification_wait	19
%define NR_CALLS		39
%define SYS_space_map		8
%define SYS_space_unmap		9
%define IPC_FAULT_GO_ON		1	; abi/ipc.h
%define IPC_FAULT_SET		2
%define IPC_LABEL_FAULT		0x746c756166

section .rodata progbits alloc noexec nowrite align=16

%macro PROGRAM 1
global %1
%1:
%endmacro

%macro EXIT 1			; a status
	mov esi, %1
	xor edi, edi
	mov eax, SYS_process_kill
	syscall
	ud2
%endmacro

PROGRAM user_programs

; Ends with status rdi.
PROGRAM up_exit
	mov esi, edi
	xor edi, edi
	mov eax, SYS_process_kill
	syscall
	ud2

PROGRAM up_spin
	pause
	jmp up_spin

; Calls the endpoint rdi, and never ends by itself.
PROGRAM up_call_and_spin
	mov eax, SYS_ipc_call
	xor ebx, ebx
	syscall
	jmp up_spin

; rsi system calls from the table at rdi: number and six arguments, then the result and rdx.
PROGRAM up_calls
	mov rbx, rdi
	mov rbp, rsi
.next:
	mov rax, [rbx]
	mov rdi, [rbx + 8]
	mov rsi, [rbx + 16]
	mov rdx, [rbx + 24]
	mov r10, [rbx + 32]
	mov r8, [rbx + 40]
	mov r9, [rbx + 48]
	push rbx
	xor ebx, ebx			; no handle with a message
	syscall
	pop rbx
	mov [rbx + 56], rax
	mov [rbx + 64], rdx
	add rbx, 72
	dec rbp
	jnz .next
	EXIT 0

; Serves the endpoint rdi: adds 1 to the first word, and the badge to the second. Status 7: it can't receive any more.
PROGRAM up_server
	push rdi
.receive:
	mov rdi, [rsp]
	mov eax, SYS_ipc_receive
	xor ebx, ebx
	syscall
.again:
	test rax, rax
	jnz .over
	inc rdx
	add r8, rdi
	mov rdi, [rsp]
	mov eax, SYS_ipc_reply_receive
	xor ebx, ebx
	syscall
	jmp .again
.over:
	cmp rax, -2			; -ENOENT: the caller has gone
	je .receive
	EXIT 7

; Waits for the notification rdi, esi times, each of them for the microseconds in rsi's upper half (0: for ever), and ends with the sum of
; what it gets. Status -1: an error, or another register was changed.
PROGRAM up_sum
	mov rbp, rdi
	mov r12d, esi
	mov r14, rsi
	shr r14, 32
	xor r13d, r13d
.next:
	mov rsi, r14
	lea rbx, [r12 + 1]
	lea r8, [r12 + 2]
	mov eax, SYS_notification_wait
	syscall
	test rax, rax
	jnz .wrong
	cmp rsi, r14
	jne .wrong
	cmp rdi, rbp
	jne .wrong
	dec rbx
	cmp rbx, r12
	jne .wrong
	sub r8, 2
	cmp r8, r12
	jne .wrong
	add r13, rdx
	dec r12
	jnz .next
	mov rdi, r13
	jmp up_exit
.wrong:
	EXIT -1

; Signals rsi, and all numbers below it but 0, to the notification rdi. Status 0; 1: an error, or another register was changed.
PROGRAM up_signals
	mov rbp, rsi
	mov r12, rdi
.next:
	mov rsi, rbp
	lea rdx, [rbp + 1]
	mov eax, SYS_notification_signal
	syscall
	test rax, rax
	jnz .wrong
	cmp rdi, r12
	jne .wrong
	cmp rsi, rbp
	jne .wrong
	dec rdx
	cmp rdx, rbp
	jne .wrong
	dec rbp
	jnz .next
	EXIT 0
.wrong:
	EXIT 1

; Steps over a system call, then faults edi times, and ends with how often the carry flag, which it clears before, was set after that. Before
; the end it calls the endpoint rsi. Status -1: another register, or the stack pointer, was changed, or the answer was wrong.
PROGRAM up_faults
	mov ebp, edi
	mov r13, rsi
	xor r12d, r12d
	mov eax, SYS_yield
	pushfq
	or qword [rsp], 0x100
	popfq
	syscall
.next:
	lea rax, [rbp + 1]
	lea rcx, [rbp + 2]
	lea rdx, [rbp + 3]
	lea rsi, [rbp + 4]
	lea r8, [rbp + 5]
	lea r9, [rbp + 6]
	lea r10, [rbp + 7]
	lea r15, [rbp + 8]
	mov rbx, rsp
	clc
	ud2
	adc r12d, 0
	cmp rbx, rsp
	jne .wrong
	add rax, rcx
	add rax, rdx
	add rax, rsi
	add rax, r8
	add rax, r9
	add rax, r10
	add rax, r15
	lea rcx, [rbp * 8 + 36]
	cmp rax, rcx
	jne .wrong
	dec ebp
	jnz .next
	mov rdi, r13
	xor ebx, ebx
	mov esi, 5
	mov edx, 1
	mov r10d, 40
	mov eax, SYS_ipc_call
	syscall
	test rax, rax
	jnz .wrong
	cmp rdx, 42
	jne .wrong
	mov edi, r12d
	jmp up_exit
.wrong:
	EXIT -1

; Answers faults at the endpoint rdi, each with label rsi: that it go on behind the ud2, with the carry flag set if it is IPC_FAULT_SET.
; A step is to be the last. Status 1: an error; 2: a message isn't that of up_faults.
PROGRAM up_pager
	mov [rsp - 8], rdi
	mov [rsp - 16], rsi
.first:
	mov rdi, [rsp - 8]
	xor ebx, ebx
	mov eax, SYS_ipc_receive
	syscall
.next:
	cmp rax, -2			; -ENOENT: it has been killed meanwhile
	je .first
	test rax, rax
	jnz .failed
	cmp rdx, 1			; a step, or that call
	je .one
	mov rax, IPC_LABEL_FAULT
	cmp rsi, rax
	jne .wrong
	cmp rdx, 6
	jne .wrong
	mov rax, r8
	or rax, r9
	or rax, rbx
	jnz .wrong
	cmp word [r10], 0x0b0f		; both have the program
	jne .wrong
	cmp rbp, r13			; the token is the thread
	jne .wrong
	lea rdx, [r10 + 2]
	mov r8, r15
	or r8, 1
	mov rsi, [rsp - 16]
.answer:
	mov r9, r12
	mov rdi, [rsp - 8]
	mov eax, SYS_ipc_reply_receive
	syscall
	jmp .next
.one:
	lea rdx, [r10 + 2]
	cmp rsi, 5
	je .answer
	mov rdx, r10
	mov r8, r15
	and r8, ~0x100
	mov esi, IPC_FAULT_SET
	jmp .answer
.failed:
	EXIT 1
.wrong:
	EXIT 2

; Receives one at the endpoint rdi, and never replies.
PROGRAM up_keep
	mov eax, SYS_ipc_receive
	xor ebx, ebx
	syscall
	jmp up_spin

; Calls the endpoint rdi as often as the lower half of rsi says, with rsi in all words, for an answer by up_server (badge 0). Status 0;
; 1: an answer wasn't its own; 2: the server is gone; 3: another error.
PROGRAM up_client
	mov rbp, rsi
.next:
	mov rsi, rbp
	mov rdx, rbp
	lea r8, [rbp + 1]
	mov r9, rbp
	mov r10, rbp
	mov r12, rbp
	mov r13, rbp
	mov r14, rbp
	mov r15, rbp
	mov eax, SYS_ipc_call
	xor ebx, ebx
	syscall
	test rax, rax
	jnz .failed
	cmp rsi, rbp
	jne .wrong
	cmp rdx, r8			; one more
	jne .wrong
	dec rdx
	cmp rdx, rbp
	jne .wrong
	cmp r9, rbp
	jne .wrong
	cmp r10, rbp
	jne .wrong
	cmp r12, rbp
	jne .wrong
	cmp r13, rbp
	jne .wrong
	cmp r14, rbp
	jne .wrong
	cmp r15, rbp
	jne .wrong
	dec rbp
	test ebp, ebp
	jnz .next
	EXIT 0
.wrong:
	EXIT 1
.failed:
	cmp rax, -32			; -EPIPE
	jne .other
	EXIT 2
.other:
	EXIT 3

; Serves the endpoint rdi for ever, whoever has died: adds 1 to the first word.
PROGRAM up_patient_server
	push rdi
.receive:
	mov rdi, [rsp]
	mov eax, SYS_ipc_receive
	xor ebx, ebx
	syscall
.look:
	test rax, rax
	jnz .receive			; who called is gone
	inc rdx
	mov rdi, [rsp]
	mov eax, SYS_ipc_reply_receive
	xor ebx, ebx
	syscall
	jmp .look

; Calls the endpoint rdi for ever, each time with another first word: counts the answers at rsi, and behind it the calls that
; failed because the server died. Status 3: another error, or another's answer.
PROGRAM up_patient_client
	push rdi
	push rsi
	xor r12d, r12d
.call:
	inc r12
	mov rdx, r12
	mov rdi, [rsp + 8]
	mov eax, SYS_ipc_call
	xor ebx, ebx
	push r12
	syscall
	pop r12
	mov rsi, [rsp]
	test rax, rax
	jnz .no
	dec rdx
	cmp rdx, r12
	jne .wrong
	inc qword [rsi]
	jmp .call
.no:
	inc qword [rsi + 8]
	cmp rax, -32			; EPIPE
	je .call
.wrong:
	EXIT 3

; All sixteen xmm registers and the x87 stack hold rdi while others run; rsi rounds.
PROGRAM up_sse
	movq xmm0, rdi
	movq xmm15, rdi
	movq xmm7, rdi
	push rdi
	fild qword [rsp]
.round:
	push rsi
	push rdi
	mov eax, SYS_yield
	syscall
	pop rdi
	pop rsi
	movq rax, xmm0
	cmp rax, rdi
	jne .lost
	movq rax, xmm15
	cmp rax, rdi
	jne .lost
	movq rax, xmm7
	cmp rax, rdi
	jne .lost
	fld st0
	fistp qword [rsp]
	cmp [rsp], rdi
	jne .lost
	dec rsi
	jnz .round
	EXIT 0
.lost:
	EXIT 1

; At rdi.
PROGRAM up_read
	mov rax, [rdi]
	EXIT 0
PROGRAM up_write
	mov [rdi], rdi
	EXIT 0
PROGRAM up_jump
	jmp rdi

; Counts at rdi for ever.
PROGRAM up_count
	inc qword [rdi]
	pause
	jmp up_count

; The same twice, and unmaps that page in between.
PROGRAM up_count_unmapped
	inc qword [rdi]
	mov rsi, rdi
	mov rbx, rdi
	xor edi, edi
	mov edx, 1
	mov eax, SYS_space_unmap
	syscall
	inc qword [rbx]
	EXIT 5

%include "tests/kernel/random_program.inc"
%include "tests/kernel/grant_programs.inc"
%include "tests/kernel/privileged_programs.inc"
%include "tests/bench/ipc_programs.inc"
%include "tests/bench/memory_programs.inc"

PROGRAM user_programs_end

section .note.GNU-stack noalloc noexec nowrite progbits
