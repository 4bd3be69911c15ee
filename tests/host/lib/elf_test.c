/* Programs: a good one is laid out as it says, each way to be wrong has its sentence, and nothing outside is ever read. */
#include "tests/host/host.h"
#include "abi/rights.h"
#include "lib/elf.h"

#define START 0x1000ul
#define END   0x7ffffffff000ul

/* The offsets are those of the headers (System V ABI, figures 4-3 and 5-1). */
#define HEADER	  64
#define PROGRAM	  56
#define PH(i, at) (HEADER + (i)*PROGRAM + (at))

static u8 file[1024];
static struct elf_program prog;

static void put(size_t at, u64 value, size_t size) { memcpy(file + at, &value, size); }

static void segment(unsigned i, u32 flags, u64 offset, u64 va, u64 file_size, u64 size)
{
	put(PH(i, 0), 1, 4);
	put(PH(i, 4), flags, 4);
	put(PH(i, 8), offset, 8);
	put(PH(i, 16), va, 8);
	put(PH(i, 32), file_size, 8);
	put(PH(i, 40), size, 8);
}

static int start(void **state)
{
	memset(file, 0, sizeof(file));
	memcpy(file, "\177ELF\2\1\1", 7);
	put(16, 2, 2);
	put(18, 62, 2);
	put(24, 0x400010, 8);
	put(32, HEADER, 8);
	put(54, PROGRAM, 2);
	put(56, 3, 2);
	segment(0, 5, 0x200, 0x400000, 0x80, 0x80);
	segment(1, 4, 0x280, 0x401004, 0x10, 0x10);
	segment(2, 6, 0x300, 0x402ff0, 0x20, 0x3020);
	return 0;
}

/* In a block of its very size, so that a byte too far is found. */
static const char *parse(size_t len)
{
	u8 *copy = malloc(len ?: 1);
	const char *why;
	size_t sum = 0;

	memcpy(copy, file, len);
	why = elf_parse(copy, len, START, END, &prog);
	for (unsigned i = 0; !why && i < prog.nr_segments; i++) {
		const struct elf_segment *s = &prog.segments[i];

		assert_true(s->va >= START && s->pages <= (END - s->va) / 4096 &&
			    s->at + s->size <= s->pages * 4096);
		assert_true(!i || s->va >= s[-1].va + s[-1].pages * 4096);
		assert_true((s->rights & (RIGHT_WRITE | RIGHT_EXECUTE)) != (RIGHT_WRITE | RIGHT_EXECUTE));
		for (size_t k = 0; k < s->size; k++)
			sum += s->data[k];
	}
	assert_true(sum < ~0ul);
	free(copy);
	return why;
}

static void a_good_one(void **state)
{
	assert_null(parse(sizeof(file)));
	assert_int_equal(prog.entry, 0x400010);
	assert_int_equal(prog.nr_segments, 3);
	assert_int_equal(prog.segments[0].rights, RIGHT_READ | RIGHT_EXECUTE);
	assert_int_equal(prog.segments[0].pages, 1);
	assert_int_equal(prog.segments[1].va, 0x401000);
	assert_int_equal(prog.segments[1].at, 4);
	assert_int_equal(prog.segments[1].rights, RIGHT_READ);
	assert_int_equal(prog.segments[2].va, 0x402000);
	assert_int_equal(prog.segments[2].pages, 5); /* from 402ff0 to 406010 */
	assert_int_equal(prog.segments[2].rights, RIGHT_READ | RIGHT_WRITE);
}

/* What is put where, and the sentence's words. */
static const struct {
	size_t at;
	u64 value;
	size_t size;
	const char *words;
} bad[] = {
	{ 0, 'E', 1, "isn't an ELF file" },
	{ 4, 1, 1, "isn't for x86-64" },
	{ 5, 2, 1, "isn't for x86-64" },
	{ 18, 3, 2, "isn't for x86-64" },
	{ 16, 3, 2, "static program" },
	{ 54, 55, 2, "another size" },
	{ 32, 1025, 8, "headers lie outside" },
	{ 32, ~0ul, 8, "headers lie outside" },
	{ 32, ~0ul - 100, 8, "headers lie outside" },
	{ 56, 0xffff, 2, "headers lie outside" },
	{ PH(0, 8), 1025, 8, "bytes lie outside" },
	{ PH(0, 8), ~0ul - 0x7f, 8, "bytes lie outside" },
	{ PH(0, 32), ~0ul, 8, "bytes lie outside" },
	{ PH(2, 32), 0x101, 8, "bytes lie outside" },
	{ PH(0, 32), 0x81, 8, "more bytes than room" },
	{ PH(0, 16), 0, 8, "can't be mapped" },
	{ PH(0, 16), 0xfff, 8, "can't be mapped" },
	{ PH(2, 16), END - 0x3010, 8, "can't be mapped" },
	{ PH(2, 16), END, 8, "can't be mapped" },
	{ PH(2, 16), 0xffffffff80100000, 8, "can't be mapped" },
	{ PH(2, 40), ~0ul, 8, "can't be mapped" },
	{ PH(0, 4), 7, 4, "both writable and executable" },
	{ PH(0, 4), 1, 4, "unreadable" },
	{ PH(2, 4), 3, 4, "unreadable" },
	{ PH(1, 16), 0x400ff0, 8, "share a page" },
	{ PH(2, 16), 0x300000, 8, "share a page" },
	{ 24, 0x401004, 8, "isn't executable" },
	{ 24, 0, 8, "isn't executable" },
	{ 24, 0x401000, 8, "isn't executable" },
	{ 56, 0, 2, "isn't executable" },
};

static void bad_ones(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *why;

		start(state);
		put(bad[i].at, bad[i].value, bad[i].size);
		why = parse(sizeof(file));
		if (!why || !strstr(why, bad[i].words))
			fail_msg("%zu: \"%s\", not \"%s\"", i, why ?: "accepted", bad[i].words);
	}
}

static void too_many_segments(void **state)
{
	put(56, ELF_SEGMENTS_MAX + 1, 2);
	for (unsigned i = 0; i <= ELF_SEGMENTS_MAX; i++)
		segment(i, 5, 0x3f0, 0x400000 + i * 0x1000, 1, 1);
	assert_non_null(strstr(parse(sizeof(file)), "too many"));
}

static void cut_anywhere(void **state)
{
	for (size_t len = 0; len < 0x320; len++)
		assert_non_null(parse(len));
	assert_null(parse(0x320));
}

static void random_bytes(void **state)
{
	for (int i = 0; i < 200000; i++) {
		unsigned n = 1 + (unsigned)host_random_below(4);

		start(state);
		while (n--)
			file[host_random_below(PH(3, 0))] =
				host_random_below(3) ? (u8)host_random() : (u8)(host_random_below(2) * 255);
		parse(host_random_below(8) ? sizeof(file) : host_random_below(sizeof(file)));
	}
}

/* A symbol table behind the segments: its section header, that of its names, three symbols, and the names. */
#define SECTIONS 0x320
#define SYMBOLS	 (SECTIONS + 2 * 64)
#define NAMES	 (SYMBOLS + 3 * 24)
#define ALL	 (NAMES + 16)

static void symbol(unsigned i, u32 name, u8 info, u64 value, u64 size)
{
	put(SYMBOLS + i * 24, name, 4);
	put(SYMBOLS + i * 24 + 4, info, 1);
	put(SYMBOLS + i * 24 + 8, value, 8);
	put(SYMBOLS + i * 24 + 16, size, 8);
}

static int start_symbols(void **state)
{
	start(state);
	put(40, SECTIONS, 8);
	put(58, 64, 2);
	put(60, 2, 2);
	put(SECTIONS + 4, 2, 4);
	put(SECTIONS + 24, SYMBOLS, 8);
	put(SECTIONS + 32, 3 * 24, 8);
	put(SECTIONS + 40, 1, 4);
	put(SECTIONS + 64 + 4, 3, 4);
	put(SECTIONS + 64 + 24, NAMES, 8);
	put(SECTIONS + 64 + 32, 16, 8);
	memcpy(file + NAMES, "\0main\0loop\0data", 16);
	symbol(0, 11, 1, 0x400000, 0x1000); /* no function */
	symbol(1, 1, 0x12, 0x400010, 0x20);
	symbol(2, 6, 2, 0x400030, 8);
	return 0;
}

static bool find(size_t len, u64 addr, const char **name, u64 *offset)
{
	u8 *copy = malloc(len ?: 1);
	static char found[32];
	bool is;

	memcpy(copy, file, len);
	is = elf_symbol(copy, len, addr, name, offset);
	if (is)
		*name = strncpy(found, *name, sizeof(found) - 1);
	free(copy);
	return is;
}

static void symbols(void **state)
{
	const char *name;
	u64 offset;

	assert_true(find(ALL, 0x400010, &name, &offset));
	assert_string_equal(name, "main");
	assert_int_equal(offset, 0);
	assert_true(find(ALL, 0x40002f, &name, &offset));
	assert_string_equal(name, "main");
	assert_int_equal(offset, 0x1f);
	assert_true(find(ALL, 0x400037, &name, &offset));
	assert_string_equal(name, "loop");
	assert_false(find(ALL, 0x400038, &name, &offset));
	assert_false(find(ALL, 0x40000f, &name, &offset));
	for (size_t len = 0; len < ALL; len++)
		assert_false(find(len, 0x400010, &name, &offset));
}

static void wrong_symbols(void **state)
{
	const char *name;
	u64 offset;

	for (int i = 0; i < 100000; i++) {
		unsigned n = 1 + (unsigned)host_random_below(4);

		start_symbols(state);
		while (n--)
			file[host_random_below(4) ? SECTIONS + host_random_below(ALL - SECTIONS)
						  : 40 + host_random_below(24)] =
				host_random_below(3) ? (u8)host_random() : (u8)(host_random_below(2) * 255);
		find(host_random_below(8) ? ALL : host_random_below(ALL), 0x400030, &name, &offset);
	}
	start_symbols(state);
	file[NAMES + 15] = 'x'; /* a name without an end */
	assert_false(find(ALL, 0x400010, &name, &offset));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(a_good_one, start),
	cmocka_unit_test_setup(bad_ones, start),
	cmocka_unit_test_setup(too_many_segments, start),
	cmocka_unit_test_setup(cut_anywhere, start),
	cmocka_unit_test_setup(random_bytes, start),
	cmocka_unit_test_setup(symbols, start_symbols),
	cmocka_unit_test(wrong_symbols),
};
HOST_TEST_MAIN(tests)
