/* The instruction decoder's work for the sweep: each opcode of each map, with each kind of operand, decoded, copied and told. */
#include "arch/x86/insn/insn.h"
#include "lib/string.h"
#include "tests/kernel/sweep.h"

#define AT 0xffffffff80100000ul /* where they'd stand */

/* What leads to the opcode. */
static const struct {
	u8 bytes[5], length;
} leads[] = {
	{ "", 0 },
	{ "\x66", 1 },
	{ "\xf3", 1 },
	{ "\xf2", 1 },
	{ "\x67", 1 },
	{ "\x48", 1 },
	{ "\x66\x4f", 2 },
	{ "\xf0\x2e\x41", 3 },
	{ "\x64\x44", 2 },
	{ "\x0f", 1 },
	{ "\x66\x0f", 2 },
	{ "\xf3\x0f", 2 },
	{ "\xf2\x48\x0f", 3 },
	{ "\x48\x0f", 2 },
	{ "\x0f\x38", 2 },
	{ "\x66\x0f\x38", 3 },
	{ "\xf2\x0f\x38", 3 },
	{ "\x0f\x3a", 2 },
	{ "\x66\x0f\x3a", 3 },
	{ "\xc5\xf8", 2 },
	{ "\xc4\xe2\x79", 3 },
	{ "\xc4\xe3\xfd", 3 },
	{ "\x62\xf1\x7c\x48", 4 },
	{ "\x62\xf5\x7c\x08", 4 },
	{ "\x8f\xe9\x78", 3 },
};
/* The operand behind it: every mod, rip-relative, a SIB byte without and with a base. */
static const u8 operands[][2] = {
	{ 0x05, 0x10 }, { 0x04, 0x25 }, { 0x44, 0x98 }, { 0x84, 0x04 }, { 0xc3, 0x01 },
	{ 0xd8, 0x7f }, { 0x0e, 0xff }, { 0x13, 0x33 }, { 0xe1, 0x66 }, { 0x2f, 0x0f },
	{ 0xf7, 0x02 }, { 0x38, 0x90 }, { 0x60, 0x20 }, { 0xfa, 0x80 },
};

static u64 one(const u8 *bytes, size_t max, u64 sum)
{
	char text[INSN_TEXT_MAX];
	u8 copy[INSN_MAX_LENGTH];
	struct insn insn;
	int err = insn_decode(&insn, bytes, max);

	if (err)
		return sum * 31 + (u64)(s64)err;
	insn_format(text, sizeof(text), &insn, AT, bytes);
	sum = sum * 31 + insn.length + (u64)insn_fixes(&insn) + (insn_cannot_displace(&insn) != NULL) +
	      2 * insn_can_boost(&insn) + 4 * insn_can_step(&insn) + strlen(insn_class_name(insn.class));
	sum += (u64)(s64)insn_copy(copy, bytes, &insn, AT, AT + 0x20000000) + copy[0];
	for (const char *c = text; *c; c++)
		sum = sum * 31 + (u8)*c;
	return sum;
}

u64 sweep_decode(void)
{
	u64 sum = 0;
	u8 bytes[INSN_MAX_LENGTH + 1];

	for (size_t l = 0; l < ARRAY_SIZE(leads); l++)
		for (unsigned opcode = 0; opcode < 256; opcode++) {
			size_t n = leads[l].length;

			memset(bytes, 0x11, sizeof(bytes));
			memcpy(bytes, leads[l].bytes, n);
			bytes[n] = (u8)opcode;
			for (size_t k = (opcode + l) % 7; k < ARRAY_SIZE(operands); k += 7) {
				memcpy(bytes + n + 1, operands[k], sizeof(operands[k]));
				sum = one(bytes, INSN_MAX_LENGTH, sum);
			}
			sum = one(bytes, n + 1 + opcode % 4, sum); /* cut short */
		}
	return sum;
}
