; Bytes that are no instruction in 64-bit mode.
;
; refuse: undecodable, "do_nmi()+0x1: no such instruction"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	nop
	db 0x06			; here
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
