; A word too many on the stack at ret.
;
; refuse: stack, "do_nmi() returns with 8 bytes too many on the stack"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	push rbx
	push r12
	pop rbx
	ret			; here
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
