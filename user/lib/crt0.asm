; Where a program begins: rsp is the stack's end, and a call's alignment.

bits 64
default rel

extern main, process_exit

section .text progbits alloc exec nowrite align=16
global _start:function (_start.end - _start)
_start:
	xor ebp, ebp			; a backtrace ends here
	call main
	mov edi, eax
	call process_exit
	ud2
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
