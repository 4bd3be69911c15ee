; In a kernel: a visible function that tells RCU to look away, and would be traced meanwhile.
;
; refuse: must-hide, "idler() must be hidden: it calls rcu_idle_enter(), which changes whether RCU watches"
; also: stale

bits 64
default abs

section .entry.text progbits alloc exec nowrite align=16

global vector_stubs
align 16
vector_stubs:
%assign v 0
%rep 256
	align 16
%if v >= 32 || ((0x60227d00 >> v) & 1) == 0
	push 0
%endif
	push v
	jmp all_stubs
%assign v v + 1
%endrep
align 16
all_stubs:
	add rsp, 16
	iretq

section .noinstr.text progbits alloc exec nowrite align=16
global rcu_idle_enter:function (rcu_idle_enter.end - rcu_idle_enter)
rcu_idle_enter:
	ret
.end:

section .text
global idler:function (idler.end - idler)
idler:
	call rcu_idle_enter
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
