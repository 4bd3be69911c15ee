/*
 * Instructions as text: hand-checked ones, and against objdump all of the kernel's .text, or of the program named by ELF.
 *
 * Before they are compared both texts lose: blanks but one, <symbol+offset>, and 0x after a blank, which objdump leaves
 * out of branch targets.
 */
#include "tests/host/host.h"
#include "arch/x86/insn/insn.h"

static const char *format(const u8 *bytes, size_t len, u64 ip)
{
	static char text[INSN_TEXT_MAX];
	struct insn insn;

	if (insn_decode(&insn, bytes, len) != 0 || insn.length != len)
		return "(undecoded)";
	insn_format(text, sizeof(text), &insn, ip, bytes);
	return text;
}

#define IP 0xffffffff80100000ul

static const struct {
	const char *bytes;
	size_t len;
	const char *text;
} samples[] = {
#define S(bytes, text)                         \
	{                                      \
		bytes, sizeof(bytes) - 1, text \
	}
	/* clang-format off */
	S("\x90", "nop"), S("\x66\x90", "xchg %ax,%ax"), S("\xf3\x90", "pause"), S("\x41\x90", "xchg %r8d,%eax"),
	S("\xf3\x0f\x1e\xfa", "endbr64"), S("\x0f\x1f\x44\0\0", "nopl 0x0(%rax,%rax,1)"),
	S("\x66\x66\x2e\x0f\x1f\x84\0\0\0\0\0", "data16 cs nopw 0x0(%rax,%rax,1)"),
	S("\x55", "push %rbp"), S("\x41\x54", "push %r12"), S("\x6a\xff", "push $0xffffffffffffffff"),
	S("\xff\x74\x24\x08", "push 0x8(%rsp)"), S("\x8f\0", "pop (%rax)"), S("\x66\x9c", "pushfw"), S("\x9d", "popf"),
	S("\x48\x89\xe5", "mov %rsp,%rbp"), S("\x88\xf4", "mov %dh,%ah"), S("\x40\x88\xf4", "mov %sil,%spl"),
	S("\x66\xc7\x05\x01\0\0\0\x34\x12", "movw $0x1234,0x1(%rip)        # 0xffffffff8010000a"),
	S("\x48\xc7\xc0\xff\xff\xff\xff", "mov $0xffffffffffffffff,%rax"),
	S("\x48\xbf\x88\x77\x66\x55\x44\x33\x22\x11", "movabs $0x1122334455667788,%rdi"),
	S("\xa0\x88\x77\x66\x55\x44\x33\x22\x11", "movabs 0x1122334455667788,%al"),
	S("\x65\x48\x8b\x04\x25\x10\0\0\0", "mov %gs:0x10,%rax"),
	S("\x65\x48\x8b\x05\x10\0\0\0", "mov %gs:0x10(%rip),%rax        # 0xffffffff80100018"),
	S("\x8b\x04\xc5\0\0\0\x80", "mov -0x80000000(,%rax,8),%eax"), S("\x67\x8b\x43\xf8", "mov -0x8(%ebx),%eax"),
	S("\x43\x8b\x04\xa4", "mov (%r12,%r12,4),%eax"), S("\x41\x8b\x45\0", "mov 0x0(%r13),%eax"),
	S("\x83\x3c\x24\xff", "cmpl $0xffffffff,(%rsp)"), S("\x48\x83\xec\x10", "sub $0x10,%rsp"), S("\x80\x08\x80", "orb $0x80,(%rax)"),
	S("\x66\x05\x01\x82", "add $0x8201,%ax"), S("\xf7\xc1\x01\0\0\0", "test $0x1,%ecx"), S("\x48\xf7\x18", "negq (%rax)"),
	S("\x48\x69\xc1\x04\0\0\0", "imul $0x4,%rcx,%rax"), S("\x48\x0f\xba\xf0\x3f", "btr $0x3f,%rax"),
	S("\xd1\xe0", "shl %eax"), S("\xd3\x20", "shll %cl,(%rax)"), S("\x0f\xa4\xc8\x04", "shld $0x4,%ecx,%eax"),
	S("\x48\x98", "cltq"), S("\x99", "cltd"), S("\x63\xc1", "movslq %ecx,%eax"), S("\x0f\xb6\xc1", "movzbl %cl,%eax"),
	S("\x48\x0f\xbf\0", "movswq (%rax),%rax"), S("\x0f\x94\xc0", "sete %al"), S("\x48\x0f\x4f\xc1", "cmovg %rcx,%rax"),
	S("\xe8\xfb\xff\xff\xff", "call 0xffffffff80100000"), S("\x74\x80", "je 0xffffffff800fff82"), S("\x67\xe3\x10", "jecxz 0xffffffff80100013"),
	S("\xff\xd0", "call *%rax"), S("\x3e\xff\xe0", "notrack jmp *%rax"), S("\xff\x24\xc5\0\0\0\x80", "jmp *-0x80000000(,%rax,8)"),
	S("\xc2\x08\0", "ret $0x8"), S("\x48\xcf", "iretq"), S("\x48\xcb", "lretq"), S("\xcd\x80", "int $0x80"),
	S("\xf3\xa4", "rep movsb %ds:(%rsi),%es:(%rdi)"), S("\xf3\x48\xab", "rep stos %rax,%es:(%rdi)"),
	S("\xf2\xae", "repnz scas %es:(%rdi),%al"), S("\xf3\xa6", "repz cmpsb %es:(%rdi),%ds:(%rsi)"),
	S("\xf0\x48\x0f\xb1\x37", "lock cmpxchg %rsi,(%rdi)"), S("\xf0\x48\x0f\xc7\x0f", "lock cmpxchg16b (%rdi)"),
	S("\xf3\x0f\xbc\xc1", "tzcnt %ecx,%eax"), S("\x0f\xbc\xc1", "bsf %ecx,%eax"), S("\xf3\x48\x0f\xae\xd8", "wrgsbase %rax"),
	S("\x0f\x22\xd8", "mov %rax,%cr3"), S("\x44\x0f\x20\xc0", "mov %cr8,%rax"), S("\x0f\x23\xf8", "mov %rax,%db7"),
	S("\x8e\xd0", "mov %eax,%ss"), S("\x0f\x01\xf8", "swapgs"), S("\x0f\x01\x38", "invlpg (%rax)"), S("\x0f\x01\x18", "lidt (%rax)"),
	S("\xee", "out %al,(%dx)"), S("\xe4\x64", "in $0x64,%al"), S("\x0f\xae\xf0", "mfence"), S("\x0f\xae\x38", "clflush (%rax)"),
	S("\x0f\xc7\xf0", "rdrand %eax"), S("\x0f\x0b", "ud2"),
	/* Those that have no name. */
	S("\x0f\x58\xc1", "(map 0f, opcode 58)"), S("\x0f\x38\xc8\x03", "(map 0f38, opcode c8) (%rbx)"),
	S("\x66\x0f\x3a\x0f\x40\x08\x04", "data16 (map 0f3a, opcode 0f) $0x4,0x8(%rax)"), S("\xc5\xfc\x28\0", "(vector map 1, opcode 28)"),
	S("\x0f\x0f\x04\x24\x9e", "(map 0f, opcode 0f)"), S("\x0f\x01\xd5", "(map 0f, opcode 01)"),
	S("\x62\xf5\x74\x48\x58\xc2", "(vector map 5, opcode 58)"),
/* clang-format on */
#undef S
};

static void test_samples(void **state __unused)
{
	for (size_t n = 0; n < ARRAY_SIZE(samples); n++)
		assert_string_equal(format((const u8 *)samples[n].bytes, samples[n].len, IP),
				    samples[n].text);
}

/* Whatever decodes has a text, which ends, in any buffer: sanitizers watch its ends, and the bytes'. */
static void test_random(void **state __unused)
{
	for (int n = 0; n < 300000; n++) {
		u8 bytes[INSN_MAX_LENGTH], *exact;
		size_t size = 1 + host_random_below(INSN_TEXT_MAX);
		struct insn insn;
		char *text;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = host_random();
		if (n % 2)
			bytes[0] = 0x0f;
		if (n % 3 == 0)
			memmove(bytes + 1, bytes, sizeof(bytes) - 1),
				bytes[0] = "\x66\xf2\xf3\x67\x65\x48"[host_random_below(6)];
		if (insn_decode(&insn, bytes, sizeof(bytes)) != 0)
			continue;
		exact = memcpy(malloc(insn.length), bytes, insn.length);
		text = malloc(INSN_TEXT_MAX);
		insn_format(text, INSN_TEXT_MAX, &insn, IP, exact);
		assert_in_range(strlen(text), 2, INSN_TEXT_MAX - 2);
		text = realloc(text, size);
		insn_format(text, size, &insn, IP, exact);
		assert_true(strnlen(text, size) < size);
		free(text);
		free(exact);
	}
}

/* See above. In place. */
static void normalise(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		bool after_blank = to == text || to[-1] == ' ';

		if (*p == '<')
			p = strchr(p, '>') ?: p;
		else if (isspace((unsigned char)*p) && after_blank)
			continue;
		else if (isspace((unsigned char)*p))
			*to++ = ' ';
		else if (p[0] == '0' && p[1] == 'x' && after_blank)
			p++;
		else
			*to++ = *p;
	}
	while (to > text && to[-1] == ' ')
		to--;
	*to = '\0';
}

/* "  address: 48 89 e5   mov ..." of objdump: false if it is none. @text: what follows. */
static bool parse_line(char *line, u64 *ip, u8 *bytes, size_t *len, char **text)
{
	char *p = strchr(line, ':');

	if (!p || p[1] != '\t')
		return false;
	*ip = strtoull(line, NULL, 16);
	*text = strchr(p + 2, '\t');
	if (!*text)
		return false;
	for (*len = 0, p += 2; p < *text && isxdigit((unsigned char)*p) && *len < INSN_MAX_LENGTH; p += 3)
		bytes[(*len)++] = strtoul(p, NULL, 16);
	return *len > 0;
}

#define MAX_REASONS 200
static struct {
	char name[16]; /* objdump's first word */
	char example[300];
	unsigned count;
} reasons[MAX_REASONS];

static void note_difference(u64 ip, const char *theirs, const char *ours)
{
	char name[sizeof(reasons->name)] = "";

	sscanf(theirs, "%15s", name);
	for (size_t i = 0; i < MAX_REASONS; i++) {
		if (!reasons[i].count) {
			strcpy(reasons[i].name, name);
			snprintf(reasons[i].example, sizeof(reasons[i].example),
				 "%" PRIx64 ": '%.100s', we '%.100s'", ip, theirs, ours);
		}
		if (reasons[i].count && strcmp(reasons[i].name, name) != 0)
			continue;
		reasons[i].count++;
		return;
	}
}

static void test_objdump(void **state __unused)
{
	const char *file = getenv("ELF") ?: "build/nestling.elf";
	char command[1000], line[1000], *text;
	unsigned total = 0, same = 0;
	u8 bytes[INSN_MAX_LENGTH];
	size_t len;
	FILE *dump;
	u64 ip;

	snprintf(command, sizeof(command), "objdump -d -z -j .text --insn-width=16 '%s'", file);
	dump = popen(command, "r");
	assert_non_null(dump);
	while (fgets(line, sizeof(line), dump)) {
		char ours[INSN_TEXT_MAX];

		if (!parse_line(line, &ip, bytes, &len, &text) || strstr(text, "(bad)"))
			continue;
		strcpy(ours, format(bytes, len, ip));
		normalise(ours);
		normalise(text);
		total++;
		if (strcmp(ours, text) == 0)
			same++;
		else
			note_difference(ip, text, ours);
	}
	assert_int_equal(pclose(dump), 0);
	printf("# %s: %u instructions, %u alike\n", file, total, same);
	for (size_t i = 0; i < MAX_REASONS && reasons[i].count; i++)
		printf("#   %u %s: as at %s\n", reasons[i].count, reasons[i].name, reasons[i].example);
	assert_true(total > 10000);
	assert_true(same * 100ul >= total * 99ul);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_samples),
	cmocka_unit_test(test_random),
	cmocka_unit_test(test_objdump),
};

HOST_TEST_MAIN(tests)
