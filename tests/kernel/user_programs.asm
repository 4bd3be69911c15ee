; Programs of tests that run in processes of their own (user_process.h): copied to PROGRAM_BASE, so position matters to none.

%include "asm_offsets.inc"

bits 64
default rel

%define SYS_print		1	; abi/syscall.h; user_process.c asserts them
%define SYS_yield		3
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

; Figures (tests/bench/ipc.c), in ticks, as u64 at rsi. First what two instructions between take, as there are before each call.
%define BENCH_RUNS 101
%define WARM_UP 8

%macro RECORD 1			; rax: where it ends; the number of the run in r13
	mov [rsi + r13 * 8 + 8 + %1 * 8 * BENCH_RUNS], rax
%endmacro

%macro BENCH_START 0
	push rsi
	rdtsc
	mov r8d, eax
	mov eax, SYS_ipc_call
	rdtsc
	sub eax, r8d
	mov [rsi], rax
	mov r13, -WARM_UP
	xor ebx, ebx
%endmacro

%macro BENCH_NEXT 1
	inc r13
	cmp r13, BENCH_RUNS
	jne %1
	EXIT 0
%endmacro

; Calls the endpoint rdi; first its server's figure, of the way there, then of the way back.
PROGRAM up_bench_call
	BENCH_START
.next:
	rdtsc
	mov r8d, eax
	mov eax, SYS_ipc_call
	syscall
	rdtsc
	sub eax, r10d
	mov rsi, [rsp]
	test r13, r13
	js .warm
	RECORD 1
	mov eax, r9d
	RECORD 0
.warm:
	BENCH_NEXT .next

PROGRAM up_bench_server
	push rdi
	mov eax, SYS_ipc_receive
	xor ebx, ebx
	syscall
.again:
	rdtsc
	sub eax, r8d
	mov r9d, eax
	mov rdi, [rsp]
	rdtsc
	mov r10d, eax
	mov eax, SYS_ipc_reply_receive
	syscall
	test rax, rax
	jz .again
	EXIT 7

; The whole, to a server that does nothing else.
PROGRAM up_bench_round
	BENCH_START
.next:
	rdtsc
	mov r8d, eax
	mov eax, SYS_ipc_call
	syscall
	rdtsc
	sub eax, r8d
	mov rsi, [rsp]
	test r13, r13
	js .warm
	RECORD 0
.warm:
	BENCH_NEXT .next

PROGRAM up_bench_echo
	push rdi
	mov eax, SYS_ipc_receive
	xor ebx, ebx
	syscall
.again:
	mov rdi, [rsp]
	mov eax, SYS_ipc_reply_receive
	syscall
	jmp .again

; Signals the notification rdi: the moments at which it begins, and what it takes.
PROGRAM up_bench_signal
	BENCH_START
.next:
	push rsi
	mov esi, 1
	rdtsc
	mov r8d, eax
	mov eax, SYS_notification_signal
	syscall
	rdtsc
	pop rsi
	test r13, r13
	js .warm
	sub eax, r8d
	RECORD 1
	mov eax, r8d
	RECORD 0
.warm:
	BENCH_NEXT .next

; Waits for it: the moments at which that ends.
PROGRAM up_bench_wait
	BENCH_START
.next:
	push rsi
	xor esi, esi
	mov eax, SYS_notification_wait
	syscall
	rdtsc
	pop rsi
	test r13, r13
	js .warm
	RECORD 0
.warm:
	BENCH_NEXT .next

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

; rsi random system calls from the seed rdi: numbers that are none, too, but neither text to the console nor an end of its own
; by one that is taken as an argument; arguments that are nothing, small, handles, addresses here and at all ends.
PROGRAM up_crash
	mov r15, rdi
	mov r14, rsi
	lea r12, [interesting]
.next:
	call random
	mov rax, r15
	shr rax, 33
	xor edx, edx
	mov ecx, NR_CALLS + 2
	div ecx
	mov ebx, edx
	cmp ebx, SYS_print
	je .next
	cmp ebx, SYS_thread_exit
	je .next
	cmp ebx, SYS_clock		; of no interest
	je .next
	call argument
	mov rdi, rax
	call argument
	mov rsi, rax
	call argument
	mov rdx, rax
	call argument
	mov r10, rax
	call argument
	mov r8, rax
	call argument
	mov r9, rax
	cmp ebx, SYS_process_kill
	jne .wait
	test edi, edi			; not itself
	jz .next
.wait:
	cmp ebx, SYS_endpoint_create + 2	; who may wait doesn't: as abi/ipc.h says
	jb .call
	cmp ebx, SYS_notification_create
	ja .call
	mov ecx, edi
	mov rdi, 0xffffffff00000000
	or rdi, rcx
.call:
	cmp ebx, SYS_notification_wait
	jne .now
	mov esi, 1
.now:
	mov eax, ebx
	push r12
	push r14
	push r15
	and ebx, 1 << 30		; and gives no handle with a message
	syscall
	pop r15
	pop r14
	pop r12
	dec r14
	jnz .next
	EXIT 0
random:					; Knuth's, in r15
	mov rax, 6364136223846793005
	imul r15, rax
	mov rax, 1442695040888963407
	add r15, rax
	ret
argument:				; in rax; changes rcx
	call random
	mov rax, r15
	shr rax, 40
	mov ecx, eax
	shr ecx, 8
	and eax, 63
	cmp eax, 40
	jae .handle
	mov rax, [r12 + rax * 8]
	ret
.handle:				; of those that it may have: the first generations of a few places
	mov eax, ecx
	and eax, 7
	and ecx, 0x30
	shl ecx, 6
	lea eax, [eax + ecx + 1024]
	ret
align 8
interesting:
	dq 0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 63, 64, 127, 128, 255
	dq 4095, 4096, 4097, 0x400000, 0x400001, 0x600000, 0x601ff8, 0x602000, 0x700000, 0x800000, 0x801000
	dq 0x7ffffffff000, 0x7fffffffe000, 0x800000000000, 0x8000000000000000, 0xffff888000100000, 0xffffc90000000000
	dq 0xffffffff80100000, 0xffffffffa0000000, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, -1

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

; What only the kernel may, and other things that end in a trap: privilege_test.c has the vectors.
%macro PRIVILEGED 2+
PROGRAM %1
	%2
	EXIT 0
%endmacro
	PRIVILEGED up_cli, cli
	PRIVILEGED up_sti, sti
	PRIVILEGED up_hlt, hlt
	PRIVILEGED up_in, in al, 0x60
	PRIVILEGED up_out, out 0x60, al
	PRIVILEGED up_in_dx, in al, dx
	PRIVILEGED up_read_cr0, mov rax, cr0
	PRIVILEGED up_write_cr0, mov cr0, rax
	PRIVILEGED up_write_cr3, mov cr3, rax
	PRIVILEGED up_write_cr4, mov cr4, rax
	PRIVILEGED up_write_cr8, mov cr8, rax
	PRIVILEGED up_read_dr7, mov rax, dr7
	PRIVILEGED up_write_dr7, mov dr7, rax
	PRIVILEGED up_rdmsr, rdmsr
	PRIVILEGED up_wrmsr, wrmsr
	PRIVILEGED up_lgdt, lgdt [rsp]
	PRIVILEGED up_lidt, lidt [rsp]
	PRIVILEGED up_lldt, lldt ax
	PRIVILEGED up_ltr, ltr ax
	PRIVILEGED up_lmsw, lmsw ax
	PRIVILEGED up_clts, clts
	PRIVILEGED up_invd, invd
	PRIVILEGED up_wbinvd, wbinvd
	PRIVILEGED up_invlpg, invlpg [rsp]
	PRIVILEGED up_swapgs, swapgs
	PRIVILEGED up_sysret, o64 sysret
	PRIVILEGED up_stac, stac
	PRIVILEGED up_sgdt, sgdt [rsp - 16]
	PRIVILEGED up_sidt, sidt [rsp - 16]
	PRIVILEGED up_str, str ax
	PRIVILEGED up_smsw, smsw ax
	PRIVILEGED up_int2, int 2
	PRIVILEGED up_int14, int 14
	PRIVILEGED up_int32, int 32
	PRIVILEGED up_int128, int 128
	PRIVILEGED up_int255, int 255
	PRIVILEGED up_int3, int3
	PRIVILEGED up_int_3, db 0xcd, 3
	PRIVILEGED up_icebp, db 0xf1
	PRIVILEGED up_ud2, ud2
PROGRAM up_kernel_cs
	push 8
	lea rax, [up_ud2]
	push rax
	retfq
PROGRAM up_kernel_ss
	mov eax, 0x10
	mov ss, eax
	EXIT 0
PROGRAM up_iret_kernel
	push 0x10
	push rsp
	push 2
	push 8
	lea rax, [up_ud2]
	push rax
	iretq
PROGRAM up_iopl
	pushfq
	or dword [rsp], 0x3000
	popfq
	cli
	EXIT 0
PROGRAM up_noncanonical
	mov rax, 0x8000000000000000
	jmp rax
PROGRAM up_step
	pushfq
	or dword [rsp], 0x100
	popfq
	nop
	EXIT 0
PROGRAM up_divide
	xor ecx, ecx
	div ecx
	EXIT 0

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

; How many instructions each takes, by their own count: TICKS begins, and ends at %1. Changes rax and rdx.
%macro TICKS 0
	rdtsc
	mov r15d, eax
%endmacro
%macro TICKS 1
	rdtsc
	sub eax, r15d
	mov [%1], rax
%endmacro

; rsi times: maps a page of the memory whose handle is the first word at rdi, touches it and unmaps it. What mapping took and
; what the touch did go to rdi on, in pairs.
PROGRAM up_bench_map
	mov rbx, rdi
	mov ebp, esi
	mov r10, [rdi]
	mov esi, 0x800000
	xor r8d, r8d
	mov r9d, 3			; MAP_READ | MAP_WRITE
.next:
	xor edi, edi
	TICKS
	mov edx, 1
	mov eax, SYS_space_map
	syscall
	TICKS rbx
	TICKS
	mov [rsi], rax
	TICKS rbx + 8
	mov edx, 1
	mov eax, SYS_space_unmap
	syscall
	test rax, rax
	jnz .failed
	add rbx, 16
	dec ebp
	jnz .next
	EXIT 0
.failed:
	EXIT 1

; rsi faults, whose ticks go to rdi on; and who answers each, at the endpoint rdi, that it go on behind the ud2.
PROGRAM up_bench_fault
	mov rbx, rdi
	mov ebp, esi
.next:
	TICKS
	ud2
	TICKS rbx
	add rbx, 8
	dec ebp
	jnz .next
	EXIT 0
PROGRAM up_bench_pager
	push rdi
	xor ebx, ebx
	mov eax, SYS_ipc_receive
	syscall
.next:
	mov rdi, [rsp]
	mov esi, IPC_FAULT_GO_ON
	lea rdx, [r10 + 2]
	xor ebx, ebx
	mov eax, SYS_ipc_reply_receive
	syscall
	test rax, rax
	jz .next
	EXIT 0
PROGRAM user_programs_end

section .note.GNU-stack noalloc noexec nowrite progbits
