; Two stubs jump to one place, with different things on the stack.
;
; refuse: stack-join, "jumps to both() with 16 bytes on the stack, others with 8"

bits 64
default abs

section .entry.text progbits alloc exec nowrite align=16

global asm_exc_debug:function (asm_exc_debug.end - asm_exc_debug)
asm_exc_debug:
	push 0
	jmp both
.end:
global asm_exc_nmi:function (asm_exc_nmi.end - asm_exc_nmi)
asm_exc_nmi:
	push 0
	push 2
	jmp both		; here
.end:
both:
	add rsp, 8
	iretq

section .note.GNU-stack noalloc noexec nowrite progbits
