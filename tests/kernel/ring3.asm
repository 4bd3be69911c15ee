; Ring 3 for tests: the way there and back, and the programs that are copied to the user's page (see ring3.h).

%include "asm_offsets.inc"

bits 64
default abs

%define RING3_SYSCALLS 1000		; as ring3.h has it

extern tss, user_enter

section .text progbits alloc exec nowrite align=16

; void ring3_enter(u64 ip, u64 sp, u64 words, u64 arg): returns when ring3.c leaves an exception from ring 3 for
; ring3_back. Interrupts off on both sides, on in between. What must be kept lies above the stack of traps.
global ring3_enter:function (ring3_enter.end - ring3_enter)
ring3_enter:
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov [gs:tss + TSS_RSP0], rsp
	call user_enter
.end:

global ring3_back:function (ring3_back.end - ring3_back)
ring3_back:
	mov rsp, [gs:tss + TSS_RSP0]
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret
.end:

; The programs, by position in their page only. rdi: this CPU's words (struct words in ring3.c); rsi: the argument.
section .rodata progbits alloc noexec nowrite align=16

%macro PROGRAM 1
global %1
%1:
%endmacro

PROGRAM ring3_programs
PROGRAM ring3_spin
	call spin
	ud2
PROGRAM ring3_spin_nmi
	call spin
PROGRAM ring3_nmi
	int 2
PROGRAM ring3_ud
	ud2
PROGRAM ring3_int3
	int3
PROGRAM ring3_icebp
	db 0xf1				; int1
	ud2
PROGRAM ring3_int_1
	int 1
PROGRAM ring3_int_1_behind
	ud2
PROGRAM ring3_int_1_step
	pushfq
	or dword [rsp], 0x100		; TF
	popfq
	int 1
PROGRAM ring3_int_1_stepped
	ud2
PROGRAM ring3_step
	pushfq
	or dword [rsp], 0x100		; TF
	popfq
	nop
	ud2
PROGRAM ring3_read
	mov eax, [rsi]
	ud2
PROGRAM ring3_write
	mov [rsi], eax
	ud2
PROGRAM ring3_jump
	jmp rsi
PROGRAM ring3_syscall
	mov eax, esi
	lea rdi, [rsi + 1]
	lea rdx, [rsi + 2]
	lea r8, [rsi + 3]
	lea r9, [rsi + 4]
	lea r10, [rsi + 5]
	lea r12, [rsi + 6]
	lea r13, [rsi + 7]
	lea r14, [rsi + 8]
	lea r15, [rsi + 9]
	lea rbx, [rsi + 10]
	lea rbp, [rsi + 11]
	syscall
	ud2
PROGRAM ring3_syscall_at
	mov rsp, rsi
	xor eax, eax
	syscall
	ud2
PROGRAM ring3_syscall_step
	pushfq
	or dword [rsp], 0x100
	xor eax, eax
	popfq
	syscall
PROGRAM ring3_syscall_stepped
	ud2
PROGRAM ring3_held_int3
	mov ecx, USER_DS
	mov [rdi + 64], ecx
	mov ss, [rdi + 64]		; watched
	int3
PROGRAM ring3_held_syscall
	mov ecx, USER_DS
	mov [rdi + 64], ecx
	xor eax, eax
	mov ss, [rdi + 64]
	syscall
	ud2
PROGRAM ring3_syscalls
	xor eax, eax
%rep RING3_SYSCALLS
	syscall				; which leaves 0 in rax
%endrep
	ud2
spin:
	inc dword [rdi + 4]
	pause
	cmp dword [rdi], 0
	je spin
	ret
PROGRAM ring3_programs_end

section .note.GNU-stack noalloc noexec nowrite progbits
