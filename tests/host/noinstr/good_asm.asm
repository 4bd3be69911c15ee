; Frames, loops and a known lea: balanced on each path.
;
; pass: O1 O2 Os

bits 64
default abs

extern hidden
section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	push rbp
	mov rbp, rsp
	push rbx
	sub rsp, 40
	and rsp, -64
	call hidden
	test eax, eax
	jz .other
	lea rsp, [rbp - 8]
	pop rbx
	pop rbp
	ret
.other:
	mov rbx, [rbp - 8]
	leave
	ret
	align 16
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
