; In a kernel: a visible function that must be hidden whoever calls it.
;
; refuse: must-hide, "step_abandon() must be hidden: ends a step"
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

section .text
global step_abandon:function (step_abandon.end - step_abandon)
step_abandon:
	ret			; here
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
