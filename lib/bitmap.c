/* Bit arrays worked on a word at a time, so that a search over a full map costs one step per 64 bits. */
#include "lib/bitmap.h"
#include "lib/compiler.h"

bool bitmap_test(const u64 *map, size_t bit) { return map[bit / 64] >> (bit % 64) & 1; }

/* The bits of word @word that lie in [from, end). */
static u64 mask_within(size_t word, size_t from, size_t end)
{
	size_t first = word * 64;
	u64 mask = ~0ull;

	if (from > first)
		mask <<= from - first;
	if (end < first + 64)
		mask &= (1ull << (end - first)) - 1;
	return mask;
}

void bitmap_set(u64 *map, size_t from, size_t n)
{
	for (size_t w = from / 64; w * 64 < from + n; w++)
		map[w] |= mask_within(w, from, from + n);
}

void bitmap_clear(u64 *map, size_t from, size_t n)
{
	for (size_t w = from / 64; w * 64 < from + n; w++)
		map[w] &= ~mask_within(w, from, from + n);
}

/* First bit of [from, end) that is set, after all bits were flipped by @flip (all ones: first clear bit);
 * else @end. */
static size_t next_bit(const u64 *map, size_t from, size_t end, u64 flip)
{
	for (size_t w = from / 64; w * 64 < end; w++) {
		u64 found = (map[w] ^ flip) & mask_within(w, from, end);

		if (found)
			return w * 64 + __builtin_ctzll(found);
	}
	return end;
}

size_t bitmap_find_clear(const u64 *map, size_t bits, size_t from, size_t n)
{
	while (from < bits) {
		size_t run = next_bit(map, from, bits, ~0ull);

		if (n > bits - run)
			break;
		from = next_bit(map, run, run + n, 0);
		if (from == run + n)
			return run;
	}
	return bits;
}

/* One step a set bit: __builtin_popcount would be a call into libgcc, which a kernel has not. */
size_t bitmap_count(const u64 *map, size_t bits)
{
	size_t count = 0;

	for (size_t w = 0; w * 64 < bits; w++)
		for (u64 word = map[w] & mask_within(w, 0, bits); word; word &= word - 1)
			count++;
	return count;
}
