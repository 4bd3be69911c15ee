; Nothing keeps this one from running into the next.
;
; refuse: falls-through, "do_nmi() falls through its end"

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	xor eax, eax		; here
.end:
next:
	ret

section .note.GNU-stack noalloc noexec nowrite progbits
