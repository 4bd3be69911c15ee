; From the boot loader's 32-bit protected mode to C in the higher half, without one page that is
; both writable and executable on the way.
;
; Two doors, one hall: GRUB enters at multiboot2_entry (Multiboot2 specification, section 3.3), and
; "qemu -kernel" at pvh_entry (the PVH boot ABI). Both give: flat 32-bit segments, paging off, ebx =
; physical address of their information structure.

%include "asm_offsets.inc"

extern __boot_start, __boot_end, __text_start, __all_text_end, __rodata_start, __rodata_end
extern __data_start, __image_end
extern task_stack, kernel_start

%define PHYS(sym) ((sym) - KERNEL_BASE_VALUE)
%define KERNEL_BASE_VALUE 0xffffffff80000000

%define PTE_P	1
%define PTE_W	2
%define NX_HIGH	0x80000000	; bit 63, as the upper half of an entry holds it

%define CR0_BITS 0x80010001	; PG | WP | PE: the kernel too obeys read-only
%define CR4_BITS 0xa0		; PAE | PGE
%define EFER	 0xc0000080
%define EFER_BITS 0x900		; LME | NXE

; ------------------------------------------------------------------------------------------------
section .multiboot2 align=8
header:
	dd 0xe85250d6			; magic
	dd 0				; i386 protected mode
	dd header_end - header
	dd 0x100000000 - (0xe85250d6 + 0 + (header_end - header))
	; information request: memory map and command line
	dw 1, 0
	dd 16
	dd 6, 1
	; entry address
	dw 3, 0
	dd 12
	dd multiboot2_entry
	align 8
	; end
	dw 0, 0
	dd 8
header_end:

section .note.pvh note alloc noexec nowrite align=4
	dd 4, 4, 18			; name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
	db "Xen", 0
	dd pvh_entry

; ------------------------------------------------------------------------------------------------
section .boot.text progbits alloc exec nowrite align=16
bits 32

global multiboot2_entry, pvh_entry

pvh_entry:
	mov esi, BOOT_PVH
	jmp start
multiboot2_entry:
	mov esi, eax			; the loader's magic: checked in C, where there is a console
start:
	cli
	cld
	mov esp, PHYS(task_stack) + TASK_STACK_TOP
	mov [PHYS(boot_magic)], esi
	mov [PHYS(boot_info_phys)], ebx
	rdtsc				; boot time counts from here
	mov [PHYS(boot_tsc)], eax
	mov [PHYS(boot_tsc) + 4], edx

	; Long mode and no-execute, or no Nestling.
	mov eax, 0x80000000
	cpuid
	mov esi, no_long_mode
	cmp eax, 0x80000001
	jb refuse
	mov eax, 0x80000001
	cpuid
	bt edx, 29			; LM
	jnc refuse
	mov esi, no_nx
	bt edx, 20			; NX
	jnc refuse

	; The tables: one page of identity map for the code that turns paging on, and the image in
	; the higher half with each segment's own rights.
	mov edi, PHYS(boot_pml4)
	lea eax, [edi + 0x1000 + PTE_P + PTE_W]
	mov [edi], eax				; 0: identity
	mov dword [edi + 511 * 8], PHYS(boot_pdpt_high) + PTE_P + PTE_W
	mov dword [PHYS(boot_pdpt_low)], PHYS(boot_pd_low) + PTE_P + PTE_W
	mov dword [PHYS(boot_pd_low)], PHYS(boot_pt_low) + PTE_P + PTE_W
	mov dword [PHYS(boot_pdpt_high) + 510 * 8], PHYS(boot_pd_high) + PTE_P + PTE_W
	mov dword [PHYS(boot_pd_high)], PHYS(boot_pt_high) + PTE_P + PTE_W
	mov dword [PHYS(boot_pd_high) + 8], PHYS(boot_pt_high) + 0x1000 + PTE_P + PTE_W
	mov dword [PHYS(boot_pd_high) + 16], PHYS(boot_pt_fixmap) + PTE_P + PTE_W

	mov esi, segments
.segment:
	mov edi, [esi]			; the page table the range goes into
	test edi, edi
	jz .mapped
	mov ebx, [esi + 4]		; from
.page:
	cmp ebx, [esi + 8]		; to
	jae .next
	mov ecx, ebx
	shr ecx, 12
	mov eax, ebx
	or eax, [esi + 12]		; present, writable
	mov [edi + ecx * 8], eax
	mov eax, [esi + 16]		; no-execute
	mov [edi + ecx * 8 + 4], eax
	add ebx, 0x1000
	jmp .page
.next:
	add esi, 20
	jmp .segment
.mapped:
	mov eax, cr4
	or eax, CR4_BITS
	mov cr4, eax
	mov eax, PHYS(boot_pml4)
	mov cr3, eax
	mov ecx, EFER
	rdmsr
	or eax, EFER_BITS
	wrmsr
	mov eax, cr0
	or eax, CR0_BITS
	mov cr0, eax

	lgdt [gdt_pointer]
	jmp 8:long_mode

; A CPU that cannot run us: say so on the serial line, and leave with the panic code.
refuse:
	mov dx, 0x3fd
	in al, dx
	test al, 0x20
	jz refuse
	lodsb
	test al, al
	jz .end
	mov dx, 0x3f8
	out dx, al
	jmp refuse
.end:
	mov al, EXIT_PANIC
	mov dx, EXIT_PORT
	out dx, al
.halt:
	hlt
	jmp .halt

bits 64
long_mode:
	mov eax, 0x10
	mov ss, eax
	xor eax, eax
	mov ds, eax
	mov es, eax
	mov fs, eax
	mov gs, eax
	mov rax, higher_half
	jmp rax

no_long_mode:	db "nestling: this CPU has no 64-bit mode", 13, 10, 0
no_nx:		db "nestling: this CPU has no no-execute pages (NX), which W^X needs", 13, 10, 0

; page table, from, to, low flags, high flags
align 4
segments:
	dd PHYS(boot_pt_low), __boot_start, __boot_end, PTE_P, 0
	dd PHYS(boot_pt_high), PHYS(__text_start), PHYS(__all_text_end), PTE_P, 0
	dd PHYS(boot_pt_high), PHYS(__rodata_start), PHYS(__rodata_end), PTE_P, NX_HIGH
	dd PHYS(boot_pt_high), PHYS(__data_start), PHYS(__image_end), PTE_P + PTE_W, NX_HIGH
	dd 0

; The accessed bits are set already: this page is read-only, and the CPU would have to write them.
align 8
gdt:
	dq 0
	dq 0x00209b0000000000		; 64-bit code
	dq 0x0000930000000000		; data
gdt_pointer:
	dw $ - gdt - 1
	dd gdt

; ------------------------------------------------------------------------------------------------
section .entry.text progbits alloc exec nowrite align=16
global higher_half:function (higher_half.end - higher_half)
higher_half:
	mov rsp, task_stack + TASK_STACK_TOP
	xor ebp, ebp			; the unwinder stops here
	call kernel_start
	ud2				; it doesn't return
.end:

; ------------------------------------------------------------------------------------------------
section .bss nobits alloc noexec write align=4096
global boot_pml4, boot_pdpt_low, boot_pt_fixmap
boot_pml4:	resb 4096
boot_pdpt_low:	resb 4096
boot_pd_low:	resb 4096
boot_pt_low:	resb 4096
boot_pdpt_high:	resb 4096
boot_pd_high:	resb 4096
boot_pt_high:	resb 8192
boot_pt_fixmap:	resb 4096

section .data progbits alloc noexec write align=8
global boot_magic, boot_info_phys, boot_tsc
boot_tsc:	dq 0
boot_magic:	dd 0
boot_info_phys:	dd 0

section .note.GNU-stack noalloc noexec nowrite progbits
