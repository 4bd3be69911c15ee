/* The small physical memory, and writers for both boot protocols that can be told to lie. */
#include "tests/host/boot_fixture.h"

u8 ram[RAM_SIZE];
u64 lowest_read, highest_read, reads;

static u64 mb2_next, map_start;

void ram_reset(void)
{
	memset(ram, 0, sizeof(ram));
	lowest_read = UINT64_MAX;
	highest_read = 0;
	reads = 0;
}

void ram_read(u64 pa, void *buf, size_t len)
{
	u8 *out = buf;

	reads++;
	lowest_read = min(lowest_read, pa);
	highest_read = max(highest_read, pa + len);
	for (size_t i = 0; i < len; i++) {
		u64 at = pa + i - RAM_BASE;

		out[i] = at < RAM_SIZE ? ram[at] : (u8)(at * 0x9e3779b97f4a7c15ull >> 56);
	}
}

static void put(u64 pa, const void *bytes, size_t len)
{
	assert_true(pa >= RAM_BASE && pa + len <= RAM_BASE + RAM_SIZE);
	if (len)
		memcpy(ram + (pa - RAM_BASE), bytes, len);
}

void put32(u64 pa, u32 value) { put(pa, &value, sizeof(value)); }
void put64(u64 pa, u64 value) { put(pa, &value, sizeof(value)); }

void mb2_begin(void)
{
	ram_reset();
	mb2_next = MB2_AT + 8;
}

u64 mb2_tag(u32 type, const void *payload, u32 len)
{
	u64 at = mb2_next;

	put32(at, type);
	put32(at + 4, 8 + len);
	put(at + 8, payload, len);
	mb2_next = ALIGN_UP(at + 8 + len, 8ull);
	return at;
}

void mb2_cmdline(const char *text) { mb2_tag(1, text, (u32)strlen(text) + 1); }

u64 mb2_map_begin(u32 entry_size)
{
	u32 head[2] = { entry_size, 0 };

	map_start = mb2_tag(6, head, sizeof(head));
	return map_start;
}

void mb2_map_entry(u64 base, u64 size, u32 type)
{
	u32 entry_size;

	ram_read(map_start + 8, &entry_size, sizeof(entry_size));
	put64(mb2_next, base);
	put64(mb2_next + 8, size);
	put32(mb2_next + 16, type);
	mb2_next += entry_size;
}

void mb2_map_end(void)
{
	put32(map_start + 4, (u32)(mb2_next - map_start));
	mb2_next = ALIGN_UP(mb2_next, 8ull);
}

u32 mb2_end(void)
{
	u32 total;

	mb2_tag(0, NULL, 0);
	total = (u32)(mb2_next - MB2_AT);
	put32(MB2_AT, total);
	lowest_read = UINT64_MAX;
	highest_read = 0;
	return total;
}

void pvh_begin(const char *cmdline)
{
	ram_reset();
	put32(PVH_AT, BOOT_MAGIC_PVH);
	put32(PVH_AT + 4, 1);
	put64(PVH_AT + 40, PVH_MAP);
	if (cmdline) {
		put64(PVH_AT + 24, PVH_CMDLINE);
		put(PVH_CMDLINE, cmdline, strlen(cmdline) + 1);
	}
}

void pvh_map_entry(u64 base, u64 size, u32 type)
{
	u32 n;

	memcpy(&n, ram + (PVH_AT + 48 - RAM_BASE), sizeof(n));
	put64(PVH_MAP + n * 24, base);
	put64(PVH_MAP + n * 24 + 8, size);
	put32(PVH_MAP + n * 24 + 16, type);
	put32(PVH_AT + 48, n + 1);
}

void mb2_module(u32 start, u32 end)
{
	u32 payload[3] = { start, end }; /* and an empty string */

	mb2_tag(3, payload, 9);
}

void pvh_module(u64 base, u64 size)
{
	put32(PVH_AT + 12, 1);
	put64(PVH_AT + 16, PVH_MODULES);
	put64(PVH_MODULES, base);
	put64(PVH_MODULES + 8, size);
}

void assert_regions_sane(const struct boot_info *b)
{
	u64 last = 0;

	assert_in_range(b->nr_regions, 1, BOOT_MAX_REGIONS);
	for (unsigned i = 0; i < b->nr_regions; i++) {
		const struct mem_region *r = &b->regions[i];

		assert_true(r->base % 4096 == 0 && r->size % 4096 == 0 && r->size > 0);
		/* Neighbours that touch should have been one. */
		assert_true(i == 0 || r->base > last);
		last = r->base + r->size;
		assert_true(last > r->base && last <= 1ull << 46);
	}
	assert_non_null(memchr(b->cmdline, 0, sizeof(b->cmdline)));
	for (unsigned i = 0; b->module.size && i < b->nr_regions; i++)
		assert_true(b->module.base + b->module.size <= b->regions[i].base ||
			    b->module.base >= b->regions[i].base + b->regions[i].size);
}
