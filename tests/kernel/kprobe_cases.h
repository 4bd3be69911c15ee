/*
 * Instructions to be displaced: X(name, before, the instruction, after). A `ret` follows each.
 *
 * The registers they find: rdi and rsi point into memory[], rbx to kp_leaf, r12 to kp_leaf_pointer,
 * rcx is small, r9 isn't 0, and all of rax rdx rbp r8 r10 r11 r13-r15 may be used as they are.
 * Unless a comment says otherwise an instruction is executed once.
 */
#pragma once

#define KPROBE_CASES(X)                                                                                     \
	/* arithmetic: flags in, flags out */                                                               \
	X(adc, "", "adcq %r9, %r8", "")                                                                     \
	X(sbb_imm32, "", "sbbq $0x12345678, %r8", "")                                                       \
	X(add_word_imm16, "", "addw $0x1234, %r8w", "")                                                     \
	X(adc_byte_memory, "", "adcb $0x7f, 8(%rdi)", "")                                                   \
	X(rcr, "", "rcrq $1, %r8", "")                                                                      \
	X(shl_cl, "", "shlq %cl, %r8", "")                                                                  \
	X(mul, "", "mulq %r8", "")                                                                          \
	X(div, "xorl %edx, %edx", "divq %r9", "")                                                           \
	X(cqo, "", "cqto", "")                                                                              \
	X(bswap, "", "bswapq %r8", "")                                                                      \
	X(cmov, "", "cmovcq %r9, %r8", "")                                                                  \
	X(setcc, "", "setz %r8b", "")                                                                       \
	X(lahf, "", "lahf", "")                                                                             \
	X(sahf, "", "sahf", "")                                                                             \
	X(cmc, "", "cmc", "")                                                                               \
	X(movabs, "", "movabsq $0x123456789abcdef0, %r8", "")                                               \
	X(cpuid, "xorl %eax, %eax\n\txorl %ecx, %ecx", "cpuid", "")                                         \
	X(mov_cr, "", "movq %cr0, %rax", "")                                                                \
	X(mov_from_ss, "", "movl %ss, %eax", "")                                                            \
	/* rip-relative: loads, stores with an immediate behind the displacement, both ways */              \
	X(load8, "", "movb kp_cell(%rip), %al", "")                                                         \
	X(load16, "", "movw kp_cell+2(%rip), %ax", "")                                                      \
	X(load32, "", "movl kp_cell+4(%rip), %eax", "")                                                     \
	X(load64, "", "movq kp_cell(%rip), %r8", "")                                                        \
	X(load_extended, "", "movslq kp_cell+8(%rip), %r8", "")                                             \
	X(store8, "", "movb $0x5a, kp_cell(%rip)", "")                                                      \
	X(store16, "", "movw $0x5a5b, kp_cell+2(%rip)", "")                                                 \
	X(store32, "", "movl $0x5a5b5c5d, kp_cell+4(%rip)", "")                                             \
	X(store64, "", "movq $-2, kp_cell+8(%rip)", "")                                                     \
	X(store_register, "", "movq %r8, kp_cell+16(%rip)", "")                                             \
	X(compare_imm8, "", "cmpq $5, kp_cell(%rip)", "")                                                   \
	X(test_imm32, "", "testl $0x40000001, kp_cell(%rip)", "")                                           \
	X(shift_imm8, "", "shlq $3, kp_cell(%rip)", "")                                                     \
	X(multiply_imm32, "", "imulq $100000, kp_cell(%rip), %r8", "")                                      \
	X(shift_double, "", "shldq $5, %r9, kp_cell(%rip)", "")                                             \
	X(bit_test, "", "btsq $3, kp_cell(%rip)", "")                                                       \
	X(lea, "", "leaq kp_cell(%rip), %r8", "")                                                           \
	X(per_cpu, "", "movq %gs:kp_cell(%rip), %r8", "")                                                   \
	X(absolute, "", "movq kp_cell, %r8", "")                                                            \
	X(moffs, "", "movabsq kp_cell, %rax", "")                                                           \
	/* atomic */                                                                                        \
	X(lock_add, "", "lock addq %r8, (%rdi)", "")                                                        \
	X(lock_inc_rip, "", "lock incq kp_cell(%rip)", "")                                                  \
	X(xchg, "", "xchgq %r8, (%rdi)", "")                                                                \
	X(xchg_rip, "", "xchgl %r8d, kp_cell+4(%rip)", "")                                                  \
	X(xadd, "", "lock xaddq %r8, (%rdi)", "")                                                           \
	X(cmpxchg, "movq (%rdi), %rax", "lock cmpxchgq %r9, (%rdi)", "")                                    \
	X(cmpxchg16, "", "lock cmpxchg16b (%rdi)", "")                                                      \
	/* calls: kp_leaf keeps the return address it was given */                                          \
	X(call_rel, "", "call kp_leaf", "")                                                                 \
	X(call_next, "", "call 3f", "3:\tpopq %rax")                                                        \
	X(call_register, "", "call *%rbx", "")                                                              \
	X(call_memory, "", "call *(%r12)", "")                                                              \
	X(call_memory_disp8, "leaq -8(%r12), %rax", "call *8(%rax)", "")                                    \
	X(call_rip, "", "call *kp_leaf_pointer(%rip)", "")                                                  \
	X(call_stack, "pushq %rbx", "call *(%rsp)", "leaq 8(%rsp), %rsp")                                   \
	/* jumps */                                                                                         \
	X(jmp_rel8, "", "jmp 3f", "ud2\n3:")                                                                \
	X(jmp_rel32, "", "{disp32} jmp 3f", "ud2\n3:")                                                      \
	X(jmp_back, "jmp 4f\n3:\tjmp 5f\n4:", "jmp 3b", "ud2\n5:")                                          \
	X(jmp_register, "leaq 3f(%rip), %rax", "jmp *%rax", "ud2\n3:")                                      \
	X(jmp_memory, "leaq 3f(%rip), %rax\n\tmovq %rax, (%rdi)", "jmp *(%rdi)", "ud2\n3:")                 \
	X(jmp_rip, "leaq 3f(%rip), %rax\n\tmovq %rax, kp_cell(%rip)", "jmp *kp_cell(%rip)", "ud2\n3:")      \
	X(jz, "", "jz 3f", "leaq 1(%rax), %rax\n3:")                                                        \
	X(jnc, "", "jnc 3f", "leaq 1(%rax), %rax\n3:")                                                      \
	X(jo, "", "jo 3f", "leaq 1(%rax), %rax\n3:")                                                        \
	X(js, "", "js 3f", "leaq 1(%rax), %rax\n3:")                                                        \
	X(jp, "", "jp 3f", "leaq 1(%rax), %rax\n3:")                                                        \
	X(jg, "", "jg 3f", "leaq 1(%rax), %rax\n3:")                                                        \
	X(ja_rel32, "", "{disp32} ja 3f", "leaq 1(%rax), %rax\n3:")                                         \
	X(jle_rel32, "", "{disp32} jle 3f", "leaq 1(%rax), %rax\n3:")                                       \
	X(loop, "", "loop 3f", "leaq 1(%rax), %rax\n3:")                                                    \
	X(loope, "", "loope 3f", "leaq 1(%rax), %rax\n3:")                                                  \
	X(loopne, "", "loopne 3f", "leaq 1(%rax), %rax\n3:")                                                \
	X(jrcxz, "", "jrcxz 3f", "leaq 1(%rax), %rax\n3:")                                                  \
	X(jecxz, "", "jecxz 3f", "leaq 1(%rax), %rax\n3:")                                                  \
	/* returns; the last is the function's last byte */                                                 \
	X(ret, "call 3f\n\tjmp 4f\n3:", "ret", "4:")                                                        \
	X(ret_n, "pushq %r8\n\tpushq %r9\n\tcall 3f\n\tjmp 4f\n3:", "ret $16", "4:")                        \
	X(rep_ret, "call 3f\n\tjmp 4f\n3:", ".byte 0xf3, 0xc3", "4:")                                       \
	X(last_byte, "incq %rax", "", "")                                                                   \
	/* the stack */                                                                                     \
	X(push, "", "pushq %r8", "popq %rax")                                                               \
	X(push_imm8, "", "pushq $-5", "popq %rax")                                                          \
	X(push_imm32, "", "pushq $0x12345678", "popq %rax")                                                 \
	X(push_rip, "", "pushq kp_cell(%rip)", "popq %rax")                                                 \
	X(push_sp, "", "pushq %rsp", "popq %rax")                                                           \
	X(push16, "", "pushw %r8w", "popw %ax")                                                             \
	X(pop, "pushq %r8", "popq %rax", "")                                                                \
	X(pop_rip, "pushq %r8", "popq kp_cell(%rip)", "")                                                   \
	X(pop_sp_relative, "pushq %r8\n\tpushq %r9", "popq (%rsp)", "popq %rax")                            \
	X(pop_sp, "leaq -8(%rsp), %rax\n\tpushq %rax", "popq %rsp", "popq %rax")                            \
	X(enter, "", "enter $32, $0", "leave")                                                              \
	X(leave, "pushq %rbp\n\tmovq %rsp, %rbp\n\tsubq $32, %rsp", "leave", "")                            \
	/* flags; the immediates: everything but TF, interrupts on and off, direction */                    \
	X(pushf, "", "pushfq", "popq %rax")                                                                 \
	X(popf_everything, "pushq $0x247ed7", "popfq", "pushfq\n\tpopq %rax\n\tpushq $2\n\tpopfq")          \
	X(popf_on, "pushq $0x202", "popfq", "")                                                             \
	X(popf_off, "pushq $0x046", "popfq", "")                                                            \
	X(popf_down, "pushq $0xe93", "popfq", "")                                                           \
	X(cli, "", "cli", "")                                                                               \
	X(sti, "", "sti", "")                                                                               \
	X(cld, "", "cld", "")                                                                               \
	X(std, "", "std", "")                                                                               \
	/* strings: up and down, rcx times */                                                               \
	X(movsb, "", "movsb", "")                                                                           \
	X(lodsq, "", "lodsq", "")                                                                           \
	X(rep_movsb, "", "rep movsb", "")                                                                   \
	X(rep_movsq, "", "rep movsq", "")                                                                   \
	X(rep_stosq, "", "rep stosq", "")                                                                   \
	X(rep_stosw, "", "rep stosw", "")                                                                   \
	X(repe_cmpsb, "", "repe cmpsb", "")                                                                 \
	X(repne_scasb, "movb $0, %al", "repne scasb", "")                                                   \
	/* nothing at all */                                                                                \
	X(nop, "", "nop", "")                                                                               \
	X(nop5, "", ".byte 0x0f, 0x1f, 0x44, 0, 0", "")                                                     \
	X(nop66, "", ".byte 0x66, 0x90", "")                                                                \
	X(nop9, "", ".byte 0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0", "")                                      \
	X(nop15, "", ".byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0", "") \
	X(pause, "", "pause", "")                                                                           \
	X(endbr, "", "endbr64", "")
