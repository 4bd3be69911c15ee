/* A program in an ELF file: where its parts go. Pure: nothing in the file is believed. */
#pragma once

#include "lib/types.h"

#define ELF_SEGMENTS_MAX 8

/* A segment's rights, with the numbers of abi/rights.h. */
#define ELF_READ    1u
#define ELF_WRITE   2u
#define ELF_EXECUTE 4u

struct elf_segment {
	u64 va;		/* of its first page */
	size_t pages;	/* zeros, but for */
	size_t at;	/* what begins so many bytes behind it */
	const u8 *data; /* … */
	size_t size;	/* … and is so long */
	u32 rights;	/* ELF_READ and so on; never both of writing and executing */
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

/*
 * Any context. The function of @file's symbol table that @addr lies in: its name, which points into @file, and how far it is
 * from its start. False: there is none, or the table isn't whole.
 */
bool elf_symbol(const u8 *file, size_t len, u64 addr, const char **name, u64 *offset);

/* Any context. Where the function of that name begins, and its size; how many there are. 0: none, or the table isn't whole. */
unsigned elf_symbol_find(const u8 *file, size_t len, const char *name, size_t name_len, u64 *addr, u64 *size);
