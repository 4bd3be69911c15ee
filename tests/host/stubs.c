/* What kernel code expects below itself and a host program has not: a log, an end of the world, a symbol
 * table. */
#include "tests/host/host.h"
#include "lib/bug.h"
#include "lib/printk.h"
#include "lib/symtab.h"

/* Weak: a test that wants symbols brings its own. */
const struct symtab kernel_symtab __attribute__((weak)) = { .count = 0 };
const struct symtab data_symtab __attribute__((weak)) = { .count = 0 };

void vprintk(const char *fmt, va_list ap)
{
	char line[512];

	nl_vsnprintf(line, sizeof(line), fmt, ap);
	fputs(line, stderr);
}

void printk(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintk(fmt, ap);
	va_end(ap);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintk(fmt, ap);
	va_end(ap);
	abort();
}

u64 host_seed(void)
{
	static u64 seed;

	if (!seed) {
		const char *text = getenv("SEED");

		seed = text && *text ? strtoull(text, NULL, 0) : (u64)time(NULL);
		seed += !seed;
		fprintf(stderr, "# SEED=%" PRIu64 "\n", seed);
	}
	return seed;
}

u64 host_random(void)
{
	static u64 state;

	/* Marsaglia's xorshift needs a state that is not 0. */
	if (!state)
		state = host_seed() * 0x9e3779b97f4a7c15ull | 1;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

bool host_torture(void)
{
	const char *text = getenv("STRESS");

	return text && strtoul(text, NULL, 10) > 1;
}
