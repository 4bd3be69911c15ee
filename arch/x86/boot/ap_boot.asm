; How the other CPUs get from real mode to C: a start-up IPI names a page below 1 MiB, and they begin
; at its first byte (SDM vol. 3, 9.4). This page is a copy, made by ap_boot_install(); once it may be
; executed it is writable under no name. So what differs from CPU to CPU comes from kernel memory.

%include "asm_offsets.inc"

%define HERE(label) (AP_BOOT_PAGE + label - ap_boot_start)

%define CR0_BITS 0x80010001	; PG | WP | PE
%define CR4_BITS 0xa0		; PAE | PGE
%define EFER	 0xc0000080
%define EFER_BITS 0x900		; LME | NXE
%define KERNEL_BASE_VALUE 0xffffffff80000000

extern ap_start_stack, ap_start_offset, boot_pml4, ap_main, ap_start_id

section .rodata progbits alloc noexec nowrite align=16
global ap_boot_start, ap_boot_end, ap_boot_cr3

bits 16
ap_boot_start:
	cli
	cld
	mov ax, cs
	mov ds, ax
	o32 lgdt [gdt_pointer - ap_boot_start]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp dword 0x08:HERE(mode32)
bits 32
mode32:
	mov ax, 0x10
	mov ds, ax
	mov ss, ax
	mov eax, CR4_BITS
	mov cr4, eax
	mov eax, [HERE(ap_boot_cr3)]
	mov cr3, eax
	mov ecx, EFER
	rdmsr
	or eax, EFER_BITS
	wrmsr
	mov eax, CR0_BITS
	mov cr0, eax
	jmp 0x18:HERE(mode64)
bits 64
mode64:
	mov rax, ap_entry
	jmp rax

; Accessed bits are set: the page is read-only when they would be written.
align 8
gdt:
	dq 0
	dq 0x00cf9b000000ffff		; 32-bit code
	dq 0x00cf93000000ffff		; data
	dq 0x00209b0000000000		; 64-bit code
gdt_pointer:
	dw $ - gdt - 1
	dd HERE(gdt)
ap_boot_cr3:
	dd 0				; filled in with the copy
ap_boot_end:

; In the higher half: the kernel's own tables, this CPU's GS and stack, and C.
bits 64
default abs
section .entry.text progbits alloc exec nowrite align=16
ap_entry:
	mov rax, boot_pml4
	mov rcx, KERNEL_BASE_VALUE
	sub rax, rcx
	mov cr3, rax
	mov eax, 1
	cpuid
	shr ebx, 24			; our APIC id
	cmp ebx, [ap_start_id]
	jne .too_late
	xor eax, eax
	mov ds, eax
	mov es, eax
	mov ss, eax
	mov fs, eax
	mov gs, eax
	mov eax, [ap_start_offset]
	mov edx, [ap_start_offset + 4]
	mov ecx, MSR_GS_BASE
	wrmsr
	mov rsp, [ap_start_stack]
	xor ebp, ebp
	call ap_main
	ud2
; Given up, and its start-up IPI came all the same: nothing here is for it, no stack and no variables.
.too_late:
	cli
	hlt
	jmp .too_late

section .note.GNU-stack noalloc noexec nowrite progbits
