; A new vector's stub that nobody has told the checker of.
;
; refuse: unlisted, "asm_exc_new() is no entry that the checker knows"

bits 64
default abs

section .entry.text progbits alloc exec nowrite align=16

global asm_exc_new:function (asm_exc_new.end - asm_exc_new)
asm_exc_new:
	iretq			; here
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
