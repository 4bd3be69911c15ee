/* What the two files that read ELF share. */
#pragma once

#include "tools/noinstr-check/check.h"

#include <gelf.h>
#include <libelf.h>

/* image.c */
void __attribute__((noreturn)) unreadable(const char *path, const char *why);
/* An enum section, or -1. */
int section_by_name(const char *name);
Elf_Data *section_data(Elf_Scn *scn, GElf_Shdr *sh, const char *path);
/* A symbol that may be one end of a table. */
void image_mark(const char *name, u64 addr);

/* symbols.c: fills in fns and labels. */
void read_symbols(struct image *img, Elf *elf, Elf_Scn *scn, size_t shstrndx);
