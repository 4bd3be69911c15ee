; rbp used for something else doesn't move the stack.
;
; pass: O1 O2 Os

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	push rbp
	lea rbp, [rdi + 16]
	lea rbp, [rbp + 8]
	pop rbp
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
