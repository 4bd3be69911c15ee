; Half of rsp is changed.
;
; refuse: stack-pointer, "do_nmi(): 'mov sp, ax'"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	mov sp, ax	; here
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
