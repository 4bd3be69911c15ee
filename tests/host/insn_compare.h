/* Our decoder against Zydis, an independent one, on the same bytes. */
#pragma once

#include "tests/host/host.h"
#include <Zydis/Zydis.h>

#include "arch/x86/insn/insn.h"

enum verdict {
	BOTH_ACCEPT,  /* and every fact is the same */
	BOTH_REFUSE,  /* ditto */
	WE_ACCEPT,    /* what Zydis refuses, for a reason in insn_compare.c's table */
	DISAGREEMENT, /* a bug in one of the two */
};

struct comparison {
	enum verdict verdict;
	u8 reason;     /* of WE_ACCEPT: a number below INSN_REASONS */
	u8 length;     /* Zydis's, 0 if it refuses */
	char why[120]; /* of a disagreement */
};

#define INSN_REASONS 12
const char *insn_reason_text(unsigned reason); /* NULL: no such */
void insn_compare_init(void);
struct comparison insn_compare(const u8 *bytes, size_t max);
/* "# WHERE: 0f 0b ...: why", for a reader of TAP. */
void insn_complain(const char *where, const u8 *bytes, size_t len, const char *why);
