; Every way into the kernel that isn't a call, nor a system call (syscall.asm): one stub a vector, what all stubs do, and the
; way out.
;
; What a stub does, in order (the C side of it is kernel/traps.c):
;   1. completes the CPU's frame to a struct pt_regs, so that all vectors look alike;
;   2. writes the black-box record: the only recorder that needs nothing but GS and a stack;
;   3. calls the C handler with rdi = pt_regs;
;   4. writes the exit record, restores the registers, and returns by iretq.
;
; The stack when C is called, highest address first (offsets in asm_offsets.inc, from pt_regs.h):
;   ss sp flags cs ip | error vector | ax cx dx si di … the push order below …  r15 <- rsp

%include "asm_offsets.inc"
%include "arch/x86/entry/regs.inc"

bits 64
default abs

%define WATCH_NESTING 4		; context/watch.h asserts it

extern do_int3, do_debug, do_nmi, do_double_fault, do_exception, do_irq
extern do_machine_check, do_twin, do_user_trap
extern asm_syscall_exit.user_stack, asm_syscall.kernel_stack
extern __entry_text_start
extern bb_ring, bb_head, bb_depth, this_cpu_offset, tss
extern context_word, rcu_trace_reader, watch, ring_nests, trap_top
extern step_depth, steps, hw_breakpoint_key

; What was interrupted may have opened users' pages (arch/x86/cpu/smap.h), or be a user, whose AC is his own
; affair. iretq brings it back. A nop until features_init() knows that the CPU has the instruction.
%macro CLAC 0
%ifndef MUTANT_entry_clac
%%here	equ $ - vector_stubs		; no label: NASM makes an object of it, which cuts the stub in two in the symbol table
	db 0x0f, 0x1f, 0xca
[section .smap_sites progbits alloc noexec nowrite align=8]
	dq vector_stubs + %%here
__SECT__
%endif
%endmacro

%macro SAVE_REGS 0-1 rax	; as PUSH_REGS
	PUSH_REGS %1
	cld
	CLAC
%endmacro

; NMI, #DB, #MC and #DF may come between an entry from user mode and its swapgs: in kernel mode, with the
; user's GS base. Theirs are IST stacks, and above the upper end T of each stands its CPU's own base
; (struct ist_top; docs/TRICKS.md, "Whose GS is it"). So read what is there, note the difference, and
; write ours when there is one. Uses rax, rcx, rdx; the stack and nothing else.
%macro OWN_GS 1-2		; %1: T; %2: where the difference goes, if anyone will want it
%ifndef MUTANT_paranoid_gs
	mov ecx, MSR_GS_BASE
	rdmsr
	shl rdx, 32
	or rax, rdx
	xor rax, [%1 + IST_GS_BASE]
%if %0 > 1
	mov [%2], rax
%endif
	jz .gs_is_ours
	mov eax, [%1 + IST_GS_BASE]
	mov edx, [%1 + IST_GS_BASE + 4]
	wrmsr
.gs_is_ours:
%endif
%endmacro

; The way out of these: what was found comes back. The vectors that do this have no error code, so the
; difference lies in that place; pt_regs is at rsp. Behind it nothing may use GS. Uses rax, rcx, rdx.
%macro PUT_BACK_GS 0
	cmp qword [rsp + REGS_ERROR], 0
	je .gs_is_back
	mov rax, [rsp + REGS_ERROR]
	xor rax, [gs:this_cpu_offset]
	mov rdx, rax
	shr rdx, 32
	mov ecx, MSR_GS_BASE
	wrmsr
.gs_is_back:
%endmacro

; Fills one black-box slot. The slot is claimed by one instruction (an NMI in the middle takes the
; next one) and the depth is already this record's own. Uses rax, rcx, rdx; pt_regs is at rsp.
%macro BLACK_BOX 1-3 0, REGS_IP	; %1: BB_EXIT_BIT or 0; %2: the vector, where it's always the same; %3: where ip is
	mov ecx, BB_SIZE
	xadd [gs:bb_head], rcx
	and ecx, BB_MASK
	rdtsc
	mov [gs:bb_ring + rcx + BB_TSC], eax
	mov [gs:bb_ring + rcx + BB_TSC + 4], edx
	mov rax, [rsp + %3]
	mov [gs:bb_ring + rcx + BB_IP], rax
	mov [gs:bb_ring + rcx + BB_SP], rsp
	mov eax, [gs:bb_depth]
	mov [gs:bb_ring + rcx + BB_DEPTH], eax
%if %2
	mov dword [gs:bb_ring + rcx + BB_VECTOR], %1 + %2
%else
	mov eax, [rsp + REGS_VECTOR]
%if %1
	or eax, %1
%endif
	mov [gs:bb_ring + rcx + BB_VECTOR], eax
%endif
%endmacro

; Steps 2 to 4 for a C handler that returns nothing of use.
%macro CALL_HANDLER 1
	inc dword [gs:bb_depth]
	BLACK_BOX 0
	mov rdi, rsp
	lea rbp, [rsp + 1]		; the unwinder finds pt_regs by this: bit 0 marks it
	call %1
%endmacro

; The same for what is NMI-like: %1 is the vector, %2 the handler. Below pt_regs lies a struct trap_record
; (context/trap.h), pushed from its last word to its first, and linked; two neighbours of four bytes at a time. In
; assembly, since a push copies a word in one instruction; and here no probe can be hit before it is linked.
%macro CALL_TRAP_HANDLER 2
	inc dword [gs:bb_depth]
	BLACK_BOX 0, %1
	mov rdi, rsp
	lea rbp, [rsp + 1]
	push rdi
	push qword [rdi + REGS_IP]
	push qword [rdi + REGS_FLAGS]
	mov rax, cr2			; this trap may sit between a #PF and its handler's look at CR2
	push rax
	mov rax, [gs:ring_nests + 8]
	push qword [rax]
	mov rax, [gs:ring_nests]
	push qword [rax]
	push qword [gs:watch]
	push qword [gs:bb_depth]	; and rcu_trace_reader
	push qword [gs:context_word]	; and guard_bits
	push qword [gs:trap_top]
	mov [gs:trap_top], rsp
	call %2
	pop qword [gs:trap_top]
	add rsp, TRAP_RECORD_SIZE - 8
%endmacro

; The end of a probe's step, when nobody is to be told: the two words that change, and both records (docs/TRICKS.md, "A step
; that ends in its stub"). Nothing here can trap. The stack: dx cx ax ip cs flags …; rax is where the copy ended.
%macro END_STEP 2		; %1: the vector; %2: where to go if there's more to it, with the stack as it is
	mov ecx, [gs:step_depth]
	shl ecx, STEP_SHIFT
	jz %2
	cmp rax, [gs:steps + rcx - STEP_SIZE + STEP_AT]
	jne %2
%if %1 == 1
	mov eax, DR6_RESERVED
	mov dr6, rax
%endif
	inc dword [gs:bb_depth]
	BLACK_BOX 0, %1, 24
	mov ecx, [gs:step_depth]
	shl ecx, STEP_SHIFT
	mov rax, [gs:steps + rcx - STEP_SIZE + STEP_TO]
	mov [rsp + 24], rax
	movzx eax, word [gs:steps + rcx - STEP_SIZE + STEP_FLIP]
	xor [rsp + 40], rax
	dec dword [gs:step_depth]
	BLACK_BOX BB_EXIT_BIT, %1, 24
	dec dword [gs:bb_depth]
	pop rdx
	pop rcx
	pop rax
	iretq
%endmacro

%macro LEAVE 0-1		; %1: the vector, where it's always the same
%if %0
	BLACK_BOX BB_EXIT_BIT, %1
%else
	BLACK_BOX BB_EXIT_BIT
%endif
	dec dword [gs:bb_depth]
	POP_REGS
	add rsp, 16			; vector, error
	iretq
%endmacro

%macro LEAVE_USER 0
	BLACK_BOX BB_EXIT_BIT
	dec dword [gs:bb_depth]
	POP_REGS
	add rsp, 16
	swapgs
	iretq
%endmacro

%macro LEAVE_GS 1		; for who has used OWN_GS
	BLACK_BOX BB_EXIT_BIT, %1
	dec dword [gs:bb_depth]
	PUT_BACK_GS
	POP_REGS
	add rsp, 16
	iretq
%endmacro

section .entry.text progbits alloc exec nowrite align=16

; The ordinary vectors: 256 stubs of one shape, 16 bytes each. Those with an own entry below have
; a stub here too, which the IDT doesn't use. The CPU pushes an error code for the vectors in the
; mask (SDM vol. 3, table 6-1: 8, 10-14, 17, 21, 29, 30).
%define HAS_ERROR 0x60227d00

global vector_stubs
align 16
vector_stubs:
%assign v 0
%rep 256
	align 16
%if v >= 32 || ((HAS_ERROR >> v) & 1) == 0
	push 0
%endif
	push v
%if v < 32
	jmp exception_entry
%else
	jmp irq_entry
%endif
%assign v v + 1
%endrep

align 16
exception_entry:
	test byte [rsp + 24], 3		; cs
	jnz user_entry
	SAVE_REGS
	CALL_HANDLER do_exception
	LEAVE

align 16
irq_entry:
	test byte [rsp + 24], 3
	jnz user_entry
	SAVE_REGS
	CALL_HANDLER do_irq
	LEAVE

; From user mode, by all vectors but NMI, #MC and #DF: rsp is where the thread's stack begins, and GS is the user's until
; the first instruction here, and again from the last but one. In between nothing faults, no probe is and interrupts are
; off; what may come all the same looks whose GS it is.
align 16
user_entry:
	swapgs
	SAVE_REGS
	jmp user_saved

align 16
user_saved:
	CALL_HANDLER do_user_trap
global user_saved.done
.done:
	LEAVE_USER

; void asm_user_trap_resume(void): the same as the current thread, which was left in such a trap and has its registers at the top of
; its stack.
global asm_user_trap_resume:function (asm_user_trap_resume.end - asm_user_trap_resume)
align 16
asm_user_trap_resume:
	mov rsp, [gs:tss + TSS_RSP0]
	sub rsp, REGS_SIZE
	lock inc dword [gs:watch]	; rcu_user_enter()
	mov word [gs:watch + WATCH_NESTING], 0
	LEAVE_USER
.end:

; #BP runs on the interrupted stack (docs/TRICKS.md: why no IST). Its handler may ask for a word to
; be pushed on that stack: an emulated push or call. Our own frame lies where the word must go, so
; it moves down two words (two, to keep rsp aligned), and the word is stored above it.
global asm_exc_int3:function (asm_exc_int3.end - asm_exc_int3)
align 16
asm_exc_int3:
	cmp qword [rsp], SLOT_AREA	; an ip above it: a probe's copy has run; or it is positive, a user's
	jge .copy
.all:
	push 0
	push 3
	SAVE_REGS
	CALL_TRAP_HANDLER 3, do_int3
	test byte [rsp + REGS_VECTOR + 4], REGS_PUSH >> 32
	jnz .push
.leave:
	LEAVE 3
.push:
	mov rdx, [rsp + REGS_ERROR]	; the word
	mov rsi, rsp
	sub rsp, 16
	mov rdi, rsp
	mov ecx, REGS_SIZE / 8
	rep movsq			; downwards move, ascending copy
	mov rcx, [rsp + REGS_SP]
	sub rcx, 8
	mov [rsp + REGS_SP], rcx
	mov [rcx], rdx
	jmp .leave
.copy:
	push rax
	push rcx
	push rdx
	mov rax, [rsp + 24]
	dec rax				; it is behind the int3
	jns .user
	END_STEP 3, .more
.more:
	pop rdx
	pop rcx
	pop rax
	jmp .all
.user:
	pop rdx
	pop rcx
	pop rax
	push 0
	push 3
	jmp user_entry
.end:

; #DB enters on an IST stack, since it may hit where rsp isn't ours. From kernel code on a kernel
; stack the frame moves to that stack before anything that can trap, so that #DB nests like #BP:
; the next #DB finds the IST stack free. One from user mode moves for the same reason, to where his other traps begin, and is
; one of them from then on.
;
; The end of a probe's step is mostly no affair of C's, and needs no other stack.
;
; Where .entry.text was interrupted, the stack may be the user's, or the kernel's while GS isn't yet; and only the
; IST stack says whose GS ought to be: so GS comes first. Elsewhere in the kernel both are ours. In a system call's few
; instructions on the user's stack, rsp is any number that he likes: then the thread's stack is empty, and taken.
global asm_exc_debug:function (asm_exc_debug.end - asm_exc_debug)
align 16
asm_exc_debug:
	push rax			; [ax ip +8 cs +16 flags +24 sp +32 ss +40]
	cmp qword [rsp + 16], KERNEL_CS
	jne .user
	cmp qword [rsp + 8], __entry_text_start
	jae .high			; here, or in a probe's copy: other code lies lower
.move_at_once:
	mov rax, rsp
	mov rsp, [rax + 32]
	and rsp, -16			; as the CPU would have aligned it
%assign i 40
%rep 5
	push qword [rax + i]
%assign i i - 8
%endrep
	push 0				; error: GS is as it should be
	push 1				; vector
	SAVE_REGS qword [rax]
	CALL_TRAP_HANDLER 1, do_debug
	LEAVE 1

.high:
	cmp qword [rsp + 8], SLOT_AREA
	jb .any
	cmp byte [hw_breakpoint_key], 0	; there is one: nothing may be touched that it could watch
	jne .move_at_once
	push rcx
	push rdx
	mov rax, dr6
	cmp eax, DR6_RESERVED | DR6_BS
	jne .more
	mov rax, [rsp + 24]
	END_STEP 1, .more
.more:
	pop rdx
	pop rcx
	jmp .move_at_once

.user:
	swapgs
	mov rax, rsp
	mov rsp, [gs:tss + TSS_RSP0]
	and rsp, -16
%assign i 40
%rep 5
	push qword [rax + i]
%assign i i - 8
%endrep
	push 0
	push 1
	SAVE_REGS qword [rax]
	jmp user_saved

; The same with nothing taken for granted. Stack here, from T: ss sp flags cs ip ax <- rsp.
.any:
	pop rax
	push 0				; error: what OWN_GS notes
	push 1				; vector
	push rax
	push rcx
	push rdx			; [dx cx +8 ax +16 vector +24 error +32 ip +40 cs +48 flags +56 sp +64 ss +72]
	OWN_GS rsp + 80, rsp + 32
	cmp qword [rsp + 40], asm_syscall_exit.user_stack
	jb .interrupted_stack
	cmp qword [rsp + 40], asm_syscall.kernel_stack
	jb .users_stack
.interrupted_stack:
	mov rax, [rsp + 64]		; the interrupted rsp
	and rax, -16			; as the CPU would have aligned it
	jns .stay			; a kernel stack has the top bit set
.move:
	sub rax, 56			; ss sp flags cs ip error vector
	mov rcx, [rsp + 72]
	mov [rax + 48], rcx		; ss
	mov rcx, [rsp + 64]
	mov [rax + 40], rcx		; sp
	mov rcx, [rsp + 56]
	mov [rax + 32], rcx		; flags
	mov rcx, [rsp + 48]
	mov [rax + 24], rcx		; cs
	mov rcx, [rsp + 40]
	mov [rax + 16], rcx		; ip
	mov rcx, [rsp + 32]
	mov [rax + 8], rcx		; error
	mov qword [rax], 1
	pop rdx
	pop rcx
	xchg rax, [rsp]			; rax as it was; the new rsp on the stack
	pop rsp
.handle:
	SAVE_REGS
	CALL_TRAP_HANDLER 1, do_debug
	LEAVE_GS 1
.users_stack:
	mov rax, [gs:tss + TSS_RSP0]	; GS is ours by now
	and rax, -16
	jmp .move
.stay:
	pop rdx
	pop rcx
	pop rax
	jmp .handle
.end:

; NMI runs on an IST stack, and the CPU masks NMIs only until the next iretq: that of an int3 or a page
; fault inside the handler lets the next NMI in, which starts at the top of the same stack. So the
; frame that the outer NMI will return by lies further down, where that push doesn't reach, and the
; nested NMI does nothing itself but redirect that return: to the handler, once more.
;
; The stack, from its upper end T (above it struct ist_top, with the flag that says an NMI is being handled:
; it must be read and written whatever GS is):
;	T -  40	H: what the CPU pushes, each time anew (ip cs flags sp ss upwards)
;	T -  72	a nested NMI's scratch
;	T - 112	S: the outer NMI's frame, kept
;	T - 152	F: the frame it will return by: S, or repeat_nmi; the upper end of its pt_regs
;
; It is nested when the flag says so, or when it interrupted one of the few instructions that run without the
; flag: the iretq, and the beginning of "once more". (Where rsp pointed says nothing: a user may load any value.)
%define NMI_H 40
%define NMI_S 112
%define NMI_F 152

global asm_exc_nmi:function (asm_exc_nmi.end - asm_exc_nmi)
align 16
asm_exc_nmi:
	push rdx
	push rax			; rsp = T - 56
%define AT(place) rsp + 56 - place
%ifndef MUTANT_nmi_guard
	cmp dword [AT(0) + IST_NMI_RUNNING], 0
	jne .nested
	mov rdx, [AT(NMI_H)]		; where it came
	sub rdx, .return
	cmp rdx, .repeat_end - .return
	jb .at_end
%endif
.outer:
	mov dword [AT(0) + IST_NMI_RUNNING], 1
%assign i 0
%rep 5
	mov rax, [AT(NMI_H) + i]
	mov [AT(NMI_S) + i], rax
	mov [AT(NMI_F) + i], rax
%assign i i + 8
%endrep
	mov rax, [rsp]
	mov rdx, [rsp + 8]
	lea rsp, [AT(NMI_F)]
.run:					; rsp = F
	push 0				; error: what OWN_GS notes
	push 2
	SAVE_REGS
	OWN_GS rsp + REGS_IP + NMI_F, rsp + REGS_ERROR
	CALL_TRAP_HANDLER 2, do_nmi
	BLACK_BOX BB_EXIT_BIT, 2
	dec dword [gs:bb_depth]
	PUT_BACK_GS
	POP_REGS
	add rsp, 16			; rsp = F
	mov dword [rsp + NMI_F + IST_NMI_RUNNING], 0
.return:
	iretq

; The return was redirected here: rsp = F. An NMI in these lines does nothing: the handler runs after it anyway.
.repeat:
	mov dword [rsp + NMI_F + IST_NMI_RUNNING], 1
	push rax
%assign i 0
%rep 5
	mov rax, [rsp + 8 + NMI_F - NMI_S + i]
	mov [rsp + 8 + i], rax
%assign i i + 8
%endrep
	pop rax
.repeat_end:
	jmp .run

.at_end:
	test byte [AT(NMI_H) + 8], 3	; cs: a user may jump to any address, in vain
	jnz .outer
.nested:
	inc dword [AT(0) + IST_NMI_NESTED]	; all without GS: whose it is, the outer one may not have looked yet
	mov rdx, [AT(NMI_H)]		; where it came
	cmp rdx, .repeat
	jb .redirect
	cmp rdx, .repeat_end
	jb .ignore
.redirect:
	lea rdx, [AT(NMI_F)]
	mov qword [rdx], .repeat
	mov qword [rdx + 8], KERNEL_CS
	mov qword [rdx + 16], 2		; interrupts off; bit 1 is always set
	mov [rdx + 24], rdx
	mov qword [rdx + 32], KERNEL_DS
.ignore:
	pop rax
	pop rdx
	iretq
.end:

; An interrupt like any other, but for what its handler does first (kernel/twin.c): only from the kernel.
global asm_exc_twin:function (asm_exc_twin.end - asm_exc_twin)
align 16
asm_exc_twin:
	push 0
	push VECTOR_TWIN
	SAVE_REGS
	CALL_HANDLER do_twin
	LEAVE
.end:

; Something broke in the hardware. It may come anywhere; what comes in this stub is at most an NMI, on its own stack.
global asm_exc_machine_check:function (asm_exc_machine_check.end - asm_exc_machine_check)
align 16
asm_exc_machine_check:
	push 0				; error: what OWN_GS notes
	push 18
	SAVE_REGS
	OWN_GS rsp + REGS_SIZE, rsp + REGS_ERROR
	CALL_TRAP_HANDLER 18, do_machine_check
	LEAVE_GS 18
.end:

; The safety net. The CPU pushed an error code (always 0). The handler may return: bust_kprobes()
; has then rewritten pt_regs to the frame a recursion started from. That is C code's, so GS stays ours.
global asm_exc_double_fault:function (asm_exc_double_fault.end - asm_exc_double_fault)
align 16
asm_exc_double_fault:
	push 8
	SAVE_REGS
	OWN_GS rsp + REGS_SIZE
	CALL_HANDLER do_double_fault
	LEAVE
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
