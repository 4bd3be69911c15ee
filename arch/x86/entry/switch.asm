; Changing stacks. Only what C says a call preserves is saved: the rest is dead across a call.
;
; A sleeping thread's stack, lowest address (thread.sp) first:
;	r15 r14 r13 r12 rbx rbp, return address

%include "asm_offsets.inc"

bits 64
default abs

extern thread_begin

section .entry.text progbits alloc exec nowrite align=16

global switch_to, thread_entry
align 16
switch_to:
	push rbp
	push rbx
	push r12
	push r13
	push r14
	push r15
	mov [rdi + THREAD_SP], rsp
	mov rsp, [rsi + THREAD_SP]
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbx
	pop rbp
	mov rax, rdi			; who was left
	ret

; A new thread comes here from the ret above, with rbp = 0: the unwinder ends here.
align 16
thread_entry:
	mov rdi, rax
	call thread_begin
	ud2

section .note.GNU-stack noalloc noexec nowrite progbits
