; Where a program begins: rsp is a call's alignment, rdi what it was started with.

bits 64
default rel

extern program_begin

section .text progbits alloc exec nowrite align=16
global _start:function (_start.end - _start)
_start:
	xor ebp, ebp			; a backtrace ends here
	call program_begin
	ud2
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
