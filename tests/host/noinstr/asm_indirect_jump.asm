; A jump by register.
;
; refuse: indirect, "an indirect jump, 'jmp rax', which can't be followed"
; path: vector 2 (NMI): asm_exc_nmi -> do_nmi -> (a computed place)

bits 64
default abs

section .noinstr.text progbits alloc exec nowrite align=16

global do_nmi:function (do_nmi.end - do_nmi)
do_nmi:
	mov rax, [rdi]
	jmp rax			; here
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
