; Vector and error code still lie on the CPU's frame.
;
; refuse: stack, "asm_exc_nmi() returns with 16 bytes too many on the stack"
; path: vector 2 (NMI): asm_exc_nmi

bits 64
default abs

extern do_nmi
section .entry.text progbits alloc exec nowrite align=16

global asm_exc_nmi:function (asm_exc_nmi.end - asm_exc_nmi)
asm_exc_nmi:
	push 0
	push 2
	mov rdi, rsp
	call do_nmi
	iretq			; here
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
