/* The decoder on hand-checked encodings: lengths, classes, places, and what it says to too few bytes. */
#include "tests/host/host.h"
#include "arch/x86/insn/insn.h"

struct sample {
	const char *text; /* what it is */
	const char *bytes;
	size_t len;
	enum insn_class class;
	u8 disp_offset, disp_size, imm_offset, imm_size;
	s64 disp, imm;
	bool rip_relative;
};

#define S(t, b, c)    .text = t, .bytes = b, .len = sizeof(b) - 1, .class = INSN_##c
#define DISP(o, s, v) .disp_offset = o, .disp_size = s, .disp = v
#define IMM(o, s, v)  .imm_offset = o, .imm_size = s, .imm = v
#define RIP	      .rip_relative = true

/* clang-format off */
static const struct sample samples[] = {
	{S("nop", "\x90", PLAIN)},
	{S("pause", "\xf3\x90", PLAIN)},
	{S("endbr64", "\xf3\x0f\x1e\xfa", PLAIN)},
	{S("the 5-byte nop of a function's entry", "\x0f\x1f\x44\x00\x00", PLAIN), DISP(4, 1, 0)},
	{S("nopw cs:0(rax,rax,1), 10 bytes", "\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00", PLAIN), DISP(6, 4, 0)},
	{S("push rbp", "\x55", PLAIN)},
	{S("push r12", "\x41\x54", PLAIN)},
	{S("mov rbp, rsp", "\x48\x89\xe5", PLAIN)},
	{S("leave", "\xc9", PLAIN)},
	{S("enter 0x10, 1", "\xc8\x10\x00\x01", PLAIN), IMM(1, 2, 0x10)},
	{S("swapgs", "\x0f\x01\xf8", PLAIN)},
	{S("rdtsc", "\x0f\x31", PLAIN)},
	{S("cpuid", "\x0f\xa2", PLAIN)},
	{S("rep movsb", "\xf3\xa4", PLAIN)},
	{S("rep stosq", "\xf3\x48\xab", PLAIN)},
	{S("lock cmpxchg [rdi], rsi", "\xf0\x48\x0f\xb1\x37", PLAIN)},

	/* Operand sizes. */
	{S("add eax, imm32", "\x05\x01\x02\x03\x84", PLAIN), IMM(1, 4, (s32)0x84030201)},
	{S("add ax, imm16", "\x66\x05\x01\x82", PLAIN), IMM(2, 2, (s16)0x8201)},
	{S("add rax, imm32: REX.W beats 66", "\x66\x48\x05\x01\x02\x03\x04", PLAIN), IMM(3, 4, 0x04030201)},
	{S("add ax, imm16: a REX before 66 is ignored", "\x48\x66\x05\x01\x02", PLAIN), IMM(3, 2, 0x0201)},
	{S("mov al, imm8", "\xb0\xff", PLAIN), IMM(1, 1, -1)},
	{S("mov edi, imm32", "\xbf\x01\x00\x00\x80", PLAIN), IMM(1, 4, (s32)0x80000001)},
	{S("mov di, imm16", "\x66\xbf\x01\x00", PLAIN), IMM(2, 2, 1)},
	{S("mov rdi, imm64", "\x48\xbf\x88\x77\x66\x55\x44\x33\x22\x11", PLAIN), IMM(2, 8, 0x1122334455667788)},
	{S("mov rdi, imm64 with 66", "\x66\x48\xbf\x01\0\0\0\0\0\0\x80", PLAIN), IMM(3, 8, (s64)0x8000000000000001)},
	{S("mov al, [moffs64]", "\xa0\x88\x77\x66\x55\x44\x33\x22\x11", PLAIN), IMM(1, 8, 0x1122334455667788)},
	{S("mov [moffs32], eax", "\x67\xa3\x44\x33\x22\x11", PLAIN), IMM(2, 4, 0x11223344)},
	{S("push imm8", "\x6a\xff", PLAIN), IMM(1, 1, -1)},
	{S("push imm32", "\x68\x04\x03\x02\x01", PLAIN), IMM(1, 4, 0x01020304)},
	{S("imul eax, ecx, imm32", "\x69\xc1\x04\x03\x02\x01", PLAIN), IMM(2, 4, 0x01020304)},
	{S("imul eax, ecx, imm8", "\x6b\xc1\x04", PLAIN), IMM(2, 1, 4)},
	{S("in al, imm8", "\xe4\x64", PLAIN), IMM(1, 1, 0x64)},
	{S("out dx, al", "\xee", PLAIN)},

	/* Immediates that depend on modrm. */
	{S("test cl, imm8", "\xf6\xc1\x80", PLAIN), IMM(2, 1, -128)},
	{S("test cl, imm8, by its other name", "\xf6\xc9\x01", PLAIN), IMM(2, 1, 1)},
	{S("not cl", "\xf6\xd1", PLAIN)},
	{S("test ecx, imm32", "\xf7\xc1\x01\x00\x00\x00", PLAIN), IMM(2, 4, 1)},
	{S("test cx, imm16", "\x66\xf7\xc1\x01\x00", PLAIN), IMM(3, 2, 1)},
	{S("neg rcx", "\x48\xf7\xd9", PLAIN)},

	/* modrm, sib, displacement. */
	{S("mov eax, [rax]", "\x8b\x00", PLAIN)},
	{S("mov eax, [rax-8]", "\x8b\x40\xf8", PLAIN), DISP(2, 1, -8)},
	{S("mov eax, [rax+disp32]", "\x8b\x80\x00\x00\x00\x80", PLAIN), DISP(2, 4, (s32)0x80000000)},
	{S("mov eax, [rsp]", "\x8b\x04\x24", PLAIN)},
	{S("mov eax, [rsp+8]", "\x8b\x44\x24\x08", PLAIN), DISP(3, 1, 8)},
	{S("mov eax, [disp32]: sib without base", "\x8b\x04\x25\x44\x33\x22\x11", PLAIN), DISP(3, 4, 0x11223344)},
	{S("mov eax, [rbp+rax*1+0]: sib with one", "\x8b\x44\x05\x00", PLAIN), DISP(3, 1, 0)},
	{S("mov eax, [r12]", "\x41\x8b\x04\x24", PLAIN)},
	{S("mov rax, gs:[disp32]", "\x65\x48\x8b\x04\x25\x10\x00\x00\x00", PLAIN), DISP(5, 4, 0x10)},
	{S("mov eax, [ebx+8]", "\x67\x8b\x43\x08", PLAIN), DISP(3, 1, 8)},
	{S("mov cr3, rax", "\x0f\x22\xd8", PLAIN)},
	{S("mov rax, cr3 whose mod asks for memory", "\x0f\x20\x1d", PLAIN)},

	/* rip-relative, with every width of operand and immediate. */
	{S("mov al, [rip]", "\x8a\x05\x44\x33\x22\x11", PLAIN), DISP(2, 4, 0x11223344), RIP},
	{S("mov ax, [rip]", "\x66\x8b\x05\xff\xff\xff\xff", PLAIN), DISP(3, 4, -1), RIP},
	{S("mov eax, [rip]", "\x8b\x05\xff\xff\xff\xff", PLAIN), DISP(2, 4, -1), RIP},
	{S("mov rax, [rip]", "\x48\x8b\x05\xff\xff\xff\xff", PLAIN), DISP(3, 4, -1), RIP},
	{S("lea r13, [rip]: REX.B does not make it r13's", "\x4d\x8d\x2d\x01\x00\x00\x00", PLAIN), DISP(3, 4, 1), RIP},
	{S("mov byte [rip], imm8", "\xc6\x05\x01\0\0\0\x7f", PLAIN), DISP(2, 4, 1), IMM(6, 1, 0x7f), RIP},
	{S("mov word [rip], imm16", "\x66\xc7\x05\x01\0\0\0\x34\x12", PLAIN), DISP(3, 4, 1), IMM(7, 2, 0x1234), RIP},
	{S("mov dword [rip], imm32", "\xc7\x05\x01\0\0\0\x78\x56\x34\x12", PLAIN), DISP(2, 4, 1), IMM(6, 4, 0x12345678), RIP},
	{S("mov qword [rip], imm32", "\x48\xc7\x05\x01\0\0\0\xff\xff\xff\xff", PLAIN), DISP(3, 4, 1), IMM(7, 4, -1), RIP},
	{S("cmp qword [rip], imm8", "\x48\x83\x3d\x01\0\0\0\xff", PLAIN), DISP(3, 4, 1), IMM(7, 1, -1), RIP},
	{S("test dword [rip], imm32", "\xf7\x05\x01\0\0\0\x02\0\0\0", PLAIN), DISP(2, 4, 1), IMM(6, 4, 2), RIP},
	{S("shl dword [rip], imm8", "\xc1\x25\x01\0\0\0\x04", PLAIN), DISP(2, 4, 1), IMM(6, 1, 4), RIP},
	{S("imul eax, [rip], imm32", "\x69\x05\x01\0\0\0\x02\0\0\0", PLAIN), DISP(2, 4, 1), IMM(6, 4, 2), RIP},
	{S("movaps xmm0, [rip]", "\x0f\x28\x05\x01\0\0\0", PLAIN), DISP(3, 4, 1), RIP},
	{S("palignr xmm0, [rip], 4", "\x66\x0f\x3a\x0f\x05\x01\0\0\0\x04", PLAIN), DISP(5, 4, 1), IMM(9, 1, 4), RIP},
	{S("mov eax, [eip]", "\x67\x8b\x05\x01\0\0\0", PLAIN), DISP(3, 4, 1), RIP},
	{S("vmovaps ymm0, [rip]", "\xc5\xfc\x28\x05\x01\0\0\0", PLAIN), DISP(4, 4, 1), RIP},
	{S("vblendps xmm0, xmm1, [rip], 3", "\xc4\xe3\x71\x0c\x05\x01\0\0\0\x03", PLAIN), DISP(5, 4, 1), IMM(9, 1, 3), RIP},
	{S("vmovups zmm0, [rip]", "\x62\xf1\x7c\x48\x10\x05\x01\0\0\0", PLAIN), DISP(6, 4, 1), RIP},

	/* The other maps and vector prefixes. */
	{S("pshufb xmm0, xmm1", "\x66\x0f\x38\x00\xc1", PLAIN)},
	{S("movbe eax, [rdi]", "\x0f\x38\xf0\x07", PLAIN)},
	{S("roundsd xmm0, xmm1, 3", "\x66\x0f\x3a\x0b\xc1\x03", PLAIN), IMM(5, 1, 3)},
	{S("pshufd xmm0, xmm1, 0x1b", "\x66\x0f\x70\xc1\x1b", PLAIN), IMM(4, 1, 0x1b)},
	{S("cmpps xmm0, xmm1, 2", "\x0f\xc2\xc1\x02", PLAIN), IMM(3, 1, 2)},
	{S("shld eax, ecx, 4", "\x0f\xa4\xc8\x04", PLAIN), IMM(3, 1, 4)},
	{S("btr rax, 63", "\x48\x0f\xba\xf0\x3f", PLAIN), IMM(4, 1, 63)},
	{S("pfadd mm0, mm1: 3DNow!", "\x0f\x0f\xc1\x9e", PLAIN)},
	{S("vmread rax, rcx", "\x0f\x78\xc8", PLAIN)},
	{S("extrq xmm1, 4, 8", "\x66\x0f\x78\xc1\x04\x08", PLAIN), IMM(4, 1, 4)},
	{S("insertq xmm0, xmm1, 4, 8", "\xf2\x0f\x78\xc1\x04\x08", PLAIN), IMM(4, 1, 4)},
	{S("vzeroupper", "\xc5\xf8\x77", PLAIN)},
	{S("vpshufd xmm0, xmm1, 1", "\xc5\xf9\x70\xc1\x01", PLAIN), IMM(4, 1, 1)},
	{S("vpextrw eax, xmm1, 3", "\xc5\xf9\xc5\xc1\x03", PLAIN), IMM(4, 1, 3)},
	{S("vpinsrw xmm0, xmm1, ecx, 3", "\xc5\xf1\xc4\xc1\x03", PLAIN), IMM(4, 1, 3)},
	{S("andn eax, ecx, edx", "\xc4\xe2\x70\xf2\xc2", PLAIN)},
	{S("rorx eax, ecx, 5", "\xc4\xe3\x7b\xf0\xc1\x05", PLAIN), IMM(5, 1, 5)},
	{S("vaddps zmm0, zmm1, [rax+64]: disp8 counts vectors", "\x62\xf1\x74\x48\x58\x40\x01", PLAIN), DISP(6, 1, 1)},
	{S("vaddph zmm0, zmm1, zmm2: map 5", "\x62\xf5\x74\x48\x58\xc2", PLAIN)},
	{S("vpternlogd zmm0, zmm1, zmm2, 7", "\x62\xf3\x75\x48\x25\xc2\x07", PLAIN), IMM(6, 1, 7)},
	{S("vprotb xmm0, xmm1, 3: XOP", "\x8f\xe8\x78\xc0\xc1\x03", PLAIN), IMM(5, 1, 3)},
	{S("blcfill eax, ecx: XOP", "\x8f\xe9\x78\x01\xc9", PLAIN)},
	{S("bextr eax, ecx, imm32: XOP", "\x8f\xea\x78\x10\xc1\x04\x03\x02\x01", PLAIN), IMM(5, 4, 0x01020304)},
	{S("pop [rax]: not XOP", "\x8f\x00", PLAIN)},

	/* The classes. */
	{S("call", "\xe8\xfb\xff\xff\xff", CALL_REL), IMM(1, 4, -5)},
	{S("call with 66, which Intel ignores", "\x66\xe8\xfb\xff\xff\xff", CALL_REL), IMM(2, 4, -5)},
	{S("call rax", "\xff\xd0", CALL_IND)},
	{S("call [rip]", "\xff\x15\x01\0\0\0", CALL_IND), DISP(2, 4, 1), RIP},
	{S("call r11", "\x41\xff\xd3", CALL_IND)},
	{S("jmp short", "\xeb\xfe", JMP_REL), IMM(1, 1, -2)},
	{S("jmp near", "\xe9\x00\x01\x00\x00", JMP_REL), IMM(1, 4, 0x100)},
	{S("jmp [rax*8+table]", "\xff\x24\xc5\x00\x00\x00\x80", JMP_IND), DISP(3, 4, (s32)0x80000000)},
	{S("notrack jmp rax", "\x3e\xff\xe0", JMP_IND)},
	{S("jz short", "\x74\x80", JCC), IMM(1, 1, -128)},
	{S("jg short", "\x7f\x7f", JCC), IMM(1, 1, 127)},
	{S("jo near", "\x0f\x80\x00\x00\x00\x80", JCC), IMM(2, 4, (s32)0x80000000)},
	{S("jg near", "\x0f\x8f\x01\0\0\0", JCC), IMM(2, 4, 1)},
	{S("loopne", "\xe0\xfe", LOOP), IMM(1, 1, -2)},
	{S("loop", "\xe2\xfe", LOOP), IMM(1, 1, -2)},
	{S("jrcxz", "\xe3\x10", LOOP), IMM(1, 1, 0x10)},
	{S("jecxz", "\x67\xe3\x10", LOOP), IMM(2, 1, 0x10)},
	{S("ret", "\xc3", RET)},
	{S("rep ret", "\xf3\xc3", RET)},
	{S("ret 8", "\xc2\x08\x00", RET), IMM(1, 2, 8)},
	{S("retf", "\xcb", FAR)},
	{S("retf 8", "\xca\x08\x00", FAR), IMM(1, 2, 8)},
	{S("retfq", "\x48\xcb", FAR)},
	{S("iretq", "\x48\xcf", FAR)},
	{S("call far [rax]", "\xff\x18", FAR)},
	{S("jmp far [rip]", "\xff\x2d\x01\0\0\0", FAR), DISP(2, 4, 1), RIP},
	{S("sysretq", "\x48\x0f\x07", FAR)},
	{S("sysexit", "\x0f\x35", FAR)},
	{S("rsm", "\x0f\xaa", FAR)},
	{S("uiret", "\xf3\x0f\x01\xec", FAR)},
	{S("eretu", "\xf3\x0f\x01\xca", FAR)},
	{S("clac, eretu's neighbour", "\x0f\x01\xca", PLAIN)},
	{S("stac", "\x0f\x01\xcb", PLAIN)},
	{S("the nop that becomes clac", "\x0f\x1f\xca", PLAIN)},
	{S("the nop that becomes stac", "\x0f\x1f\xcb", PLAIN)},
	{S("skinit", "\x0f\x01\xde", FAR)},
	{S("xbegin", "\xc7\xf8\x01\0\0\0", FAR), IMM(2, 4, 1)},
	{S("xabort 1", "\xc6\xf8\x01", PLAIN), IMM(2, 1, 1)},
	{S("int3", "\xcc", INT)},
	{S("int 0x80", "\xcd\x80", INT), IMM(1, 1, -128)},
	{S("int1", "\xf1", INT)},
	{S("syscall", "\x0f\x05", SYSCALL)},
	{S("sysenter", "\x0f\x34", SYSCALL)},
	{S("vmcall", "\x0f\x01\xc1", SYSCALL)},
	{S("vmlaunch", "\x0f\x01\xc2", SYSCALL)},
	{S("vmresume", "\x0f\x01\xc3", SYSCALL)},
	{S("vmmcall", "\x0f\x01\xd9", SYSCALL)},
	{S("vmrun", "\x0f\x01\xd8", SYSCALL)},
	{S("enclu", "\x0f\x01\xd7", SYSCALL)},
	{S("encls", "\x0f\x01\xcf", SYSCALL)},
	{S("tdcall", "\x66\x0f\x01\xcc", SYSCALL)},
	{S("seamcall", "\x66\x0f\x01\xcf", SYSCALL)},
	{S("getsec", "\x0f\x37", SYSCALL)},
	{S("lidt [rax]: 0f 01 in memory", "\x0f\x01\x18", PLAIN)},
	{S("pushfq", "\x9c", PUSHF)},
	{S("pushfw", "\x66\x9c", PUSHF)},
	{S("popfq", "\x9d", POPF)},
	{S("cli", "\xfa", CLI)},
	{S("sti", "\xfb", STI)},
	{S("hlt", "\xf4", HLT)},
	{S("mov ss, ax", "\x8e\xd0", MOV_SS)},
	{S("mov ss, [rip]", "\x8e\x15\x01\0\0\0", MOV_SS), DISP(2, 4, 1), RIP},
	{S("mov ds, ax", "\x8e\xd8", PLAIN)},
	{S("mov ax, ss", "\x8c\xd0", PLAIN)},
	{S("lss eax, [rax]", "\x0f\xb2\x00", MOV_SS)},
	{S("lfs eax, [rax]", "\x0f\xb4\x00", PLAIN)},
	{S("ud2", "\x0f\x0b", UNDEFINED)},
	{S("ud1 eax, [rip]", "\x0f\xb9\x05\x01\0\0\0", UNDEFINED), DISP(3, 4, 1), RIP},
	{S("ud0 eax, eax: Intel's has a modrm", "\x0f\xff\xc0", UNDEFINED)},

	{S("15 bytes exactly", "\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\xb8\x01\0\0\0", PLAIN), IMM(11, 4, 1)},
};
/* clang-format on */

static void check_place(const struct sample *s, const char *what, u64 got, u64 want)
{
	if (got != want)
		fail_msg("%s: %s is %" PRIx64 ", not %" PRIx64, s->text, what, got, want);
}

static void test_samples(void **state __unused)
{
	for (size_t n = 0; n < ARRAY_SIZE(samples); n++) {
		const struct sample *s = &samples[n];
		struct insn i;

		check_place(s, "result", -insn_decode(&i, (const u8 *)s->bytes, s->len), 0);
		check_place(s, "length", i.length, s->len);
		check_place(s, "class", i.class, s->class);
		check_place(s, "disp_offset", i.disp_offset, s->disp_offset);
		check_place(s, "disp_size", i.disp_size, s->disp_size);
		check_place(s, "disp", (s64)i.disp, s->disp);
		check_place(s, "imm_offset", i.imm_offset, s->imm_offset);
		check_place(s, "imm_size", i.imm_size, s->imm_size);
		check_place(s, "imm", i.imm, s->imm);
		check_place(s, "rip_relative", i.rip_relative, s->rip_relative);
	}
}

/* Every shorter buffer is too short, and not a byte behind it is read: ASan watches its end. */
static void test_truncation(void **state __unused)
{
	for (size_t n = 0; n < ARRAY_SIZE(samples); n++) {
		const struct sample *s = &samples[n];

		for (size_t len = 0; len <= s->len; len++) {
			u8 *exact = malloc(len);
			struct insn i;

			memcpy(exact, s->bytes, len);
			check_place(s, "result of a shorter buffer", -insn_decode(&i, exact, len),
				    len < s->len ? E2BIG : 0);
			free(exact);
		}
	}
}

static void test_bytes_behind_do_not_matter(void **state __unused)
{
	for (size_t n = 0; n < ARRAY_SIZE(samples); n++) {
		const struct sample *s = &samples[n];
		u8 longer[64];
		struct insn i;

		memset(longer, 0xcc, sizeof(longer));
		memcpy(longer, s->bytes, s->len);
		check_place(s, "result", -insn_decode(&i, longer, sizeof(longer)), 0);
		check_place(s, "length", i.length, s->len);
	}
}

static void test_length_limit(void **state __unused)
{
	u8 bytes[32];
	struct insn i;

	memset(bytes, 0x2e, sizeof(bytes));
	assert_int_equal(insn_decode(&i, bytes, sizeof(bytes)), -E2BIG);
	bytes[14] = 0x90;
	assert_int_equal(insn_decode(&i, bytes, sizeof(bytes)), 0);
	assert_int_equal(i.length, 15);
	bytes[14] = 0x2e;
	bytes[15] = 0x90;
	assert_int_equal(insn_decode(&i, bytes, sizeof(bytes)), -E2BIG);
	/* One prefix too many before mov eax, imm32. */
	bytes[11] = 0xb8;
	assert_int_equal(insn_decode(&i, bytes, sizeof(bytes)), -E2BIG);
}

static int decode_padded(const char *bytes, size_t len)
{
	u8 padded[INSN_MAX_LENGTH] = { 0 };
	struct insn i;

	memcpy(padded, bytes, len);
	return insn_decode(&i, padded, sizeof(padded));
}

#define REFUSED(bytes) assert_int_equal(decode_padded(bytes, sizeof(bytes) - 1), -EINVAL)

static void test_no_instruction_in_64_bit_mode(void **state __unused)
{
	static const u8 opcodes[] = { 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37,
				      0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xd5, 0xd6, 0xea };
	static const u8 after_0f[] = { 0x04, 0x0a, 0x0c, 0x24, 0x25, 0x26, 0x27,
				       0x36, 0x39, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f };

	for (size_t n = 0; n < sizeof(opcodes); n++) {
		char bytes[] = { opcodes[n], 0xc0 }, rex[] = { 0x48, opcodes[n], 0xc0 };

		REFUSED(bytes);
		REFUSED(rex);
	}
	for (size_t n = 0; n < sizeof(after_0f); n++) {
		char bytes[] = { 0x0f, after_0f[n], 0xc0 };

		REFUSED(bytes);
	}
}

static void test_holes_in_groups(void **state __unused)
{
	REFUSED("\xff\xf8");	 /* ff /7 */
	REFUSED("\xff\xd8");	 /* a far call through a register */
	REFUSED("\xff\xe8");	 /* a far jump likewise */
	REFUSED("\xfe\xd0");	 /* fe /2 */
	REFUSED("\x8e\xc8");	 /* mov cs, ax */
	REFUSED("\x8e\xf0");	 /* a seventh segment register */
	REFUSED("\x8c\xf0");	 /* ditto */
	REFUSED("\x8d\xc0");	 /* lea of a register */
	REFUSED("\x8f\xe0");	 /* 8f /4, and no XOP map */
	REFUSED("\xc6\xc8\x00"); /* c6 /1 */
	REFUSED("\xc7\x38");	 /* c7 /7 in memory */
	REFUSED("\x0f\xba\xc0"); /* 0f ba /0 */
	REFUSED("\x0f\xb2\xc0"); /* lss of a register */
}

static void test_lock_only_where_memory_is_changed(void **state __unused)
{
	static const char *const fine[] = { "\x01\x07",	    "\x80\x37\x01",	"\x83\x07\x01",
					    "\x87\x07",	    "\xf7\x17",		"\xff\x0f",
					    "\x0f\xb1\x37", "\x0f\xba\x2f\x01", "\x0f\xc1\x07",
					    "\x0f\xc7\x0f" };

	for (size_t n = 0; n < ARRAY_SIZE(fine); n++) {
		char bytes[INSN_MAX_LENGTH] = "\xf0";

		memcpy(bytes + 1, fine[n], strlen(fine[n]));
		assert_int_equal(decode_padded(bytes, sizeof(bytes)), 0);
	}
	REFUSED("\xf0\x90");		 /* nop */
	REFUSED("\xf0\x01\xc0");	 /* a register */
	REFUSED("\xf0\x03\x07");	 /* add eax, [rdi] */
	REFUSED("\xf0\x39\x07");	 /* cmp */
	REFUSED("\xf0\x83\x3f\x01");	 /* cmp too */
	REFUSED("\xf0\xf7\x07\x01");	 /* test */
	REFUSED("\xf0\xff\x17");	 /* call [rdi] */
	REFUSED("\xf0\x0f\xba\x27\x01"); /* bt */
	REFUSED("\xf0\x0f\x38\xf0\x07"); /* movbe */
	REFUSED("\xf0\x0f\x0b");	 /* ud2 */
}

static void test_no_such_control_register(void **state __unused)
{
	REFUSED("\x0f\x20\xc8");				   /* cr1 */
	REFUSED("\x0f\x22\xe8");				   /* cr5 */
	REFUSED("\x44\x0f\x22\xc8");				   /* cr9 */
	REFUSED("\x44\x0f\x21\xc0");				   /* dr8 */
	assert_int_equal(decode_padded("\x44\x0f\x22\xc0", 4), 0); /* cr8 */
}

static void test_malformed_vector_prefixes(void **state __unused)
{
	REFUSED("\x66\xc5\xf8\x28\xc1"); /* 66, f2, f3, lock and REX may not stand before VEX */
	REFUSED("\xf2\xc5\xf8\x28\xc1");
	REFUSED("\xf3\xc5\xf8\x28\xc1");
	REFUSED("\xf0\xc5\xf8\x28\xc1");
	REFUSED("\x48\xc5\xf8\x28\xc1");
	REFUSED("\x66\x62\xf1\x7c\x48\x28\xc1");
	REFUSED("\x66\x8f\xe9\x78\x01\xc9");
	REFUSED("\xc4\xe0\x78\x28\xc1");     /* VEX map 0 */
	REFUSED("\xc4\xe4\x78\x28\xc1");     /* VEX map 4 */
	REFUSED("\x8f\xeb\x78\x10\xc1");     /* XOP map 11 */
	REFUSED("\x62\xf0\x7c\x48\x28\xc1"); /* EVEX map 0 */
	REFUSED("\x62\xf4\x7c\x48\x28\xc1"); /* EVEX map 4 */
	REFUSED("\x62\xf9\x7c\x48\x28\xc1"); /* EVEX's fixed 0 set */
	REFUSED("\x62\xf1\x78\x48\x28\xc1"); /* EVEX's fixed 1 clear */
	REFUSED("\xc5\xf8\x05\xc1");	     /* no vector syscall, */
	REFUSED("\xc5\xf8\x34\xc1");	     /* nor sysenter */
}

static void test_other_fields(void **state __unused)
{
	struct insn i;

	/* gs: 66 REX.WR 0f b6 /r: movzx r8, byte [rax] */
	assert_int_equal(insn_decode(&i, (const u8 *)"\x65\x66\x4c\x0f\xb6\x00", 6), 0);
	assert_int_equal(i.prefix_bytes, 2);
	assert_int_equal(i.rex, 0x4c);
	assert_int_equal(i.map, 1);
	assert_int_equal(i.opcode, 0xb6);
	assert_true(i.has_modrm);
	assert_int_equal(i.modrm, 0);
	assert_true(i.operand16);
	assert_false(i.rep);
	assert_false(i.vex);

	assert_int_equal(insn_decode(&i, (const u8 *)"\xf3\x90", 2), 0);
	assert_true(i.rep);
	assert_false(i.has_modrm);
	assert_int_equal(i.map, 0);

	assert_int_equal(insn_decode(&i, (const u8 *)"\x67\xc4\xe2\x70\xf2\xc2", 6), 0);
	assert_true(i.vex);
	assert_int_equal(i.map, 2);
	assert_int_equal(i.opcode, 0xf2);
	assert_int_equal(i.prefix_bytes, 1);
	assert_int_equal(i.modrm, 0xc2);
	assert_int_equal(i.rex, 0);
}

static void test_target(void **state __unused)
{
	struct insn i;

	assert_int_equal(insn_decode(&i, (const u8 *)"\xeb\xfe", 2), 0);
	assert_int_equal(insn_target(&i, 0xffffffff80100000), 0xffffffff80100000);
	assert_int_equal(insn_decode(&i, (const u8 *)"\xe8\x00\x01\x00\x00", 5), 0);
	assert_int_equal(insn_target(&i, 0x1000), 0x1105);
}

static void test_class_names(void **state __unused)
{
	assert_string_equal(insn_class_name(INSN_PLAIN), "plain");
	assert_string_equal(insn_class_name(INSN_CALL_REL), "call_rel");
	assert_string_equal(insn_class_name(INSN_UNDEFINED), "undefined");
	assert_string_equal(insn_class_name((enum insn_class)99), "unknown");
	for (int c = INSN_PLAIN; c <= INSN_UNDEFINED; c++)
		assert_non_null(insn_class_name(c));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_samples),
	cmocka_unit_test(test_truncation),
	cmocka_unit_test(test_bytes_behind_do_not_matter),
	cmocka_unit_test(test_length_limit),
	cmocka_unit_test(test_no_instruction_in_64_bit_mode),
	cmocka_unit_test(test_holes_in_groups),
	cmocka_unit_test(test_lock_only_where_memory_is_changed),
	cmocka_unit_test(test_no_such_control_register),
	cmocka_unit_test(test_malformed_vector_prefixes),
	cmocka_unit_test(test_other_fields),
	cmocka_unit_test(test_target),
	cmocka_unit_test(test_class_names),
};

HOST_TEST_MAIN(tests)
