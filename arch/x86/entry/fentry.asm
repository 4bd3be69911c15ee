; The function tracer's trampoline: what a traced function calls from its first five bytes.
;
; A call site, traced and not:
;	sym:	call ftrace_caller	|	nopl 0(rax,rax,1)
;		push rbp		|	push rbp
;
; Stack on entry, highest first: the return address into sym's caller (the parent), then the return
; address into sym. C functions take arguments in rdi rsi rdx rcx r8 r9, and al or rax for variadic
; ones: all must survive. r10 and r11 are dead at the entry of a C function.

bits 64
default abs

extern function_trace_call

section .entry.text progbits alloc exec nowrite align=16

global ftrace_caller:function (ftrace_caller.end - ftrace_caller)
align 16
ftrace_caller:
	push rbp
	mov rbp, rsp			; a frame, so that a backtrace shows sym
	push rax
	push rdi
	push rsi
	push rdx
	push rcx
	push r8
	push r9				; rsp is 16-aligned again: 2 + 8 words
	mov rdi, [rbp + 8]
	sub rdi, 5			; sym: the site itself
	mov rsi, [rbp + 16]		; the parent
	call function_trace_call
	pop r9
	pop r8
	pop rcx
	pop rdx
	pop rsi
	pop rdi
	pop rax
	pop rbp
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
