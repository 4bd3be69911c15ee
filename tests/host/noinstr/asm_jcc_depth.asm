; A conditional jump into another function, with a word too many on the stack.
;
; refuse: stack, "other() returns with 8 bytes too many"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> other

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	push rbx
	test rdi, rdi
	jz other
	pop rbx
	ret
.end:

global other:function (other.end - other)
other:
	ret		; here
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
