; Visible code that enters a hidden function beside its start.
;
; refuse: middle, "visible outside() goes into the middle of hidden do_nmi()"
; path: outside

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	nop
	ret
.end:

section .text
global outside:function (outside.end - outside)
outside:
	call do_nmi + 1		; here
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
