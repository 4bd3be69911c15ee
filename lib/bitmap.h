/* Bits in an array of u64, and the search for a run of clear ones: what frame and slot allocators stand on. */
#pragma once

#include "lib/types.h"

#define BITMAP_WORDS(bits) (((bits) + 63) / 64)

bool bitmap_test(const u64 *map, size_t bit);
/* Sets or clears the @n bits from @from. */
void bitmap_set(u64 *map, size_t from, size_t n);
void bitmap_clear(u64 *map, size_t from, size_t n);
/* First position >= @from, below @bits, where @n clear bits follow each other; @bits when there is none. */
size_t bitmap_find_clear(const u64 *map, size_t bits, size_t from, size_t n);
size_t bitmap_count(const u64 *map, size_t bits);
