/*
 * More instructions to be displaced, by families: as kprobe_cases.h, which says what they find in the registers.
 *
 * What only some CPUs have is in lists of its own, with the bit of CPUID that says so.
 */
#pragma once

/* Tables. */
/* clang-format off */
#define CONDITIONS(C, X)                                                                              \
	C(X, o)                                                                                       \
	C(X, no) C(X, c) C(X, nc) C(X, z) C(X, nz) C(X, be) C(X, a) C(X, s) C(X, ns) C(X, p) C(X, np) \
		C(X, l) C(X, ge) C(X, le) C(X, g)

#define ON_CONDITION(X, cc)                                                                \
	X(j8_##cc, "", "j" #cc " 3f", "leaq 1(%rax), %rax\n3:")                            \
	X(j32_##cc, "", "{disp32} j" #cc " 3f", "leaq 1(%rax), %rax\n3:")                  \
	X(jback_##cc, "jmp 4f\n3:\tleaq 1(%rax), %rax\n\tjmp 5f\n4:", "j" #cc " 3b", "5:") \
	X(cmov_##cc, "", "cmov" #cc "q %r9, %r8", "")                                      \
	X(set_##cc, "", "set" #cc " kp_cell(%rip)", "")

#define ARITHMETIC(C, X) C(X, add) C(X, or) C(X, adc) C(X, sbb) C(X, and) C(X, sub) C(X, xor) C(X, cmp)

/* The displacement in the middle, with nothing, one, two or four bytes behind it. */
#define ON_ARITHMETIC(X, op)                                          \
	X(op##_rip_byte, "", #op "b $0x5a, kp_cell(%rip)", "")        \
	X(op##_rip_word, "", #op "w $0x5a5b, kp_cell(%rip)", "")      \
	X(op##_rip_long, "", #op "l $0x5a5b5c5d, kp_cell(%rip)", "")  \
	X(op##_rip_quad, "", #op "q $-0x12345678, kp_cell(%rip)", "") \
	X(op##_rip_from, "", #op "q %r8, kp_cell+8(%rip)", "")        \
	X(op##_rip_to, "", #op "l kp_cell+4(%rip), %r8d", "")         \
	X(op##_accumulator, "", #op "l $0x12345678, %eax", "")

#define SHIFTS(C, X) C(X, rol) C(X, ror) C(X, rcl) C(X, shl) C(X, shr) C(X, sar)

#define ON_SHIFT(X, op)                                \
	X(op##_one, "", #op "q $1, %r8", "")           \
	X(op##_imm, "", #op "l $5, kp_cell(%rip)", "") \
	X(op##_by_cl, "", #op "b %cl, 3(%rdi)", "")

#define UNARY(C, X) C(X, inc) C(X, dec) C(X, neg) C(X, not )

#define ON_UNARY(X, op)                            \
	X(op##_byte, "", #op "b 5(%rdi)", "")      \
	X(op##_rip, "", #op "q kp_cell(%rip)", "") \
	X(op##_lock, "", "lock " #op "l kp_cell(%rip)", "")

#define SIZES(C, X) C(X, b) C(X, w) C(X, l) C(X, q)

#define ON_SIZE(X, s)                                   \
	X(movs_##s, "", "movs" #s, "")                  \
	X(stos_##s, "", "stos" #s, "")                  \
	X(lods_##s, "", "lods" #s, "")                  \
	X(scas_##s, "", "scas" #s, "")                  \
	X(cmps_##s, "", "cmps" #s, "")                  \
	X(rep_movs_##s, "", "rep movs" #s, "")          \
	X(rep_stos_##s, "", "rep stos" #s, "")          \
	X(rep_lods_##s, "", "rep lods" #s, "")          \
	X(repe_scas_##s, "", "repe scas" #s, "")        \
	X(repne_scas_##s, "", "repne scas" #s, "")      \
	X(repe_cmps_##s, "", "repe cmps" #s, "")        \
	X(repne_cmps_##s, "", "repne cmps" #s, "")      \
	X(mul_##s, "", "mul" #s " 8(%rdi)", "")         \
	X(imul_##s, "", "imul" #s " kp_cell(%rip)", "") \
	X(test_##s, "", "test" #s " $0x11, kp_cell(%rip)", "")

#define PUSHED(C, X) \
	C(X, rax)    \
	C(X, rcx) C(X, rdx) C(X, rbx) C(X, rbp) C(X, rsi) C(X, rdi) C(X, r9) C(X, r12) C(X, r13) C(X, r15)

#define ON_PUSHED(X, r)                           \
	X(push_##r, "", "pushq %" #r, "popq %r8") \
	X(pop_##r, "pushq %r8", "popq %" #r, "")

#define BIT_TESTS(C, X) C(X, bt) C(X, bts) C(X, btr) C(X, btc)

#define ON_BIT_TEST(X, op)                                  \
	X(op##_register, "", #op "q %rcx, %r8", "")         \
	X(op##_memory, "", #op "l %ecx, kp_cell(%rip)", "") \
	X(op##_imm, "", #op "w $11, 2(%rdi)", "")

#define SINGLE_FORMS(X)                                                                                                                                   \
	/* moves and conversions */                                                                                                                       \
	X(movzb, "", "movzbl kp_cell(%rip), %r8d", "")                                                                                                    \
	X(movzw, "", "movzwq kp_cell(%rip), %r8", "")                                                                                                     \
	X(movsb_to, "", "movsbq kp_cell+1(%rip), %r8", "")                                                                                                \
	X(movsw_to, "", "movswl kp_cell+1(%rip), %r8d", "")                                                                                               \
	X(mov_high, "", "movb %ah, kp_cell(%rip)", "")                                                                                                    \
	X(mov_sib, "", "movq (%rdi,%rcx,8), %r8", "")                                                                                                     \
	X(mov_sib_disp32, "", "movl $0x1234, kp_cell(,%rcx,2)", "")                                                                                       \
	X(mov_fs, "", "movq %fs:kp_cell, %r8", "")                                                                                                        \
	X(moffs_store, "", "movabsq %rax, kp_cell", "")                                                                                                   \
	X(moffs_byte, "", "movabsb kp_cell, %al", "")                                                                                                     \
	X(cbw, "", "cbtw", "")                                                                                                                            \
	X(cwde, "", "cwtl", "")                                                                                                                           \
	X(cdqe, "", "cltq", "")                                                                                                                           \
	X(cwd, "", "cwtd", "")                                                                                                                            \
	X(cdq, "", "cltd", "")                                                                                                                            \
	X(bswap32, "", "bswapl %r8d", "")                                                                                                                 \
	X(xlat, "movq %rdi, %rbx\n\tmovl $3, %eax", "xlatb", "")                                                                                          \
	X(xchg_rax, "", "xchgq %rax, %r9", "")                                                                                                            \
	X(xchg_bytes, "", "xchgb %al, kp_cell(%rip)", "")                                                                                                 \
	X(lea_sib, "", "leaq 0x1234(%r8,%r9,4), %rax", "")                                                                                                \
	X(lea_address32, "", "addr32 leaq 8(%r8d), %rax", "")                                                                                             \
	X(lea_operand16, "", "leaw 8(%r8), %ax", "")                                                                                                      \
	X(shld_cl, "", "shldq %cl, %r9, kp_cell(%rip)", "")                                                                                               \
	X(shrd_imm, "", "shrdl $7, %r9d, kp_cell(%rip)", "")                                                                                              \
	X(imul_two, "", "imulq kp_cell(%rip), %r8", "")                                                                                                   \
	X(imul_three, "", "imulw $0x123, kp_cell(%rip), %r8w", "")                                                                                        \
	X(imul_imm8, "", "imulq $5, kp_cell(%rip), %r8", "")                                                                                              \
	X(idiv, "movl $1000, %eax\n\txorl %edx, %edx\n\tmovl $7, %r8d", "idivl %r8d", "")                                                                 \
	X(div_byte, "movl $1000, %eax", "divb (%rdi)", "")                                                                                                \
	X(bsf, "", "bsfq kp_cell(%rip), %r8", "")                                                                                                         \
	X(bsr, "", "bsrl kp_cell(%rip), %r8d", "")                                                                                                        \
	X(stc, "", "stc", "")                                                                                                                             \
	X(clc, "", "clc", "") /* atomic */                                                                                                                \
		X(cmpxchg_byte, "", "lock cmpxchgb %r9b, kp_cell(%rip)",                                                                                  \
		  "") X(cmpxchg_long, "movl kp_cell(%rip), %eax", "lock cmpxchgl %r9d, kp_cell(%rip)", "")                                                \
			X(cmpxchg8b, "", "lock cmpxchg8b kp_cell(%rip)", "")                                                                              \
				X(xadd_long, "", "lock xaddl %r8d, kp_cell+4(%rip)", "")                                                                  \
					X(xadd_plain, "", "xaddq %r8, %r9", "")                                                                           \
						X(lock_bts, "", "lock btsq $9, kp_cell(%rip)", "")                                                        \
							X(lock_or, "", "lock orl $0x10, kp_cell(%rip)",                                                   \
							  "") /* the stack pointer as an operand */                                                       \
		X(sub_sp, "", "subq $0x40, %rsp", "addq $0x40, %rsp") X(                                                                                  \
			add_sp, "subq $0x140, %rsp", "addq $0x140, %rsp",                                                                                 \
			"") X(mov_to_sp, "leaq -64(%rsp), %rax", "movq %rax, %rsp",                                                                       \
			      "leaq 64(%rsp), %rsp") X(mov_from_sp, "", "movq %rsp, %rax", "")                                                            \
			X(xchg_sp, "leaq -64(%rsp), %rax", "xchgq %rax, %rsp",                                                                            \
			  "xchgq %rax, %rsp") X(lea_sp, "", "leaq -64(%rsp), %rsp", "leaq 64(%rsp), %rsp")                                                \
				X(store_below, "", "movq %r8, -8(%rsp)", "")      X(                                                         \
					enter_one, "movq %rsp, %rbp", "enter $16, $1",                                                                    \
					"leave") X(enter_none, "", "enter $0, $0",                                                                        \
						   "leave") X(push_memory, "", "pushq 8(%rdi)", "popq %rax")                                              \
					X(push_sp_relative, "pushq %r9", "pushq (%rsp)",                                                                  \
					  "popq %rax\n\tpopq %rax") X(pop_memory, "pushq %r8",                                                            \
								      "popq 8(%rdi)", "")                                                                 \
						X(push_fs, "", "pushq %fs", "popq %rax")                                                                  \
							X(pop_long_form, "pushq %r8", ".byte 0x8f, 0xc0",                                                 \
							  "") X(push_long_form, "", ".byte 0xff, 0xf1",                                                   \
								"popq %rax") /* control flow */                                                           \
		X(ret_zero, "call 3f\n\tjmp 4f\n3:", "ret $0",                                                                                            \
		  "4:") X(ret_eight, "pushq %r8\n\tcall 3f\n\tjmp 4f\n3:", "ret $8",                                                                      \
			  "4:") X(ret_to_pushed, "leaq 3f(%rip), %rax\n\tpushq %rax", "ret",                                                              \
				  "ud2\n3:") X(bnd_ret, "call 3f\n\tjmp 4f\n3:", ".byte 0xf2, 0xc3",                                                      \
					       "4:") X(bnd_call, "", ".byte 0xf2\n\tcall kp_leaf",                                                        \
						       "") X(bnd_jmp, "", ".byte 0xf2\n\tjmp 3f",                                                         \
							     "ud2\n3:") X(bnd_jz, "", ".byte 0xf2\n\tjz 3f",                                              \
									  "leaq 1(%rax), %rax\n3:")                                                       \
			X(hint_taken, "", ".byte 0x3e\n\tjz 3f", "leaq 1(%rax), %rax\n3:") X(                                                             \
				hint_not_taken, "", ".byte 0x2e\n\tjc 3f",                                                                                \
				"leaq 1(%rax), %rax\n3:") X(notrack_call, "", ".byte 0x3e\n\tcall *%rbx",                                                 \
							    "") X(call_scaled,                                                                            \
								  "movl $1, %eax\n\tleaq -8(%r12), %rdx",                                                 \
								  "call *(%rdx,%rax,8)",                                                                  \
								  "") X(call_absolute, "",                                                                \
									"call *kp_leaf_pointer",                                                          \
									"") X(call_r9, "movq %rbx, %r9",                                                  \
									      "call *%r9", "")                                                            \
				X(jmp_r9, "leaq 3f(%rip), %r9", "jmp *%r9", "ud2\n3:") X(                                                                 \
					jmp_stack, "leaq 3f(%rip), %rax\n\tpushq %rax", "jmp *(%rsp)",                                                    \
					"ud2\n3:\tpopq %rax") X(call_back,                                                                                \
								"jmp 4f\n3:\tmovq (%rsp), %rax\n\tret\n4:",                                               \
								"call 3b", "")                                                                            \
					X(loop_backwards,                                                                                                 \
					  "movl $1, %ecx\n\tjmp 4f\n3:\tleaq 1(%rax), %rax\n\tjmp 5f\n4:",                                                \
					  "loop 3b", "5:")                                                                                                \
						X(loop_ecx, "", "addr32 loop 3f", "leaq 1(%rax), %rax\n3:")                                               \
							X(jmp_next, "", "jmp 3f", "3:") /* flags */                                                       \
		X(pushf_twice, "pushfq", "pushfq", "popq %rax\n\tpopq %rdx") X(                                                                           \
			popf_pushed, "pushfq", "popfq", "") X(cli_then, "sti", "cli", "pushfq\n\tpopq %rax")                                              \
			X(sti_then, "cli", "sti", "nop\n\tpushfq\n\tpopq %rax") /* the machine */                                                         \
		X(in_byte, "", "inb $0x80, %al", "") X(in_dx, "movl $0x80, %edx", "inb %dx, %al", "") X(                                                  \
			out_byte, "", "outb %al, $0x80", "") X(out_dx, "movl $0x80, %edx", "outl %eax, %dx",                                              \
							       "") X(outs, "movl $0x80, %edx", "outsb", "")                                               \
			X(rep_outs, "movl $0x80, %edx", "rep outsb",                                                                                      \
			  "") X(ins, "movl $0x80, %edx", "insb",                                                                                          \
				"") X(rep_ins, "movl $0x80, %edx", "rep insb",                                                                            \
				      "") X(mov_from_cr3, "", "movq %cr3, %rax",                                                                          \
					    "") X(mov_from_cr4, "", "movq %cr4, %r8", "")                                                                 \
				X(mov_from_dr, "", "movq %dr3, %rax",                                                                                     \
				  "") X(mov_from_gs, "", "movl %gs, %eax",                                                                                \
					"") X(mov_from_cs, "", "movw %cs, (%rdi)",                                                                        \
					      "") X(smsw, "", "smsw %eax",                                                                                \
						    "") X(str, "", "str %eax", "")                                                                        \
					X(sldt, "", "sldt %eax",                                                                                          \
					  "") X(lar, "movl $8, %edx", "lar %edx, %eax",                                                                   \
						"") X(lsl, "movl $8, %edx", "lsl %edx, %eax",                                                             \
						      "") X(verr, "movl $8, %edx", "verr %dx",                                                            \
							    "") X(sgdt, "", "sgdt kp_cell(%rip)", "")                                                     \
						X(sidt, "", "sidt (%rdi)",                                                                                \
						  "") X(rdmsr, "movl $0xc0000080, %ecx",                                                                  \
							"rdmsr", "") X(invlpg, "", "invlpg (%rdi)",                                                       \
								       "") X(mfence, "", "mfence",                                                        \
									     "") X(lfence, "", "lfence",                                                  \
										   "") X(sfence, "",                                                      \
											 "sfence", "")                                                    \
							X(prefetch, "", "prefetcht0 kp_cell(%rip)",                                                       \
							  "") X(movnti, "", "movnti %r8, kp_cell(%rip)",                                                  \
								"") /* oddities: prefixes that mean nothing, twice, or in an order no assembler writes */ \
		X(odd_cs, "", ".byte 0x2e\n\tmovq (%rdi), %r8",                                                                                           \
		  "") X(odd_ds, "", ".byte 0x3e\n\tmovq %r8, (%rdi)",                                                                                     \
			"") X(odd_f2, "", ".byte 0xf2\n\tmovq (%rdi), %r8",                                                                               \
			      "") X(odd_f3, "", ".byte 0xf3\n\taddq %r9, %r8",                                                                            \
				    "") X(odd_66_rexw, "", ".byte 0x66\n\taddq %r9, %r8", "")                                                             \
			X(odd_rex_lost, "", ".byte 0x48, 0x66, 0x01, 0xd0",                                                                               \
			  "") X(odd_rex_nop, "", ".byte 0x48, 0x90", "") X(odd_rex40, "",                                                                 \
									   ".byte 0x40\n\tcltq", "")                                                      \
				X(odd_segments, "", ".byte 0x2e, 0x3e, 0x26, 0x36\n\tmovl (%rdi), %r8d",                                                  \
				  "") X(odd_rip_long, "",                                                                                                 \
					".byte 0x2e, 0x3e, 0x26\n\taddq $0x12345678, kp_cell(%rip)",                                                      \
					"") X(odd_xchg_r8, "", ".byte 0x49, 0x90",                                                                        \
					      "") X(odd_rip_fs, "", "movq %fs:kp_cell(%rip), %r8",                                                        \
						    "") X(nop3, "", ".byte 0x0f, 0x1f, 0x00", "")                                                         \
					X(nop4, "", ".byte 0x0f, 0x1f, 0x40, 0",                                                                          \
					  "") X(nop6, "", ".byte 0x66, 0x0f, 0x1f, 0x44, 0, 0",                                                           \
						"") X(nop7, "", ".byte 0x0f, 0x1f, 0x80, 0, 0, 0, 0", "")                                                 \
						X(nop8, "", ".byte 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0", "")                                                  \
							X(nop_rip, "", ".byte 0x0f, 0x1f, 0x05, 0, 0, 0, 0",                                              \
							  "") X(nop_hint, "", ".byte 0x0f, 0x1e, 0xc8", "")

#define KPROBE_FORMS(X)                                                                       \
	CONDITIONS(ON_CONDITION, X)                                                           \
	ARITHMETIC(ON_ARITHMETIC, X) SHIFTS(ON_SHIFT, X) UNARY(ON_UNARY, X) SIZES(ON_SIZE, X) \
		PUSHED(ON_PUSHED, X) BIT_TESTS(ON_BIT_TEST, X) SINGLE_FORMS(X)

/* CPUID leaf 1's ecx: popcnt bit 23, movbe 22, crc32 20. Leaf 7's ebx: BMI1 bit 3, BMI2 8, ADX 19. */
#define KPROBE_POPCNT_FORMS(X) X(popcnt, "", "popcntq kp_cell(%rip), %r8", "")
#define KPROBE_MOVBE_FORMS(X)                              \
	X(movbe_load, "", "movbeq kp_cell(%rip), %r8", "") \
	X(movbe_store, "", "movbel %r8d, kp_cell(%rip)", "")
#define KPROBE_CRC32_FORMS(X) X(crc32, "", "crc32q kp_cell(%rip), %r8", "")
#define KPROBE_BMI1_FORMS(X)                                                                            \
	X(andn, "", "andnq kp_cell(%rip), %r9, %r8", "")                                                \
	X(bextr, "", "bextrq %rcx, kp_cell(%rip), %r8", "") X(blsi, "", "blsiq kp_cell(%rip), %r8", "") \
		X(blsmsk, "", "blsmskl %r9d, %r8d", "") X(blsr, "", "blsrq %r9, %r8", "")               \
			X(tzcnt, "", "tzcntq kp_cell(%rip), %r8", "")
#define KPROBE_BMI2_FORMS(X)                                                                               \
	X(pdep, "", "pdepq kp_cell(%rip), %r9, %r8", "")                                                   \
	X(pext, "", "pextq kp_cell(%rip), %r9, %r8", "") X(bzhi, "", "bzhiq %rcx, kp_cell(%rip), %r8", "") \
		X(mulx, "", "mulxq kp_cell(%rip), %r8, %r9", "")                                           \
			X(rorx, "", "rorxq $7, kp_cell(%rip), %r8", "")                                    \
				X(sarx, "", "sarxq %rcx, kp_cell(%rip), %r8", "")                          \
					X(shlx, "", "shlxl %ecx, kp_cell(%rip), %r8d", "")                 \
						X(shrx, "", "shrxq %rcx, %r9, %r8", "")
#define KPROBE_ADX_FORMS(X) \
	X(adcx, "", "adcxq kp_cell(%rip), %r8", "") X(adox, "", "adoxq kp_cell(%rip), %r8", "")
/* clang-format on */
