; A conditional jump to what returns in one's place, without having told RCU.
;
; refuse: not-entered, "do_nmi(): instrumentation_begin() before"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

extern visible, hidden, rcu_nmi_enter
section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	call enter
.begin:
	call visible	; here
.done:
	ret
.end:

global enter:function (enter.end - enter)
enter:
	test rdi, rdi
	jz hidden
	call rcu_nmi_enter
	ret
.end:

section .instr_notes noalloc noexec nowrite progbits
	dq do_nmi.begin, 1, do_nmi.done, 0

section .note.GNU-stack noalloc noexec nowrite progbits
