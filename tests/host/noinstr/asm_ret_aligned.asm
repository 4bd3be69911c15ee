; rsp rounded down, and never put back: what does ret find?
;
; refuse: stack, "do_nmi() returns, and where rsp is then can't be followed"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	and rsp, -16
	ret		; here
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
