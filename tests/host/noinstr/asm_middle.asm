; A jump over the first instructions of another function.
;
; refuse: middle, "do_nmi() jumps to the middle of other(), +0x1"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> other

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	jmp other + 1		; here
.end:
global other:function (other.end - other)
other:
	nop
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
