; The four vectors' stubs, each unless the case has its own (-DOWN_nmi …).

bits 64
default abs

section .entry.text progbits alloc exec nowrite align=16

%macro STUB 3	; name, vector, handler; an error code is there already for #DF
extern do_%3
global asm_exc_%1:function (asm_exc_%1.end - asm_exc_%1)
asm_exc_%1:
%if %2 != 8
	push 0
%endif
	push %2
	push rdi
	lea rdi, [rsp + 8]
	call do_%3
	pop rdi
	add rsp, 16
	iretq
.end:
%endmacro

%ifndef OWN_int3
STUB int3, 3, int3
%endif
%ifndef OWN_debug
STUB debug, 1, debug
%endif
%ifndef OWN_nmi
STUB nmi, 2, nmi
%endif
%ifndef OWN_double_fault
STUB double_fault, 8, double_fault
%endif

section .note.GNU-stack noalloc noexec nowrite progbits
