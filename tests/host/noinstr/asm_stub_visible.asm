; A vector's stub in .text.
;
; refuse: unlisted, "asm_exc_nmi(), a vector's stub, lies outside .entry.text"

bits 64
default abs

section .text
global asm_exc_nmi:function (asm_exc_nmi.end - asm_exc_nmi)
asm_exc_nmi:
	iretq			; here
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
