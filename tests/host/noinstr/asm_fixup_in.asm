; Where a visible function's fault goes on in hidden text.
;
; refuse: fixup, "looks(): __ex_table or .static_sites leads into hidden do_nmi()"
; path: none

bits 64
default abs

section .text
global looks:function (looks.end - looks)
looks:
	mov rax, [rdi]	; here
	ret
.end:

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	xor eax, eax
	ret
.end:

section __ex_table progbits alloc noexec nowrite align=8
	dq looks, do_nmi

section .note.GNU-stack noalloc noexec nowrite progbits
