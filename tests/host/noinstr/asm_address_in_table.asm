; An entry that only a table of gates knows.
;
; refuse: unlisted, "secret() in .entry.text is entered by its address, which data holds"

bits 64
default abs

section .entry.text progbits alloc exec nowrite align=16
global secret:function (secret.end - secret)
secret:
	iretq			; here
.end:

section .rodata align=8
gates:	dq secret, 14

section .note.GNU-stack noalloc noexec nowrite progbits
