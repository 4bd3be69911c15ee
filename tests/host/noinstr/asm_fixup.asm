; Where a fault goes on in visible text.
;
; refuse: fixup, "do_nmi(): __ex_table or .static_sites leads out of it, into visible()"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

extern visible
section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	mov rax, [rdi]	; here
	ret
.end:

section __ex_table progbits alloc noexec nowrite align=8
	dq do_nmi, visible

section .note.GNU-stack noalloc noexec nowrite progbits
