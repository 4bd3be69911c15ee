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
; ftrace_caller calls all who want the site. It is also the template of those for one consumer only (ftrace/trampoline.c):
; a copy with two operands changed. One such is made here, for when there is no memory to copy to yet.

%include "asm_offsets.inc"
%include "arch/x86/entry/regs.inc"

bits 64
default abs

extern ftrace_ops_list_func, function_ops, function_trace_call, graph_return, kprobe_ftrace_handler, kretprobe_return
extern context_word, guard_bits, jump_landing, preempt_schedule

section .entry.text progbits alloc exec nowrite align=16

; name, the one consumer, what is called
%macro TRAMPOLINE 3
global %1:function (%1.end - %1)
align 16
%1:
	push rdi
	push rsi
	push rdx
	push rcx
	push r8
	push r9				; rsp is 16-aligned: 2 + 6 words
	mov rdi, [rsp + FRAME_IP]
	mov rsi, [rsp + FRAME_PARENT]	; the parent
	sub rdi, SITE_SIZE		; sym: the site itself
.ops:	mov rdx, strict qword %2
	mov rcx, rsp
.call:	call %3
	pop r9
	pop r8
	pop rcx
	pop rdx
	pop rsi
	pop rdi
	ret
.end:
%endmacro

TRAMPOLINE ftrace_caller, 0, ftrace_ops_list_func
TRAMPOLINE ftrace_early_caller, function_ops, function_trace_call

; The same with all registers, for a probe on the function's entry: a struct pt_regs of the site, right below the return
; address, so that to its consumer both are in their places in a struct ftrace_frame (of which the rest is not there).
; What the consumer changes in the registers comes back, but ip and sp: where the function goes on is frame.ip.
; rbp marks it as a trap's, for the unwinder; the vector is none.
; name, what is called, its struct ftrace_ops
%macro REGS_TRAMPOLINE 3
global %1:function (%1.end - %1)
align 16
%1:
	push KERNEL_DS
	push rsp
	pushfq
	add qword [rsp + 8], 16		; sp, as it was at the site: behind what is pushed so far and the return address
	push KERNEL_CS
	push qword [rsp + 32]		; the return address
	sub qword [rsp], SITE_SIZE
	push 0				; error
	push VECTOR_NONE
	PUSH_REGS
	cld
	mov rdi, [rsp + REGS_IP]
	mov rsi, [rsp + REGS_SIZE + 8]	; the parent
	mov rdx, %3
	lea rcx, [rsp + REGS_SIZE - FRAME_IP]
	lea rbp, [rsp + 1]
	call %2
	POP_REGS
	lea rsp, [rsp + 32]		; vector, error, ip, cs
	popfq
	lea rsp, [rsp + 16]		; sp, ss
	ret
.end:
%endmacro

REGS_TRAMPOLINE ftrace_regs_caller, ftrace_ops_list_func, 0
REGS_TRAMPOLINE ftrace_probe_caller, kprobe_ftrace_handler, 0

; The same for one place whose probe is the only consumer: a template, of which kprobe/fentry.c makes copies. Nobody looks for
; what is known there, nor calls in between. What the one armed probe's pre handler can't be called for (there are several; it
; isn't a thread's call; the guard is taken; there is a post handler) has C do all of it. Flags are dead at a function's entry.
global probe_caller:function (probe_caller.end - probe_caller)
align 16
probe_caller:
	push KERNEL_DS
	push rsp
	pushfq
	add qword [rsp + 8], 16		; as above
	push KERNEL_CS
.ip:	push strict dword 0
	push 0				; error
	push VECTOR_NONE
	PUSH_REGS
	lea rbp, [rsp + 1]
	inc dword [gs:context_word]	; preemption off, before the probe is looked at
.site:	mov rbx, strict qword 0
	mov rdi, [rbx + SITE_ONLY]
	test rdi, rdi
	jz .slow
	test dword [gs:context_word], NOT_THREAD
	jnz .slow
	test dword [gs:guard_bits], GUARD_KPROBE_TASK
	jnz .slow
	or dword [gs:guard_bits], GUARD_KPROBE_TASK
	lock inc qword [rdi + KPROBE_HITS]
	mov rsi, rsp
	call [rdi + KPROBE_PRE]
	and dword [gs:guard_bits], ~GUARD_KPROBE_TASK
.same:	cmp qword [rsp + REGS_IP], 0x7fffffff	; a place for the address
	jne .elsewhere
.enable:
	dec dword [gs:context_word]
	jz .schedule
.leave:
	POP_REGS
	add rsp, 56			; vector to ss
	ret
.elsewhere:
	mov rdi, [rsp + REGS_IP]
.landing:
	call jump_landing
	mov [rsp + REGS_SIZE], rax
	jmp .enable
.slow:
	dec dword [gs:context_word]	; if a switch is wanted, C will see it
	mov rdi, [rsp + REGS_IP]
	mov rsi, [rsp + REGS_SIZE + 8]
	lea rcx, [rsp + REGS_SIZE - FRAME_IP]
.handler:
	call kprobe_ftrace_handler
	jmp .leave
.schedule:
	call preempt_schedule
	jmp .leave
.end:

; Where a function with a hooked return returns to (graph.h). The slot below rsp may be spoiled by now: an interrupt came.
; It gets the real return address from graph_return(). A function's result is in rax, or rdx:rax; rcx keeps rsp aligned.
global return_to_handler:function (return_to_handler.end - return_to_handler)
align 16
return_to_handler:
	push return_to_handler		; as it was: the unwinder knows it by this
	push rax
	push rdx
	push rcx
	mov rdi, rsp
	call graph_return
	pop rcx
	pop rdx
	pop rax
	ret
.end:

; The same for a return probe, which wants all registers: struct return_regs, with ip and vector as in any pt_regs. C code
; preserves what the caller counts on, but for the result. Interrupts are off until it lets them in again.
global return_to_probe:function (return_to_probe.end - return_to_probe)
align 16
return_to_probe:
	push return_to_probe
	push rax			; keeps rsp aligned
	push KERNEL_DS
	push rsp
	pushfq
	cli
	push KERNEL_CS
	push rax			; ip is C's to fill in
	push 0				; error
	push VECTOR_NONE
	PUSH_REGS
	mov rdi, rsp
	call kretprobe_return
	mov rax, [rsp + REGS_AX]
	mov rdx, [rsp + REGS_DX]
	add rsp, REGS_SIZE + 8
	ret
.end:

section .rodata progbits alloc noexec nowrite align=4

; struct ftrace_template: where the two operands are, and its size.
global ftrace_template:data
ftrace_template:
	dd ftrace_caller.ops + 2 - ftrace_caller
	dd ftrace_caller.call + 1 - ftrace_caller
	dd ftrace_caller.end - ftrace_caller

; struct probe_template: the same for that of probes.
global probe_template:data
probe_template:
	dd probe_caller.ip + 1 - probe_caller
	dd probe_caller.site + 2 - probe_caller
	dd probe_caller.enable - 6 - probe_caller	; .same's operand, before a short jump
	dd probe_caller.handler + 1 - probe_caller
	dd probe_caller.schedule + 1 - probe_caller
	dd probe_caller.landing + 1 - probe_caller
	dd probe_caller.end - probe_caller

global ftrace_regs_caller_size:data
ftrace_regs_caller_size:
	dd ftrace_regs_caller.end - ftrace_regs_caller

global return_to_handler_size:data
return_to_handler_size:
	dd return_to_handler.end - return_to_handler

global return_to_probe_size:data
return_to_probe_size:
	dd return_to_probe.end - return_to_probe

section .note.GNU-stack noalloc noexec nowrite progbits
