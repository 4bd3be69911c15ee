; The same from behind: the second reading begins before the first.
;
; refuse: overlap, ": control reaches the middle of an instruction"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	jmp .imm + 1
.imm:
	mov eax, 0xfb74ff85	; from its second byte on: test edi, edi; jz .imm
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
