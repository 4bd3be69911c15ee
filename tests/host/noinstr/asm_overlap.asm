; A jump into an instruction.
;
; refuse: overlap, ": control reaches the middle of an instruction"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	test edi, edi
	jz .imm + 1
.imm:
	mov eax, 0x90c390c3
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
