/* What is known of an instruction, in Zydis's terms: for the files that decode. */
#pragma once

#include "tools/noinstr-check/check.h"

#include <Zydis/Zydis.h>

#define MAX_LENGTH 15

struct decoded {
	ZydisDecodedInstruction i;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
};

/* insn.c */
ZydisDecoder *decoder(void);
/* The instruction at @addr, which must end by @end. */
bool decode(const struct image *img, u64 addr, u64 end, struct decoded *out);
bool is_padding(const struct decoded *d, const u8 *bytes);
u8 flow_of(const struct decoded *d, u64 addr, u64 *target);
u8 stack_of(const struct decoded *d, int64_t *n);
