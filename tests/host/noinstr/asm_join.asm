; Paths that meet with different depths.
;
; refuse: stack-join, "do_nmi(): paths meet with different stack depths, "
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	test rdi, rdi
	jz .out
	push rbx
.out:
	ret			; here
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
