/* Comparing what two runs of a piece of code left behind. */
#include "tests/kernel/machine.h"

#include "lib/ktest.h"

const struct machine machine_pattern = {
	.ax = 0x1111111111111111,
	.bx = 0x2222222222222222,
	.cx = 0x3333333333333333,
	.dx = 0x4444444444444444,
	.si = 0x5555555555555555,
	.di = 0x6666666666666666,
	.bp = 0x7777777777777777,
	.r8 = 0x8888888888888888,
	.r9 = 0x9999999999999999,
	.r10 = 0xaaaaaaaaaaaaaaaa,
	.r11 = 0xbbbbbbbbbbbbbbbb,
	.r12 = 0xcccccccccccccccc,
	.r13 = 0xdddddddddddddddd,
	.r14 = 0xeeeeeeeeeeeeeeee,
	.r15 = 0xf0f0f0f0f0f0f0f0,
};

static const char *const names[] = { "ax",  "bx",  "cx",  "dx",	 "si",	"di",  "bp",	"r8", "r9",
				     "r10", "r11", "r12", "r13", "r14", "r15", "flags", "sp" };
static_assert(ARRAY_SIZE(names) == sizeof(struct machine) / 8, "a name for each");

void machine_expect_same(const char *name, int n, const struct machine *got, const struct machine *want)
{
	const u64 *g = &got->ax, *w = &want->ax;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (g[i] != w[i])
			ktest_fail(name, n, names[i], g[i], w[i]);
}
