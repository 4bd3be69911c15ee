/* Code of the lowest floor that the kernel calls with few of the arguments that it takes: the sweep calls it with the others. */
#include "lib/compiler.h"
#include "lib/glob.h"
#include "lib/printf.h"
#include "lib/seq.h"
#include "lib/string.h"
#include "tests/kernel/sweep.h"

static u64 hash(u64 h, const char *text)
{
	while (*text)
		h = (h ^ (u8)*text++) * 0x100000001b3;
	return h;
}

/* The compiler may not look into the format: it would call something else. */
static u64 formats(void)
{
	static const char *const numbers[] = { "%d",	  "%5d", "%-5d|", "%05d",  "%+d",   "% d",  "%.5d",
					       "%-8.3d|", "%hd", "%hhd",  "%hu",   "%hhu",  "%x",   "%#x",
					       "%X",	  "%#X", "%o",	  "%#o",   "%#.3o", "%08x", "%u",
					       "%c",	  "%5c", "%-5c|", "%%",	   "%i",    "%.0d", "%#010x",
					       "%k",	  "%",	 "%5",	  "%-08d|" };
	static const char *const longs[] = { "%ld",    "%lu", "%lx",  "%#lx",	"%lo",	 "%lld",
					     "%llu",   "%zu", "%zx",  "%zd",	"%20ld", "%-20lx|",
					     "%.12lu", "%p",  "%20p", "%-20p|", "%jd",	 "%td" };
	static const char *const texts[] = { "%s",     "%10s",	   "%-10s|", "%.3s",
					     "%10.3s", "%-10.3s|", "%.0s",   "%5.9s" };
	static const int ints[] = { 0, 1, -1, 77, -30000, INT32_MAX, -INT32_MAX - 1 };
	const char *volatile format;
	char text[64];
	u64 h = 0;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		for (size_t k = 0; k < ARRAY_SIZE(ints); k++) {
			format = numbers[i];
			snprintf(text, sizeof(text), format, ints[k]);
			h = hash(h, text);
		}
	for (size_t i = 0; i < ARRAY_SIZE(longs); i++)
		for (size_t k = 0; k < ARRAY_SIZE(ints); k++) {
			format = longs[i];
			snprintf(text, sizeof(text), format, (long)ints[k] * 0x10001);
			h = hash(h, text);
		}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		format = texts[i];
		snprintf(text, sizeof(text), format, "some text");
		h = hash(h, text);
		snprintf(text, sizeof(text), format, (const char *)NULL);
		h = hash(h, text);
	}
	format = "%*d|%-*d|%.*s|%*s";
	snprintf(text, sizeof(text), format, 7, 1, -7, 2, 3, "abcdef", -9, "x");
	h = hash(h, text);
	format = "%pS %ps %pB";
	snprintf(text, 20, format, (void *)formats, (void *)formats, (void *)formats);
	return hash(h, text);
}

static u64 globs(void)
{
	static const char *const patterns[] = { "",	 "*",	   "a*",      "*a",	"*a*",
						"a?c",	 "[abc]*", "[a-c]?c", "[!a]*",	"[^a]*",
						"[a",	 "[]]*",   "[!]]*",   "a\\*c",	"*b*c*",
						"**c",	 "a**",	   "?*?",     "\\",	"[a-]*",
						"[-a]*", "[z-a]*", "*[bc]*",  "a[b]c?", "????" };
	static const char *const names[] = { "", "a", "abc", "a*c", "xbc", "]bc", "-bc", "aabbcc", "abcd" };
	u64 sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			sum = sum * 3 + glob_match(patterns[i], names[k]);
	return sum;
}

static u64 numbers(void)
{
	static const char *const texts[] = { "",
					     "0",
					     "1",
					     "077",
					     "0x",
					     "0x1F",
					     "0X1f",
					     "9z",
					     "18446744073709551615",
					     "18446744073709551616",
					     "0xg",
					     "-1",
					     "+1",
					     " 1",
					     "1 ",
					     "08",
					     "0xffffffffffffffff",
					     "0x10000000000000000",
					     "z" };
	static const int bases[] = { 0, 8, 10, 16 };
	u64 sum = 0, value = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (size_t k = 0; k < ARRAY_SIZE(bases); k++)
			sum = sum * 31 + parse_u64(texts[i], strlen(texts[i]), (unsigned)bases[k], &value) +
			      value;
	return sum;
}

static u64 strings(void)
{
	char to[16], other[16] = "abcabc";
	u64 sum = (u64)strscpy(to, "0123456789", sizeof(to)) +
		  (u64)strscpy(to, "too long for what there is", sizeof(to));

	memmove(to + 2, to, 8);
	memmove(to, to + 3, 8);
	sum = sum * 31 + (u64)(memcmp(to, other, sizeof(to)) > 0) + (u64)(strcmp(to, other) > 0) +
	      (u64)(strncmp(other, "abd", 3) < 0);
	sum = sum * 31 + (strchr(other, 'c') != NULL) + (strchr(other, 'z') != NULL) +
	      (strstr(other, "ca") != NULL) + (strstr(other, "zz") != NULL) + (strrchr(other, 'a') != NULL);
	return sum * 31 + strnlen(other, 3) + strnlen(other, 16);
}

u64 sweep_pure(void) { return ((formats() * 31 + globs()) * 31 + numbers()) * 31 + strings(); }
