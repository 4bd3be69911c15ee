/*
 * The decoder against Zydis: every opcode of the legacy maps with every modrm under the prefixes that
 * change lengths, then FUZZ_INSN (500,000) random and mutated byte strings.
 */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "tests/host/insn_compare.h"
#include <elf.h>
#include <link.h>

#define MAX_COMPLAINTS 20

struct tally {
	u64 verdicts[DISAGREEMENT + 1];
	u64 reasons[INSN_REASONS];
};

static void check(struct tally *t, const char *where, const u8 *bytes)
{
	struct comparison c = insn_compare(bytes, INSN_MAX_LENGTH);

	if (c.verdict == DISAGREEMENT && t->verdicts[DISAGREEMENT] < MAX_COMPLAINTS)
		insn_complain(where, bytes, INSN_MAX_LENGTH, c.why);
	t->verdicts[c.verdict]++;
	if (c.verdict == WE_ACCEPT)
		t->reasons[c.reason]++;
}

static void report(const char *what, const struct tally *t)
{
	printf("# %s: %" PRIu64 " accepted by both, %" PRIu64 " refused by both, %" PRIu64
	       " accepted by us alone, %" PRIu64 " disagreements\n",
	       what, t->verdicts[BOTH_ACCEPT], t->verdicts[BOTH_REFUSE], t->verdicts[WE_ACCEPT],
	       t->verdicts[DISAGREEMENT]);
	for (unsigned r = 0; r < INSN_REASONS; r++)
		printf("#   by us alone: %" PRIu64 " %s\n", t->reasons[r], insn_reason_text(r));
}

/* The last byte of each string is where a map's opcode follows. */
static const struct {
	const char *bytes;
	size_t len;
} lead_ins[] = {
#define LEAD_IN(s)               \
	{                        \
		s, sizeof(s) - 1 \
	}
	LEAD_IN(""),	     LEAD_IN("\x66"),	  LEAD_IN("\xf2"), LEAD_IN("\xf3"),	LEAD_IN("\x67"),
	LEAD_IN("\x66\xf2"), LEAD_IN("\x66\xf3"), LEAD_IN("\x48"), LEAD_IN("\x4f"),	LEAD_IN("\x66\x48"),
	LEAD_IN("\x48\x66"), LEAD_IN("\x67\x48"), LEAD_IN("\xf0"), LEAD_IN("\xf0\x44"), LEAD_IN("\xf2\xf0"),
};
static const struct {
	const char *bytes;
	size_t len;
} escapes[] = {
	LEAD_IN(""),
	LEAD_IN("\x0f"),
	LEAD_IN("\x0f\x38"),
	LEAD_IN("\x0f\x3a"),
#undef LEAD_IN
};

static void sweep_map(struct tally *t, size_t lead, size_t escape)
{
	u8 bytes[INSN_MAX_LENGTH];

	for (unsigned opcode_and_modrm = 0; opcode_and_modrm < 0x10000; opcode_and_modrm++) {
		size_t n = 0;

		for (size_t i = 0; i < lead_ins[lead].len; i++)
			bytes[n++] = lead_ins[lead].bytes[i];
		for (size_t i = 0; i < escapes[escape].len; i++)
			bytes[n++] = escapes[escape].bytes[i];
		bytes[n++] = opcode_and_modrm >> 8;
		bytes[n++] = opcode_and_modrm & 0xff;
		/* Enough like nothing: sib 25 is the one that asks for a displacement. */
		bytes[n++] = opcode_and_modrm & 0x100 ? 0x25 : 0x9c;
		for (; n < INSN_MAX_LENGTH; n++)
			bytes[n] = 0x80 + n;
		check(t, "sweep", bytes);
	}
}

static void test_sweep(void **state __unused)
{
	struct tally t = { 0 };

	for (size_t lead = 0; lead < ARRAY_SIZE(lead_ins); lead++)
		for (size_t escape = 0; escape < ARRAY_SIZE(escapes); escape++)
			sweep_map(&t, lead, escape);
	report("sweep", &t);
	assert_int_equal(t.verdicts[DISAGREEMENT], 0);
	assert_true(t.verdicts[BOTH_ACCEPT] > 1000000);
}

/* Executable memory of this process: real instructions to start from. */
struct code {
	const u8 *start;
	size_t size;
};
static struct code codes[16];
static size_t code_count;

static int note_code(struct dl_phdr_info *info, size_t size __unused, void *arg __unused)
{
	bool wanted = !info->dlpi_name[0] || strstr(info->dlpi_name, "/libc.so");

	for (int i = 0; wanted && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && (p->p_flags & PF_X) && code_count < ARRAY_SIZE(codes))
			codes[code_count++] =
				(struct code){ (const u8 *)info->dlpi_addr + p->p_vaddr, p->p_memsz };
	}
	return 0;
}

/* Bytes from an instruction boundary, or nearly always so: a few decoded instructions find the rhythm. */
static void take_code(u8 *bytes)
{
	const struct code *c = &codes[host_random_below(code_count)];
	const u8 *p = c->start + host_random_below(c->size - 20 * INSN_MAX_LENGTH);

	for (int i = 0; i < 16; i++) {
		u8 length = insn_compare(p, INSN_MAX_LENGTH).length;

		p += length ? length : 1;
	}
	memcpy(bytes, p, INSN_MAX_LENGTH);
}

static void randomise(u8 *bytes, size_t from)
{
	for (size_t i = from; i < INSN_MAX_LENGTH; i++)
		bytes[i] = host_random();
}

static void insert(u8 *bytes, u8 byte)
{
	memmove(bytes + 1, bytes, INSN_MAX_LENGTH - 1);
	bytes[0] = byte;
}

static void insert_prefixes(u8 *bytes)
{
	static const u8 prefixes[] = { 0x66, 0xf2, 0xf3, 0x67, 0x26, 0x2e, 0x36, 0x3e,
				       0x64, 0x65, 0xf0, 0xf0, 0x40, 0x44, 0x48, 0x4f };

	for (u64 n = 1 + host_random_below(4); n; n--)
		insert(bytes, prefixes[host_random_below(sizeof(prefixes))]);
}

/* Random bytes behind a random escape, with the bits that must be right set right. */
static void randomise_escaped(u8 *bytes)
{
	static const u8 escapes[] = { 0x0f, 0xc5, 0xc4, 0x62, 0x8f };

	randomise(bytes, 1);
	bytes[0] = escapes[host_random_below(sizeof(escapes))];
	if (bytes[0] == 0x0f && host_random_below(2))
		bytes[1] = host_random_below(2) ? 0x38 : 0x3a;
	if (bytes[0] == 0xc4)
		bytes[1] = (bytes[1] & 0xe0) | (1 + host_random_below(3));
	if (bytes[0] == 0x8f)
		bytes[1] = (bytes[1] & 0xe0) | (8 + host_random_below(3));
	if (bytes[0] == 0x62) {
		bytes[1] &= 0xf7;
		bytes[2] |= 0x04;
	}
	if (host_random_below(4) == 0)
		insert_prefixes(bytes);
}

static void make_case(u8 *bytes)
{
	switch (host_random_below(6)) {
	case 0:
		randomise(bytes, 0);
		break;
	case 1:
		randomise_escaped(bytes);
		break;
	case 2:
		take_code(bytes);
		break;
	case 3:
		take_code(bytes);
		bytes[host_random_below(6)] ^= 1 << host_random_below(8);
		break;
	case 4:
		take_code(bytes);
		for (u64 n = 1 + host_random_below(3); n; n--)
			bytes[host_random_below(8)] = host_random();
		break;
	default:
		take_code(bytes);
		insert_prefixes(bytes);
	}
}

static void test_fuzz(void **state __unused)
{
	const char *text = getenv("FUZZ_INSN");
	u64 count = text && *text ? strtoull(text, NULL, 0) : 500000;
	struct tally t = { 0 };
	u8 bytes[INSN_MAX_LENGTH];

	dl_iterate_phdr(note_code, NULL);
	assert_true(code_count >= 2);
	for (u64 i = 0; i < count; i++) {
		make_case(bytes);
		check(&t, "fuzz", bytes);
	}
	report("fuzz", &t);
	assert_int_equal(t.verdicts[DISAGREEMENT], 0);
	/* Else the cases are too wild to say anything. */
	assert_true(t.verdicts[BOTH_ACCEPT] >= count / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sweep), cmocka_unit_test(test_fuzz) };

	insn_compare_init();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
