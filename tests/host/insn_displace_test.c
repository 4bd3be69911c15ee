/* Instructions executed elsewhere: which, with what fix-up, and what the bytes of the copy are. */
#include "tests/host/host.h"
#include "arch/x86/insn/insn.h"

static struct insn decode(const char *bytes, size_t len)
{
	struct insn insn;

	assert_int_equal(insn_decode(&insn, (const u8 *)bytes, len), 0);
	assert_int_equal(insn.length, len);
	return insn;
}
#define DECODE(bytes) decode(bytes, sizeof(bytes) - 1)

#define IP     INSN_FIX_IP
#define RETURN INSN_FIX_RETURN

enum way { BOOST, STEP, EMULATE_ONLY, NOT_AT_ALL };

static const struct {
	const char *bytes;
	size_t len;
	enum way way; /* the best that its copy may be used for */
	u8 fix;
} samples[] = {
#define S(bytes, ...)                                 \
	{                                             \
		bytes, sizeof(bytes) - 1, __VA_ARGS__ \
	}
	S("\x90", BOOST, IP),			/* nop */
	S("\x41\x90", BOOST, IP),		/* xchg r8, rax: no nop */
	S("\xf3\x41\x90", BOOST, IP),		/* the same, no pause */
	S("\xf3\x90", EMULATE_ONLY, IP),	/* pause */
	S("\x48\x8b\x05\x01\0\0\0", BOOST, IP), /* mov rax, [rip+1] */
	S("\xf3\x48\xa5", BOOST, IP),		/* rep movsq */
	S("\xe8\x01\0\0\0", STEP, IP | RETURN), /* call */
	S("\xff\xd0", STEP, RETURN),		/* call rax */
	S("\xff\x15\x01\0\0\0", STEP, RETURN),	/* call [rip+1] */
	S("\xeb\x01", STEP, IP),		/* jmp */
	S("\xff\xe0", STEP, 0),			/* jmp rax */
	S("\x74\x01", STEP, IP),		/* jz */
	S("\xe2\x01", STEP, IP),		/* loop */
	S("\x67\xe3\x01", STEP, IP),		/* jecxz */
	S("\xc3", STEP, 0),			/* ret */
	S("\xc2\x08\0", STEP, 0),		/* ret 8 */
	S("\x9c", EMULATE_ONLY, IP),		/* pushf */
	S("\x9d", EMULATE_ONLY, IP),		/* popf */
	S("\xfa", EMULATE_ONLY, IP),		/* cli */
	S("\xfb", EMULATE_ONLY, IP),		/* sti */
	S("\x66\x9c", NOT_AT_ALL, 0),		/* pushfw */
	S("\x66\x9d", NOT_AT_ALL, 0),		/* popfw */
	S("\xf4", NOT_AT_ALL, 0),		/* hlt */
	S("\x0f\x01\xc9", NOT_AT_ALL, 0),	/* mwait */
	S("\x0f\x01\xfb", NOT_AT_ALL, 0),	/* mwaitx */
	S("\x0f\x01\xc8", BOOST, IP),		/* monitor */
	S("\xcc", NOT_AT_ALL, 0),		/* int3 */
	S("\xcd\x80", NOT_AT_ALL, 0),		/* int 0x80 */
	S("\x0f\x05", NOT_AT_ALL, 0),		/* syscall */
	S("\x48\xcf", NOT_AT_ALL, 0),		/* iretq */
	S("\xcb", NOT_AT_ALL, 0),		/* lret */
	S("\xc7\xf8\0\0\0\0", NOT_AT_ALL, 0),	/* xbegin */
	S("\x8e\xd0", NOT_AT_ALL, 0),		/* mov ss, ax */
	S("\x0f\x0b", NOT_AT_ALL, 0),		/* ud2 */
#undef S
};

static void test_gs(void **state __unused)
{
	static const char *const changing[] = { "\x0f\x01\xf8", "\xf3\x48\x0f\xae\xd8", "\x8e\xe8",
						"\x0f\xa9",	"\x0f\xb5\x08",		"\x0f\x30" };
	/* rdtscp, swapgs' neighbour; rdmsr; wrfsbase, ldmxcsr, mov fs, pop fs, lfs; mov rax, gs */
	static const char *const others[] = { "\x0f\x01\xf9", "\x0f\x32", "\xf3\x48\x0f\xae\xd0",
					      "\x0f\xae\x18", "\x8e\xe0", "\x0f\xa1",
					      "\x0f\xb4\x08", "\x8c\xe8" };

	for (size_t i = 0; i < ARRAY_SIZE(changing); i++) {
		struct insn insn = decode(changing[i], strlen(changing[i]));

		assert_true(insn_changes_gs(&insn));
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct insn insn = decode(others[i], strlen(others[i]));

		assert_false(insn_changes_gs(&insn));
	}
}

static void test_ways(void **state __unused)
{
	for (size_t n = 0; n < ARRAY_SIZE(samples); n++) {
		struct insn insn = decode(samples[n].bytes, samples[n].len);
		enum way way = samples[n].way;

		assert_int_equal(insn_can_boost(&insn), way == BOOST);
		assert_int_equal(insn_can_step(&insn), way <= STEP);
		assert_int_equal(!insn_cannot_displace(&insn), way != NOT_AT_ALL);
		if (way <= STEP)
			assert_int_equal(insn_fixes(&insn), samples[n].fix);
	}
}

/* Each refusal has its own reason, and says so in the same words at its start. */
static void test_reasons(void **state __unused)
{
	static const char start[] = "Instruction can't be displaced: ";
	const char *seen[ARRAY_SIZE(samples)];
	size_t distinct = 0;

	for (size_t n = 0; n < ARRAY_SIZE(samples); n++) {
		struct insn insn = decode(samples[n].bytes, samples[n].len);
		const char *why = insn_cannot_displace(&insn);
		size_t i = 0;

		if (!why)
			continue;
		assert_int_equal(strncmp(why, start, sizeof(start) - 1), 0);
		while (i < distinct && strcmp(seen[i], why))
			i++;
		if (i == distinct)
			seen[distinct++] = why;
	}
	assert_int_equal(distinct, 7);
}

#define FROM 0xffffffff80100000ul
#define TO   0xffffffffb0000040ul

/* Where the operand is, of an instruction at @ip. */
static u64 operand(const struct insn *insn, u64 ip) { return ip + insn->length + (u64)(s64)insn->disp; }

static void check_copy(const char *bytes, size_t len, u64 from, u64 to)
{
	struct insn insn = decode(bytes, len), moved;
	u8 copy[INSN_MAX_LENGTH + 1];

	memset(copy, 0xcc, sizeof(copy));
	assert_int_equal(insn_copy(copy, (const u8 *)bytes, &insn, from, to), 0);
	assert_int_equal(copy[len], 0xcc);
	assert_int_equal(insn_decode(&moved, copy, len), 0);
	assert_int_equal(moved.length, len);
	assert_int_equal(moved.imm, insn.imm);
	if (insn.address32)
		assert_int_equal((u32)operand(&moved, to), (u32)operand(&insn, from));
	else if (insn.rip_relative)
		assert_true(operand(&moved, to) == operand(&insn, from));
	else
		assert_memory_equal(copy, bytes, len);
}
#define COPY(bytes, from, to) check_copy(bytes, sizeof(bytes) - 1, from, to)

static void test_copies(void **state __unused)
{
	COPY("\x48\x89\xe5", FROM, TO);				  /* nothing relative */
	COPY("\xe8\x01\x02\x03\x04", FROM, TO);			  /* a branch keeps its offset */
	COPY("\x8b\x80\x01\0\0\0", FROM, TO);			  /* nor is this displacement rip's */
	COPY("\x8a\x05\x44\x33\x22\x11", FROM, TO);		  /* mov al, [rip] */
	COPY("\x48\x8b\x05\xff\xff\xff\xff", FROM, TO);		  /* mov rax, [rip-1] */
	COPY("\x66\xc7\x05\x01\0\0\0\x34\x12", FROM, TO);	  /* an immediate of two bytes behind it, */
	COPY("\x48\xc7\x05\x01\0\0\0\xff\xff\xff\xff", FROM, TO); /* and of four */
	COPY("\x48\x83\x3d\x01\0\0\0\xff", TO, FROM);		  /* the other way */
	COPY("\xff\x15\x01\0\0\0", FROM, TO);			  /* call [rip+1] */
	COPY("\xc4\xe3\x71\x0c\x05\x01\0\0\0\x03", FROM, TO);	  /* VEX */
	COPY("\x62\xf1\x7c\x48\x10\x05\x01\0\0\0", FROM, TO); /* EVEX, whose disp8 is scaled but not this */
	COPY("\x67\x8b\x05\x01\0\0\0", FROM, TO);	      /* [eip+1] */
	COPY("\x67\x8b\x05\x01\0\0\0", FROM, FROM - 0x123456789abcul); /* reaches 4 GiB, from anywhere */
}

static void test_out_of_range(void **state __unused)
{
	static const char lea[] = "\x48\x8d\x05\x00\x00\x00\x00"; /* lea rax, [rip+0] */
	struct insn insn = DECODE("\x48\x8d\x05\x00\x00\x00\x00");
	u8 copy[INSN_MAX_LENGTH] = { 0 };
	static const u8 untouched[INSN_MAX_LENGTH];

	COPY("\x48\x8d\x05\x00\x00\x00\x00", FROM, FROM + 0x80000000ul);
	COPY("\x48\x8d\x05\x00\x00\x00\x00", FROM, FROM - 0x7ffffffful);
	assert_int_equal(insn_copy(copy, (const u8 *)lea, &insn, FROM, FROM + 0x80000001ul), -ERANGE);
	assert_int_equal(insn_copy(copy, (const u8 *)lea, &insn, FROM, FROM - 0x80000000ul), -ERANGE);
	assert_int_equal(insn_copy(copy, (const u8 *)lea, &insn, FROM, 0x7f0000001000), -ERANGE);
	assert_memory_equal(copy, untouched, sizeof(copy));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),	     cmocka_unit_test(test_gs),
		cmocka_unit_test(test_reasons),	     cmocka_unit_test(test_copies),
		cmocka_unit_test(test_out_of_range),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
