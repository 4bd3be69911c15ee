; A call that can be given up: what is called may never return, and then it returns all the same (recover.h).
;
; What C code counts on after a call lies on the stack, and so does what an emergency puts back. Below it is the called function's
; return address: who goes on there, with rsp at the record, goes on as if it had returned.

%include "asm_offsets.inc"

bits 64
default abs

extern context_word, recovery_top, bb_depth, ring_nests, trap_top, watch

section .entry.text progbits alloc exec nowrite align=16

; bool recoverable_call(a, b, c, d, function)
global recoverable_call:function (recoverable_call.end - recoverable_call)
align 16
recoverable_call:
	push rbp
	mov rbp, rsp
	push rbx
	push r12
	push r13
	push r14
	push r15
	push 1				; struct recovery, from its last word to its first: done
	push r8				; function
	push qword [gs:trap_top]
	mov rax, [gs:ring_nests + 8]
	push qword [rax]
	mov rax, [gs:ring_nests]
	push qword [rax]
	push qword [gs:watch]
	push qword [gs:bb_depth]	; and rcu_trace_reader
	push qword [gs:context_word]	; and guard_bits
	push qword [gs:recovery_top]
	mov [gs:recovery_top], rsp
	call r8
	pop qword [gs:recovery_top]
	add rsp, RECOVERY_SIZE - 16
	pop rax
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbx
	pop rbp
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
