; A zero byte nobody reaches isn't the end of the search.
;
; refuse: unreached, "do_nmi()+0x5 is reached by no path"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

extern visible
section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	jmp .a
	db 0
.a:	jmp .b
	call visible	; here
.b:	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
