; Ring 3 for tests: the way there and back, and the programs that are copied to the user's page (see ring3.h).

%include "asm_offsets.inc"

bits 64
default abs

extern tss

section .text progbits alloc exec nowrite align=16

; void ring3_enter(u64 ip, u64 sp, u64 words, u64 arg): returns when ring3.c makes an exception from ring 3 go on at
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
	push USER_DS			; the frame that iretq takes: ss sp flags cs ip
	push rsi
	push 0x202			; interrupts on; bit 1 is always set
	push USER_CS
	push rdi
	mov rdi, rdx
	mov rsi, rcx
	xor ebp, ebp			; where a backtrace ends
	iretq
.end:

global ring3_back:function (ring3_back.end - ring3_back)
ring3_back:
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
spin:
	inc dword [rdi + 4]
	pause
	cmp dword [rdi], 0
	je spin
	ret
PROGRAM ring3_programs_end

section .note.GNU-stack noalloc noexec nowrite progbits
