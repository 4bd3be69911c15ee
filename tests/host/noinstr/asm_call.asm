; Assembly has no begin: what it calls is hidden.
;
; refuse: visible-call, "asm_exc_nmi() calls visible visible() outside"
; path: vector 2 (NMI): asm_exc_nmi -> visible

bits 64
default abs

extern visible
section .entry.text progbits alloc exec nowrite align=16

global asm_exc_nmi:function (asm_exc_nmi.end - asm_exc_nmi)
asm_exc_nmi:
	call visible		; here
	iretq
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
