/* lib/printf against libc's: a table of corner cases, a hundred thousand random formats, and what libc has
 * not. */
#include "tests/host/host.h"
#include "lib/symtab.h"

#define SPACE 400

/* %pS takes its names from here. */
static const u32 offsets[] = { 0, 0x40 }, sizes[] = { 0x20, 0x10 }, names[] = { 0, 6 };
const struct symtab kernel_symtab = {
	.base = 0xffffffff80001000,
	.count = 2,
	.offsets = offsets,
	.sizes = sizes,
	.names = names,
	.strings =
		"first\0a_name_that_is_much_longer_than_any_buffer_that_a_formatter_on_a_small_stack_would_"
		"care_to_set_aside",
};

#define SAME(...)                                                              \
	do {                                                                   \
		char ours[SPACE], libc[SPACE];                                 \
		int want = snprintf(libc, SPACE, __VA_ARGS__);                 \
                                                                               \
		assert_int_equal(nl_snprintf(ours, SPACE, __VA_ARGS__), want); \
		assert_string_equal(ours, libc);                               \
	} while (0)

#define GIVES(text, ...)                                                               \
	do {                                                                           \
		char ours[SPACE];                                                      \
                                                                                       \
		assert_int_equal(nl_snprintf(ours, SPACE, __VA_ARGS__), strlen(text)); \
		assert_string_equal(ours, text);                                       \
	} while (0)

static void test_plain(void **state)
{
	SAME("%s", "");
	SAME("no conversion");
	SAME("100%%");
	SAME("%d%%%s|", 3, "x");
	SAME("[%s] [%10s] [%-10s] [%.2s] [%10.2s] [%.0s] [%.*s]", "abc", "abc", "abc", "abc", "abc", "abc", 1,
	     "abc");
	SAME("[%c] [%5c] [%-5c]", 'a', 'b', 'c');
	SAME("[%*d] [%*d] [%-*d] [%.*d]", 5, 42, -5, 42, 5, 42, -1, 42);
}

static void test_integers(void **state)
{
	static const s64 values[] = { 0,       1,	-1,	  9,	     10,       127,
				      128,     -128,	255,	  32767,     -32768,   65535,
				      INT_MAX, INT_MIN, UINT_MAX, INT64_MAX, INT64_MIN };

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		s64 v = values[i];
		int n = v;

		SAME("%d %i %u %o %x %X", n, n, n, n, n, n);
		SAME("%hhd %hhu %hhx %hd %hu %ho", n, n, n, n, n, n);
		SAME("%ld %lu %lx %lo", v, v, v, v);
		SAME("%lld %llu %llX", (long long)v, (long long)v, (long long)v);
		SAME("%zd %zu %zx %td", v, v, v, v);
		SAME("%+d %-+8d| %+08d %+-8.3d| % d % 08d", n, n, n, n, n, n);
		SAME("%#o %#x %#X %#8o %#08x %#-8x| %#.4o %#8.4x", n, n, n, n, n, n, n, n);
		SAME("[%.0d] [%+.0d] [%5.0d] [%.0x] [%#.0x] [%.0o] [%#.0o]", n, n, n, n, n, n, n);
		SAME("[%8.3d] [%-8.3d] [%.30d] [%030d] [%30d]", n, n, n, n, n);
	}
}

static void test_pointers(void **state)
{
	void *p = (void *)0xffffffff80001010;
	const char *volatile nothing = NULL; /* volatile: GCC would warn */

	SAME("%p [%30p] [%-30p]", p, p, p);
	GIVES("0x0", "%p", NULL);
	GIVES("(null) [  (null)] [(nu]", "%s [%8s] [%.3s]", nothing, nothing, nothing);
}

static void test_symbols(void **state)
{
	char ours[SPACE];

	GIVES("first+0x10/0x20", "%pS", (void *)0xffffffff80001010);
	GIVES("<first+0x0/0x20    |", "<%-18pS|", (void *)0xffffffff80001000);
	GIVES("0xffffffff80001020", "%pS", (void *)0xffffffff80001020);
	GIVES("0x0", "%pS", NULL);
	GIVES("first", "%ps", (void *)0xffffffff80001010);
	GIVES("   first|", "%8ps|", (void *)0xffffffff80001010);
	GIVES("0xffffffff80001020", "%ps", (void *)0xffffffff80001020);
	/* A name too long for the formatter's own stack is cut, and what follows stands. */
	assert_int_equal(nl_snprintf(ours, SPACE, "%pS|", (void *)0xffffffff80001044), 96);
	assert_memory_equal(ours, kernel_symtab.strings + 6, 95);
	assert_string_equal(ours + 95, "|");
}

/* What C leaves undefined must at least be shown, not swallow text or arguments. */
static void test_unknown(void **state)
{
	const char *fmt = "%q %5.1k %d %";

	GIVES("%q %5.1k 7 %", fmt, 7);
	GIVES("-", "-%s", "");
}

/* Counts beyond what an int holds must not run over. */
static void test_huge_counts(void **state)
{
	const char *volatile fmt = "%.99999999999999999999s"; /* volatile: GCC would warn */

	GIVES("abc", fmt, "abc");
	GIVES("abc", "%.*s", INT_MAX, "abc");
	GIVES("abc", "%.*s", INT_MIN, "abc");
}

static void test_sizes(void **state)
{
	for (size_t size = 0; size < 12; size++) {
		char ours[12], libc[12];

		memset(ours, '#', 12);
		memset(libc, '#', 12);
		assert_int_equal(nl_snprintf(ours, size, "%s-%05d", "abc", 12),
				 snprintf(libc, size, "%s-%05d", "abc", 12));
		assert_memory_equal(ours, libc, 12);
	}
	assert_int_equal(nl_snprintf(NULL, 0, "%1000d", 1), 1000);
}

static void count_piece(void *arg, const char *text, size_t len) { *(size_t *)arg += len; }

static int call_vformat(size_t *count, const char *fmt, ...)
{
	va_list ap;
	int total;

	va_start(ap, fmt);
	total = vformat(count_piece, count, fmt, ap);
	va_end(ap);
	return total;
}

static void test_vformat_total(void **state)
{
	size_t count = 0;

	assert_int_equal(call_vformat(&count, "%d %100s %c", 12345, "x", 'c'), 108);
	assert_int_equal(count, 108);
}

/*
 * Random formats: literal text and up to three conversions, each with what C defines for it. Every
 * argument is passed as a u64; on x86-64 a narrower one is read from the same eight bytes.
 */
struct random_format {
	char text[200];
	size_t len;
	u64 args[9];
	int nr_args;
};

static void add(struct random_format *f, const char *text)
{
	f->len += snprintf(f->text + f->len, sizeof(f->text) - f->len, "%s", text);
}

static void add_arg(struct random_format *f, u64 value) { f->args[f->nr_args++] = value; }

static bool one_in(unsigned n) { return host_random_below(n) == 0; }

static void add_count(struct random_format *f, int lowest)
{
	int count = lowest + (int)host_random_below(40 - lowest);
	char digits[8];

	if (one_in(3)) {
		add(f, "*");
		add_arg(f, (u64)(s64)count);
	} else {
		snprintf(digits, sizeof(digits), "%d", abs(count) + (lowest < 0));
		add(f, digits);
	}
}

static void add_flags(struct random_format *f, const char *allowed)
{
	for (; *allowed; allowed++)
		if (one_in(4))
			add(f, (char[]){ *allowed, '\0' });
}

static u64 random_value(void)
{
	/* All magnitudes alike, and the neighbours of powers of two. */
	u64 v = host_random() >> host_random_below(64);

	if (one_in(4))
		v = (1ull << host_random_below(64)) - host_random_below(2);
	return one_in(3) ? -v : v;
}

static void add_integer(struct random_format *f)
{
	static const char *const lengths[] = { "", "hh", "h", "l", "ll", "z", "t" };
	char letter = "diuxXo"[host_random_below(6)];
	bool is_signed = letter == 'd' || letter == 'i';

	add_flags(f, is_signed ? "-+ 0" : letter == 'u' ? "-0" : "-#0");
	if (one_in(2))
		add_count(f, -20);
	if (one_in(2)) {
		add(f, ".");
		if (!one_in(6))
			add_count(f, 0);
	}
	add(f, lengths[host_random_below(ARRAY_SIZE(lengths))]);
	add(f, (char[]){ letter, '\0' });
	add_arg(f, random_value());
}

static void add_text(struct random_format *f)
{
	static const char *const texts[] = { "", "a", "hello", "sixteen letters!",
					     "something longer than 16 letters" };

	add_flags(f, "-");
	if (one_in(2))
		add_count(f, -20);
	if (one_in(4)) {
		add(f, "c");
		add_arg(f, host_random_below(256));
	} else if (one_in(4)) {
		add(f, "p");
		add_arg(f, host_random() | 1);
	} else {
		if (one_in(2)) {
			add(f, ".");
			add_count(f, 0);
		}
		add(f, "s");
		add_arg(f, (uintptr_t)texts[host_random_below(ARRAY_SIZE(texts))]);
	}
}

static void make_format(struct random_format *f)
{
	static const char *const literals[] = { "", " ", "x=", "%%", "[", "a longer text in between, " };

	*f = (struct random_format){ .len = 0 };
	for (int i = host_random_below(4); i; i--) {
		add(f, literals[host_random_below(ARRAY_SIZE(literals))]);
		add(f, "%");
		if (one_in(3))
			add_text(f);
		else
			add_integer(f);
	}
	add(f, literals[host_random_below(ARRAY_SIZE(literals))]);
}

typedef int (*snprintf_fn)(char *buf, size_t size, const char *fmt, ...);

static int print(snprintf_fn fn, char *buf, size_t size, const struct random_format *f)
{
	const u64 *a = f->args;

	memset(buf, '#', SPACE);
	return fn(buf, size, f->text, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8]);
}

static void test_random(void **state)
{
	char ours[SPACE], libc[SPACE];
	struct random_format f;

	for (int i = 0; i < 100000; i++) {
		size_t size = one_in(4) ? host_random_below(60) : SPACE;
		int got, want;

		make_format(&f);
		got = print(nl_snprintf, ours, size, &f);
		want = print(snprintf, libc, size, &f);
		if (got != want || memcmp(ours, libc, SPACE))
			fail_msg("turn %d, format \"%s\", size %zu: %d \"%.*s\", libc %d \"%.*s\"", i, f.text,
				 size, got, SPACE, ours, want, SPACE, libc);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_plain),	cmocka_unit_test(test_integers),      cmocka_unit_test(test_pointers),
	cmocka_unit_test(test_symbols), cmocka_unit_test(test_huge_counts),   cmocka_unit_test(test_unknown),
	cmocka_unit_test(test_sizes),	cmocka_unit_test(test_vformat_total), cmocka_unit_test(test_random),
};
HOST_TEST_MAIN(tests)
