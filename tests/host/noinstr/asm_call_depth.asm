; A function that is jumped to with a word on the stack is also called, without it.
;
; refuse: stack-join, "do_nmi() calls other(), which is entered with 8 bytes on the stack elsewhere"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	call other	; here
	push rbx
	jmp other
.end:

global other:function (other.end - other)
other:
	pop rbx
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
