; Code that no path leads to: how is it entered, and with what on the stack?
;
; refuse: unreached, "do_nmi()+0x1 is reached by no path that can be followed"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	ret
	xor eax, eax		; here
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
