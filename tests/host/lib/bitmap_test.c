/* Bitmaps against a model that spends a whole byte on a bit. */
#include "tests/host/host.h"
#include "lib/bitmap.h"

#define BITS 300

struct pair {
	u64 map[BITMAP_WORDS(BITS)];
	bool model[BITS];
};

static size_t model_find_clear(const struct pair *p, size_t bits, size_t from, size_t n)
{
	for (; from + n <= bits; from++) {
		size_t run = 0;

		while (run < n && !p->model[from + run])
			run++;
		if (run == n)
			return from;
	}
	return bits;
}

static void random_change(struct pair *p)
{
	size_t from = host_random_below(BITS);
	size_t longest = host_random_below(4) ? 8 : BITS;
	size_t n = host_random_below((BITS - from < longest ? BITS - from : longest) + 1);
	bool value = host_random_below(2);

	(value ? bitmap_set : bitmap_clear)(p->map, from, n);
	memset(p->model + from, value, n);
}

static void check(const struct pair *p)
{
	size_t bits = 1 + host_random_below(BITS), from = host_random_below(bits),
	       n = 1 + host_random_below(20);
	size_t count = 0;

	for (size_t i = 0; i < BITS; i++)
		assert_int_equal(bitmap_test(p->map, i), p->model[i]);
	for (size_t i = 0; i < bits; i++)
		count += p->model[i];
	assert_int_equal(bitmap_count(p->map, bits), count);
	assert_int_equal(bitmap_find_clear(p->map, bits, from, n), model_find_clear(p, bits, from, n));
}

static void test_against_model(void **state)
{
	struct pair p = { .map = { 0 } };

	for (int turn = 0; turn < 20000; turn++) {
		random_change(&p);
		check(&p);
	}
}

static void test_edges(void **state)
{
	u64 map[3] = { 0, 0, ~0ull };

	assert_int_equal(bitmap_find_clear(map, 128, 0, 128), 0);
	assert_int_equal(bitmap_find_clear(map, 128, 1, 128), 128);
	assert_int_equal(bitmap_find_clear(map, 128, 0, 129), 128);
	assert_int_equal(bitmap_find_clear(map, 128, 0, SIZE_MAX), 128);
	assert_int_equal(bitmap_find_clear(map, 128, 1, SIZE_MAX), 128);
	assert_int_equal(bitmap_find_clear(map, 128, 128, 1), 128);
	assert_int_equal(bitmap_find_clear(map, 128, 127, 1), 127);
	bitmap_set(map, 64, 64);
	assert_int_equal(map[0], 0);
	assert_int_equal(map[1], ~0ull);
	bitmap_clear(map, 63, 2);
	assert_int_equal(map[1], ~1ull);
	assert_int_equal(bitmap_count(map, 192), 127);
	assert_int_equal(bitmap_count(map, 0), 0);
	/* What stands behind the last bit of the map is no room. */
	bitmap_clear(map, 0, 192);
	bitmap_set(map, 0, 70);
	assert_int_equal(bitmap_find_clear(map, 72, 0, 2), 70);
	assert_int_equal(bitmap_find_clear(map, 72, 0, 3), 72);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_against_model),
	cmocka_unit_test(test_edges),
};
HOST_TEST_MAIN(tests)
