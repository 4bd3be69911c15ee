/*
 * Instructions that can be emulated, in each of their encodings, one behind the other: X(name, code). All of it is run each time,
 * with a probe on one of them; what stands between them only makes the difference seen. Registers as in kprobe_cases.h.
 */
#pragma once

/* clang-format off */
#define NUMBERS_8  "0,1,2,3,4,5,6,7"
#define NUMBERS_16 "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"
#define REGISTERS  "rax,rbx,rcx,rdx,rsi,rdi,rbp,r8,r9,r10,r11,r12,r13,r14,r15" /* but for rsp */

#define FOR_EACH(list, code) "\n.irp n," list "\n\t" code "\n.endr\n\t"
/* By way of a jump over it: no flag is changed. */
#define COUNT "\n\tleaq 1(%rax), %rax\n\t"
/* Of what it takes from the stack rax gets the sum. */
#define RETURN(bytes)                                                                                \
	"pushq %r8\n\tpushq %r9\n\tmovq %rsp, %rbp\n\tcall 7f\n\tjmp 8f\n7:\t.byte " bytes           \
	"\n8:\tsubq %rsp, %rbp\n\taddq %rbp, %rax\n\taddq %rbp, %rsp\n\tleaq 16(%rsp), %rsp\n\t"

#define KPROBE_CHAINS(X)                                                                             \
	/* each register, low and high, also with a REX.W that changes nothing; rsp among them */    \
	X(push_pop, FOR_EACH(NUMBERS_8,                                                              \
		".byte 0x50+\\n\n\t.byte 0x58+\\n\n\t.byte 0x41, 0x50+\\n\n\t.byte 0x41, 0x58+\\n\n\t" \
		".byte 0x48, 0x50+\\n\n\t.byte 0x48, 0x58+\\n\n\t"                                   \
		".byte 0x49, 0x50+\\n\n\t.byte 0x49, 0x58+\\n"))                                     \
	/* each condition, near and far, with both hints */                                          \
	X(jcc, FOR_EACH(NUMBERS_16,                                                                  \
		".byte 0x70+\\n, 4" COUNT ".byte 0x2e, 0x70+\\n, 4" COUNT ".byte 0x3e, 0x70+\\n, 4" COUNT \
		".byte 0x0f, 0x80+\\n, 4, 0, 0, 0" COUNT ".byte 0x2e, 0x0f, 0x80+\\n, 4, 0, 0, 0" COUNT \
		".byte 0x3e, 0x0f, 0x80+\\n, 4, 0, 0, 0" COUNT))                                     \
	X(loops, FOR_EACH("0xe0,0xe1,0xe2,0xe3", ".byte \\n, 4" COUNT ".byte 0x48, \\n, 4" COUNT))   \
	/* by each register, with and without notrack; its return address stays in it */             \
	X(by_register, FOR_EACH(REGISTERS,                                                           \
		"leaq 7f(%rip), %\\n\n\tjmp *%\\n\n\tud2\n7:\tleaq 7f(%rip), %\\n\n\t"               \
		".byte 0x3e\n\tjmp *%\\n\n\tud2\n7:\tleaq 7f(%rip), %\\n\n\tcall *%\\n\n\tud2\n"     \
		"7:\tpopq %\\n\n\tleaq 7f(%rip), %\\n\n\t.byte 0x3e\n\tcall *%\\n\n\tud2\n7:\tpopq %\\n")) \
	X(relative, ".byte 0xeb, 2\n\tud2\n\t.byte 0x48, 0xeb, 2\n\tud2\n\t"                         \
		".byte 0xe9, 2, 0, 0, 0\n\tud2\n\t.byte 0x48, 0xe9, 2, 0, 0, 0\n\tud2\n\t"           \
		".byte 0xe8, 0, 0, 0, 0\n\tpopq %rax\n\t.byte 0x48, 0xe8, 0, 0, 0, 0\n\tpopq %rdx")  \
	X(returns, RETURN("0xc3") RETURN("0xf3, 0xc3") RETURN("0xf2, 0xc3") RETURN("0x48, 0xc3")     \
		RETURN("0xc2, 0, 0") RETURN("0xc2, 16, 0") RETURN("0x48, 0xc2, 8, 0"))               \
	X(flags, "pushfq\n\tcli\n\tsti\n\t.byte 0x48, 0xfa\n\t.byte 0x48, 0xfb\n\tpopfq\n\t.byte 0x48, 0x9c\n\t.byte 0x48, 0x9d") \
	X(push_imm, "pushq $-5\n\tpopq %rax\n\tpushq $0x12345678\n\tpopq %rdx\n\t"                   \
		".byte 0x48, 0x6a, 0x80\n\tpopq %r8\n\t.byte 0x48, 0x68, 1, 2, 3, 0x84\n\tpopq %r9") \
	X(nops, "nop\n\t.byte 0x66, 0x90\n\tpause\n\t.byte 0xf2, 0x90\n\t.byte 0x48, 0x90\n\tendbr64\n\t" \
		FOR_EACH("0xc0,0xc1,0xc2,0xc3,0xc4,0xc5,0xc6,0xc7,0x00,0x01,0x02,0x03,0x06,0x07",    \
			 ".byte 0x0f, 0x1f, \\n\n\t.byte 0x66, 0x0f, 0x1f, \\n")                     \
		FOR_EACH("0x40,0x41,0x42,0x43,0x45,0x46,0x47",                                       \
			 ".byte 0x0f, 0x1f, \\n, 0\n\t.byte 0x66, 0x0f, 0x1f, \\n, 0")               \
		FOR_EACH("0x80,0x81,0x82,0x83,0x85,0x86,0x87,0x05",                                  \
			 ".byte 0x0f, 0x1f, \\n, 0, 0, 0, 0\n\t.byte 0x66, 0x0f, 0x1f, \\n, 0, 0, 0, 0") \
		".byte 0x0f, 0x1f, 0x04, 0\n\t.byte 0x0f, 0x1f, 0x44, 0, 0\n\t.byte 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0\n\t" \
		".byte 0x66, 0x0f, 0x1f, 0x44, 0, 0\n\t.byte 0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0")
/* clang-format on */
