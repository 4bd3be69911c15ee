; A begin before a function's first instruction.
;
; refuse: not-entered, "do_nmi(): instrumentation_begin() before"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

extern visible
section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	call visible	; here
.done:
	ret
.end:

section .instr_notes noalloc noexec nowrite progbits
	dq do_nmi, 1, do_nmi.done, 0

section .note.GNU-stack noalloc noexec nowrite progbits
