; #DF comes with an error code, which must go before iretq.
;
; refuse: stack, "asm_exc_double_fault() returns with 8 bytes too many on the stack"

bits 64
default abs

extern do_double_fault
section .entry.text progbits alloc exec nowrite align=16

global asm_exc_double_fault:function (asm_exc_double_fault.end - asm_exc_double_fault)
asm_exc_double_fault:
	push rdi
	call do_double_fault
	pop rdi
	iretq			; here
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
