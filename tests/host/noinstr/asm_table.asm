; A table of jumps written by hand: nobody says where it ends, so its last entry may be anywhere.
;
; refuse: indirect, "do_nmi(): an indirect jump, 'jmp"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> (a computed place)
; also: unreached begin

bits 64
default abs

extern visible, hidden, rcu_nmi_enter, rcu_nmi_exit
section .rodata
table:	dq do_nmi.a, do_nmi.b, visible

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	push rdi
	call rcu_nmi_enter
	pop rdi
.begin:
	jmp [table + rdi * 8]	; here
.a:	nop
.b:	call hidden
.done:
	call rcu_nmi_exit
	ret
.end:

section .instr_notes noalloc noexec nowrite progbits
	dq do_nmi.begin, 1, do_nmi.done, 0

section .note.GNU-stack noalloc noexec nowrite progbits
