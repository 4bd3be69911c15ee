; An entry that only a gate knows: visible code takes its address.
;
; refuse: unlisted, "secret() in .entry.text is entered by its address, which visible set_gate() takes"

bits 64
default abs

section .entry.text progbits alloc exec nowrite align=16
global secret:function (secret.end - secret)
secret:
	iretq			; here
.end:

section .text
global set_gate:function (set_gate.end - set_gate)
set_gate:
	mov rax, secret
	ret
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
