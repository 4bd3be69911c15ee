/* Structures good at first and then damaged, FUZZ (200,000) of them: parsing ends, in a sentence or a sane map. */
#include "tests/host/boot_fixture.h"

static struct boot_info info;

static u64 random_number(void)
{
	static const u64 special[] = { 0,
				       1,
				       7,
				       8,
				       15,
				       16,
				       24,
				       0xfff,
				       0x1000,
				       0x100000,
				       0x7fffffff,
				       0x80000000,
				       0xfffffff8,
				       0xffffffff,
				       1ull << 32,
				       1ull << 46,
				       RAM_BASE,
				       INT64_MAX,
				       UINT64_MAX - 7,
				       UINT64_MAX };

	if (host_random_below(3) == 0)
		return host_random() >> host_random_below(64);
	return special[host_random_below(ARRAY_SIZE(special))];
}

static void random_entries(void (*entry)(u64 base, u64 size, u32 type))
{
	for (u64 n = host_random_below(host_random_below(10) ? 8 : 120); n > 0; n--) {
		u64 base = host_random_below(1 << 20) * (host_random_below(4) ? 4096 : 511);

		entry(base, host_random_below(1 << 24), host_random_below(3) ? 1 : (u32)host_random_below(6));
	}
}

static u32 build_mb2(void)
{
	mb2_begin();
	if (host_random_below(2))
		mb2_cmdline("tp_printk test");
	if (host_random_below(2))
		mb2_tag((u32)host_random_below(30), "some other tag's bytes", (u32)host_random_below(22));
	if (host_random_below(2))
		mb2_module((u32)host_random_below(1 << 20) * 4096, (u32)host_random_below(1 << 20) * 4096);
	mb2_map_begin(24 + 8 * (u32)host_random_below(2));
	random_entries(mb2_map_entry);
	mb2_map_end();
	if (host_random_below(4) == 0)
		mb2_cmdline("once more");
	return mb2_end();
}

static void build_pvh(void)
{
	pvh_begin(host_random_below(2) ? "tp_printk test" : NULL);
	random_entries(pvh_map_entry);
	if (host_random_below(4) == 0)
		pvh_module(host_random_below(1 << 20) * 4096, host_random_below(1 << 16));
}

/* A field, a byte or a bit, most often near the start, where the sizes are. */
static void damage(u64 start, u64 len)
{
	u64 at = start - RAM_BASE + host_random_below(host_random_below(2) ? min(len, (u64)64) : len);
	u64 number = random_number();

	switch (host_random_below(4)) {
	case 0:
		ram[at] ^= 1 << host_random_below(8);
		break;
	case 1:
		ram[at] = (u8)number;
		break;
	case 2:
		memcpy(ram + ALIGN_DOWN(at, 4), &number, 4);
		break;
	default:
		memcpy(ram + ALIGN_DOWN(at, 8), &number, 8);
	}
}

static void check(const char *why, u64 most_reads)
{
	assert_true(reads <= most_reads);
	if (why)
		assert_true(strlen(why) > 10);
	else
		assert_regions_sane(&info);
}

static const char *one_mb2(void)
{
	u64 total = build_mb2();
	const char *why;

	for (u64 n = host_random_below(4); n > 0; n--)
		damage(MB2_AT, total);
	memcpy(&total, ram + (MB2_AT - RAM_BASE), 4);
	reads = 0;
	why = multiboot2_parse(MB2_AT, ram_read, &info);
	check(why, (1 << 20) / 8 * 2);
	assert_true(lowest_read >= MB2_AT && highest_read <= MB2_AT + max(total, (u64)4));
	return why;
}

static const char *one_pvh(void)
{
	const char *why;

	build_pvh();
	for (u64 n = host_random_below(4); n > 0; n--)
		damage(host_random_below(2) ? PVH_AT : PVH_MAP, host_random_below(4) ? 64 : 0x400);
	reads = 0;
	why = pvh_parse(PVH_AT, ram_read, &info);
	check(why, 1 + BOOT_CMDLINE_MAX + 2 * 512 + 1);
	/* What starts below 4 GiB may end a little above. */
	assert_true(highest_read <= (1ull << 32) + 512 * 24);
	return why;
}

static void fuzz(const char *(*one)(void))
{
	const char *text = getenv("FUZZ");
	u64 rounds = (text && *text ? strtoull(text, NULL, 0) : 200000) / 2, good = 0;

	memset(&info, 0xa5, sizeof(info));
	for (u64 i = 0; i < rounds; i++)
		good += one() == NULL;
	/* Damage all or none, and nothing was tested. */
	assert_true(rounds < 1000 || (good > rounds / 10 && good < rounds / 10 * 9));
	print_message("# %" PRIu64 " of %" PRIu64 " were taken\n", good, rounds);
}

static void test_mb2(void **state) { fuzz(one_mb2); }
static void test_pvh(void **state) { fuzz(one_pvh); }

static const struct CMUnitTest tests[] = { cmocka_unit_test(test_mb2), cmocka_unit_test(test_pvh) };
HOST_TEST_MAIN(tests)
