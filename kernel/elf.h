/* A program in an ELF file: where its parts go. Pure: nothing in the file is believed. */
#pragma once

#include "lib/types.h"

#define ELF_SEGMENTS_MAX 8

struct elf_segment {
	u64 va;		/* of its first page */
	size_t pages;	/* zeros, but for */
	size_t at;	/* what begins so many bytes behind it */
	const u8 *data; /* … */
	size_t size;	/* … and is so long */
	u32 rights;	/* RIGHT_READ and so on; never both of writing and executing */
};

struct elf_program {
	u64 entry;
	unsigned nr_segments;
	struct elf_segment segments[ELF_SEGMENTS_MAX]; /* by address, no page in two of them */
};

/*
 * Any context. @file, of @len bytes: a static x86-64 program whose pages lie from @start up to @end. NULL, or a sentence that says
 * what is wrong; then @out isn't to be used. @out points into @file.
 */
const char *elf_parse(const u8 *file, size_t len, u64 start, u64 end, struct elf_program *out);
