; Code between two functions' ends and beginnings: no symbol says what it is.
;
; refuse: unreached, "behind do_nmi lies what belongs to no function"
; path: none

bits 64
default abs

extern visible
section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	ret
.end:
	call visible	; here
	ret

section .note.GNU-stack noalloc noexec nowrite progbits
