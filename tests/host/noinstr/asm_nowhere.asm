; A call of what is no function.
;
; refuse: nowhere, "where there is no function"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

extern knob
global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	call knob		; here
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
