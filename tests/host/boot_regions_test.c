/* The memory map against a model that asks of each page: is all of it usable, and none of it reserved? */
#include "tests/host/boot_fixture.h"

#define PAGE	  4096ull
#define PHYS_END  (1ull << 46)
#define MAX_PAGES 32
#define ROUNDS	  20000

struct range {
	u64 base, size;
};
struct map {
	struct range usable[12], reserved[12];
	unsigned nr_usable, nr_reserved;
};

static struct boot_info info;

/* Byte by byte in effect, range end by range end in fact. */
static bool page_is_usable(const struct map *m, u64 page)
{
	u64 covered = page;

	for (unsigned i = 0; i < m->nr_reserved; i++) {
		const struct range *r = &m->reserved[i];

		/* A range may claim to go on past the end of the address space. */
		if (r->size && r->base < page + PAGE && (r->base >= page || r->size > page - r->base))
			return false;
	}
	while (covered < page + PAGE) {
		u64 before = covered;

		for (unsigned i = 0; i < m->nr_usable; i++) {
			const struct range *r = &m->usable[i];

			if (r->base <= covered && covered < r->base + r->size)
				covered = r->base + r->size;
		}
		if (covered == before)
			return false;
	}
	return true;
}

static bool page_is_listed(u64 page)
{
	for (unsigned i = 0; i < info.nr_regions; i++)
		if (info.regions[i].base <= page && page < info.regions[i].base + info.regions[i].size)
			return true;
	return false;
}

/* Ends at page boundaries, a byte beside them, or anywhere. */
static u64 random_edge(u64 base, unsigned pages)
{
	switch (host_random_below(4)) {
	case 0:
		return base + host_random_below(pages * PAGE + 1);
	case 1:
		return base + host_random_below(pages) * PAGE + 1;
	case 2:
		return base + (host_random_below(pages) + 1) * PAGE - 1;
	default:
		return base + host_random_below(pages + 1) * PAGE;
	}
}

static struct range random_range(u64 base, unsigned pages)
{
	u64 a = random_edge(base, pages), b = random_edge(base, pages);

	return (struct range){ min(a, b), max(a, b) - min(a, b) };
}

static void random_map(struct map *m, u64 base, unsigned pages)
{
	m->nr_usable = (unsigned)host_random_below(ARRAY_SIZE(m->usable) + 1);
	m->nr_reserved = (unsigned)host_random_below(ARRAY_SIZE(m->reserved) + 1);
	for (unsigned i = 0; i < m->nr_usable; i++)
		m->usable[i] = random_range(base, pages);
	for (unsigned i = 0; i < m->nr_reserved; i++) {
		m->reserved[i] = random_range(base, pages);
		/* Now and then one that reserves all from there on, and claims more than there is. */
		if (host_random_below(50) == 0)
			m->reserved[i].size = UINT64_MAX - host_random_below(2) * m->reserved[i].base;
	}
}

static const char *run_map(const struct map *m)
{
	info.nr_regions = 0;
	for (unsigned i = 0; i < m->nr_usable; i++)
		assert_null(regions_add(&info, m->usable[i].base, m->usable[i].size));
	for (unsigned i = 0; i < m->nr_reserved; i++)
		assert_null(regions_reserve(&info, m->reserved[i].base, m->reserved[i].size));
	return regions_finish(&info);
}

static void test_model(void **state)
{
	static const u64 bases[] = { 0, 0x9f000, 0xffff0000, PHYS_END - MAX_PAGES * PAGE };
	struct map m;

	for (unsigned round = 0; round < ROUNDS; round++) {
		u64 base = bases[host_random_below(ARRAY_SIZE(bases))];
		unsigned pages = 1 + (unsigned)host_random_below(MAX_PAGES), usable = 0;
		const char *why;

		random_map(&m, base, pages);
		why = run_map(&m);
		for (u64 page = base; page < base + pages * PAGE; page += PAGE) {
			usable += page_is_usable(&m, page);
			if (page_is_usable(&m, page) != page_is_listed(page))
				fail_msg("round %u: page %#" PRIx64 " usable %d, listed %d", round, page,
					 page_is_usable(&m, page), page_is_listed(page));
		}
		assert_int_equal(why == NULL, usable > 0);
		if (!why)
			assert_regions_sane(&info);
	}
}

static void test_beyond(void **state)
{
	static const struct range beyond[] = {
		{ PHYS_END, 0x1000 },	{ PHYS_END - 0x1000, 0x1001 },	{ UINT64_MAX, 1 },
		{ 0x1000, UINT64_MAX }, { UINT64_MAX - 0xfff, 0x1000 }, { 0, PHYS_END + 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(beyond); i++) {
		info.nr_regions = 0;
		assert_non_null(regions_add(&info, beyond[i].base, beyond[i].size));
		assert_int_equal(info.nr_regions, 0);
	}
	assert_null(regions_add(&info, PHYS_END, 0));
	assert_null(regions_add(&info, 0, PHYS_END));
	assert_null(regions_reserve(&info, PHYS_END, UINT64_MAX));
	assert_null(regions_reserve(&info, 0x5000, UINT64_MAX));
	assert_null(regions_finish(&info));
	assert_int_equal(info.nr_regions, 1);
	assert_int_equal(info.regions[0].size, 0x5000);
}

/* The table holds what is left apart, not what the loader wrote down. */
static void test_full(void **state)
{
	info.nr_regions = 0;
	for (unsigned i = 0; i < 10 * BOOT_MAX_REGIONS; i++) {
		assert_null(regions_add(&info, i * PAGE, PAGE));
		assert_null(regions_add(&info, i * 2 * PAGE, 0));
	}
	assert_int_equal(info.nr_regions, 1);
	for (unsigned i = 1; i < BOOT_MAX_REGIONS; i++)
		assert_null(regions_reserve(&info, i * 4 * PAGE, PAGE));
	assert_int_equal(info.nr_regions, BOOT_MAX_REGIONS);
	assert_non_null(regions_add(&info, 1ull << 40, PAGE));
	assert_non_null(regions_reserve(&info, PAGE, PAGE));
}

/* With the table full, cutting off an end or a whole range still works. */
static void test_full_cut(void **state)
{
	info.nr_regions = 0;
	for (unsigned i = BOOT_MAX_REGIONS; i > 0; i--)
		assert_null(regions_add(&info, i * 4 * PAGE, 3 * PAGE));
	assert_non_null(regions_add(&info, 0, PAGE));
	assert_null(regions_reserve(&info, 4 * PAGE, PAGE));
	assert_null(regions_reserve(&info, 10 * PAGE, PAGE));
	assert_null(regions_reserve(&info, 12 * PAGE, 3 * PAGE));
	assert_int_equal(info.nr_regions, BOOT_MAX_REGIONS - 1);
	assert_null(regions_reserve(&info, 17 * PAGE, PAGE));
	assert_int_equal(info.nr_regions, BOOT_MAX_REGIONS);
	assert_null(regions_finish(&info));
	assert_int_equal(info.regions[0].base, 5 * PAGE);
	assert_int_equal(info.regions[1].size, 2 * PAGE);
	assert_int_equal(info.regions[2].base, 16 * PAGE);
	assert_int_equal(info.regions[3].base, 18 * PAGE);
	assert_regions_sane(&info);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_model),
	cmocka_unit_test(test_beyond),
	cmocka_unit_test(test_full),
	cmocka_unit_test(test_full_cut),
};
HOST_TEST_MAIN(tests)
