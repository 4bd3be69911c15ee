; The template of detours (detour.h): a probe's hit without a trap.
;
; It is no code where it stands, among read-only data; each detour is a copy with its operands filled in, and the
; displaced instructions and a jump back behind it. The stack has room for it: an int3 in its place takes more.
;
; What a hit in a thread does is spelled out here, since each call and each question counts. All else is C's
; (kprobe/detour.c): other contexts, and a guard that is taken.

%include "asm_offsets.inc"
%include "arch/x86/entry/regs.inc"

bits 64
default abs

extern context_word, guard_bits, jump_landing, kprobe_detour_slow, preempt_schedule

section .rodata progbits alloc noexec nowrite align=16

global detour_code:data
align 16
detour_code:
.slow:
	mov rdi, strict qword 0		; the site
.site	equ $ - 8
	mov rsi, rsp
.call1:	call kprobe_detour_slow
	jmp .handled

; A handler has changed ip. The place of ss, which nobody reads back, is where a ret will find it.
.redirected:
	mov rdi, [rsp + REGS_IP]
.call2:	call jump_landing
	mov [rsp + REGS_SS], rax
	dec dword [gs:context_word]
	jnz .return
.call3:	call preempt_schedule
.return:
	POP_REGS
	lea rsp, [rsp + 32]		; vector, error, ip, cs
	popfq
	lea rsp, [rsp + 8]		; sp
	ret

.resched:
.call4:	call preempt_schedule
	jmp .restore

.entry:
	push KERNEL_DS
	push rsp
	pushfq
	add qword [rsp + 8], 8		; sp, as it was
	push KERNEL_CS
	push strict dword 0x7fffffff		; the place
.place1	equ $ - 4
	push 0				; error
	push VECTOR_NONE
	PUSH_REGS
	cld
	lea rbp, [rsp + 1]		; for the unwinder
	inc dword [gs:context_word]
	test dword [gs:context_word], NOT_THREAD
	jnz .slow
	bts dword [gs:guard_bits], DETOUR_GUARD
	jc .slow
	mov rdi, [dword 0]		; whom to call
.probe	equ $ - 4
	lock inc qword [rdi + KPROBE_HITS]
	mov rsi, rsp
	call [rdi + KPROBE_PRE]
	and dword [gs:guard_bits], ~(1 << DETOUR_GUARD)
.handled:
	cmp qword [rsp + REGS_IP], 0x7fffffff	; the place
.place2	equ $ - 4
	jne .redirected
	dec dword [gs:context_word]
	jz .resched			; depth 0, and a switch is wanted
.restore:
	POP_REGS
	lea rsp, [rsp + 32]		; vector, error, ip, cs
	popfq
	lea rsp, [rsp + 16]		; sp, ss
.end:

; struct detour_template
align 4
global detour_template:data
detour_template:
	dd detour_code.entry - detour_code
	dd detour_code.end - detour_code
	dd detour_code.site - detour_code
	dd detour_code.place1 - detour_code
	dd detour_code.place2 - detour_code
	dd detour_code.probe - detour_code
	dd detour_code.call1 + 1 - detour_code
	dd detour_code.call2 + 1 - detour_code
	dd detour_code.call3 + 1 - detour_code
	dd detour_code.call4 + 1 - detour_code

section .note.GNU-stack noalloc noexec nowrite progbits
