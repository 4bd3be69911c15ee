; A ret that takes eight bytes more than it was called with.
;
; refuse: stack-pointer, "do_nmi(): 'ret 0x08'"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	ret 8		; here
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
