; The function tracer's trampoline: what a traced function calls from its first five bytes.
;
; A call site, traced and not:
;	sym:	call ftrace_caller	|	nopl 0(rax,rax,1)
;		push rbp		|	push rbp
;
; Stack on entry, highest first: the return address into sym's caller (the parent), then the return
; address into sym. With what is saved here they are a struct ftrace_frame (fentry.h).
;
; C functions take arguments in rdi rsi rdx rcx r8 r9: these must survive. al, which tells a variadic function how
; many vector registers hold arguments, is dead: there are none (-mgeneral-regs-only). So are r10 and r11.
; It makes no frame of its own: the unwinder knows the trampolines (unwind.c).
;
; This one calls all who want the site. It is also the template of those for one consumer only (ftrace/trampoline.c):
; a copy with two operands changed.

%include "asm_offsets.inc"

bits 64
default abs

extern ftrace_ops_list_func

section .entry.text progbits alloc exec nowrite align=16

global ftrace_caller:function (ftrace_caller.end - ftrace_caller)
align 16
ftrace_caller:
	push rdi
	push rsi
	push rdx
	push rcx
	push r8
	push r9				; rsp is 16-aligned: 2 + 6 words
	mov rdi, [rsp + FRAME_IP]
	mov rsi, [rsp + FRAME_PARENT]	; the parent
	sub rdi, SITE_SIZE		; sym: the site itself
.ops:	mov rdx, strict qword 0		; the one consumer
	mov rcx, rsp
.call:	call ftrace_ops_list_func
	pop r9
	pop r8
	pop rcx
	pop rdx
	pop rsi
	pop rdi
	ret
.end:

section .rodata progbits alloc noexec nowrite align=4

; struct ftrace_template: where the two operands are, and its size.
global ftrace_template:data
ftrace_template:
	dd ftrace_caller.ops + 2 - ftrace_caller
	dd ftrace_caller.call + 1 - ftrace_caller
	dd ftrace_caller.end - ftrace_caller

section .note.GNU-stack noalloc noexec nowrite progbits
