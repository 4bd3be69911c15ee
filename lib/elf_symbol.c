/* A function by address, in a program's own symbol table (System V ABI, chapter 4), of which again nothing is believed. */
#include "lib/compiler.h"
#include "lib/elf.h"
#include "lib/string.h"

#define SHT_SYMTAB 2
#define STT_FUNC   2

struct section_header {
	u32 name, type;
	u64 flags, va, offset, size;
	u32 link, info;
	u64 align, entry_size;
};
struct elf_symbol {
	u32 name;
	u8 info, other;
	u16 section;
	u64 value, size;
};
static_assert(sizeof(struct section_header) == 64 && sizeof(struct elf_symbol) == 24, "as the ABI has them");

/* Where an ELF header says how many section headers there are, and where. */
#define SHOFF	  40
#define SHENTSIZE 58
#define SHNUM	  60
#define HEADER	  64

static u64 get(const u8 *file, size_t at, size_t size)
{
	u64 value = 0;

	memcpy(&value, file + at, size);
	return value;
}

/* Section header @i; false: it, or its bytes, lie outside. */
static bool section(const u8 *file, size_t len, u64 i, struct section_header *h)
{
	u64 table = get(file, SHOFF, 8);

	if (i >= get(file, SHNUM, 2) || table > len || i >= (len - table) / sizeof(*h))
		return false;
	memcpy(h, file + table + i * sizeof(*h), sizeof(*h));
	return h->offset <= len && h->size <= len - h->offset;
}

static bool find_table(const u8 *file, size_t len, struct section_header *symbols,
		       struct section_header *names)
{
	if (len < HEADER || get(file, SHENTSIZE, 2) != sizeof(*symbols))
		return false;
	for (u64 i = 0; i < get(file, SHNUM, 2); i++)
		if (section(file, len, i, symbols) && symbols->type == SHT_SYMTAB)
			return section(file, len, symbols->link, names) && names->size &&
			       !file[names->offset + names->size - 1];
	return false;
}

static bool contains(const struct elf_symbol *s, u64 addr)
{
	return (s->info & 15) == STT_FUNC && addr >= s->value && addr - s->value < s->size;
}

bool elf_symbol(const u8 *file, size_t len, u64 addr, const char **name, u64 *offset)
{
	struct section_header symbols, names;

	if (!find_table(file, len, &symbols, &names))
		return false;
	for (u64 i = 0; i < symbols.size / sizeof(struct elf_symbol); i++) {
		struct elf_symbol s;

		memcpy(&s, file + symbols.offset + i * sizeof(s), sizeof(s));
		if (!contains(&s, addr) || s.name >= names.size)
			continue;
		*name = (const char *)file + names.offset + s.name;
		*offset = addr - s.value;
		return true;
	}
	return false;
}

unsigned elf_symbol_find(const u8 *file, size_t len, const char *name, size_t name_len, u64 *addr, u64 *size)
{
	struct section_header symbols, names;
	unsigned found = 0;

	if (!find_table(file, len, &symbols, &names))
		return 0;
	for (u64 i = 0; i < symbols.size / sizeof(struct elf_symbol); i++) {
		struct elf_symbol s;

		memcpy(&s, file + symbols.offset + i * sizeof(s), sizeof(s));
		if ((s.info & 15) != STT_FUNC || s.name >= names.size ||
		    !str_is(name, name_len, (const char *)file + names.offset + s.name) || found++)
			continue;
		*addr = s.value;
		*size = s.size;
	}
	return found;
}
