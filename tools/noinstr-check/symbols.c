/* From the symbol table to functions that follow each other: names, labels, and the 256 stubs one by one. */
#include "tools/noinstr-check/image.h"

#include <stdlib.h>
#include <string.h>

#define VECTORS	  256
#define STUB_SIZE 16

/* The linker's marks around sections are no functions, and a dot in a label makes it NASM's local one. */
static bool is_function(const GElf_Sym *sym, const char *name)
{
	const char *end = strstr(name, "_end");

	if (GELF_ST_TYPE(sym->st_info) == STT_FUNC)
		return true;
	if (GELF_ST_TYPE(sym->st_info) != STT_NOTYPE || !*name || strchr(name, '.'))
		return false;
	return strncmp(name, "__", 2) != 0 ||
	       (!strstr(name, "_text_start") && !(end && strcmp(end, "_end") == 0));
}

static void add_fn(struct image *img, const char *name, u64 addr, u64 size, enum section sec, bool global)
{
	GROW(img->fns, img->nr_fns);
	img->fns[img->nr_fns++] = (struct fn){ .name = name,
					       .addr = addr,
					       .size = size,
					       .sec = sec,
					       .global = global,
					       .vector = -1,
					       .summary = -1 };
}

/* Sized symbols first among equals: a label of the same place is another name for it. */
static int by_address(const void *a, const void *b)
{
	const struct fn *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->size > y->size ? -1 : x->size < y->size;
}

static u64 section_end(const struct image *img, const struct fn *f)
{
	return img->secs[f->sec].addr + img->secs[f->sec].size;
}

/* Drops second names and labels inside functions; a label without a size reaches to the next function. */
static void settle_functions(struct image *img)
{
	size_t n = 0;

	if (img->nr_fns) /* qsort() may not be given NULL, even for nothing */
		qsort(img->fns, img->nr_fns, sizeof(*img->fns), by_address);
	for (size_t i = 0; i < img->nr_fns; i++) {
		struct fn *f = &img->fns[i], *last = n ? &img->fns[n - 1] : NULL;

		if (last && f->addr < last->addr + (last->size ? last->size : 1))
			continue;
		img->fns[n++] = *f;
	}
	img->nr_fns = n;
	for (size_t i = 0; i < n; i++) {
		struct fn *f = &img->fns[i];
		u64 end = i + 1 < n && f[1].sec == f->sec ? f[1].addr : section_end(img, f);

		if (!f->size)
			f->size = end - f->addr;
	}
}

/* The 256 stubs are one label: each is an entry of its own. */
static void split_stubs(struct image *img)
{
	struct fn *f = image_fn(img, "vector_stubs");
	u64 addr;

	if (!f)
		return;
	if (f->size < VECTORS * STUB_SIZE)
		unreadable(img->path, "vector_stubs is shorter than 256 stubs of 16 bytes");
	img->is_kernel = true;
	addr = f->addr;
	f->name = "vector_stubs[0]";
	f->size = STUB_SIZE;
	f->vector = 0;
	for (int v = 1; v < VECTORS; v++) {
		add_fn(img, xprintf("vector_stubs[%d]", v), addr + (u64)v * STUB_SIZE, STUB_SIZE, SEC_ENTRY,
		       false);
		img->fns[img->nr_fns - 1].vector = v;
	}
	qsort(img->fns, img->nr_fns, sizeof(*img->fns), by_address);
}

static void add_symbols(struct image *img, Elf *elf, Elf_Scn *scn, size_t shstrndx)
{
	GElf_Shdr sh;
	Elf_Data *data = section_data(scn, &sh, img->path);

	for (size_t i = 0; i < data->d_size / sizeof(Elf64_Sym); i++) {
		GElf_Sym sym;
		GElf_Shdr where;
		const char *name;
		Elf_Scn *home;
		bool within;
		int sec;

		if (!gelf_getsym(data, (int)i, &sym) || !(name = elf_strptr(elf, sh.sh_link, sym.st_name)))
			unreadable(img->path, elf_errmsg(-1));
		image_mark(name, sym.st_value);
		home = sym.st_shndx < SHN_LORESERVE && sym.st_shndx ? elf_getscn(elf, sym.st_shndx) : NULL;
		if (!home || !gelf_getshdr(home, &where))
			continue;
		sec = section_by_name(elf_strptr(elf, shstrndx, where.sh_name));
		within = sym.st_value >= where.sh_addr && sym.st_value - where.sh_addr < where.sh_size;
		if (sec > SEC_TEXT && GELF_ST_TYPE(sym.st_info) == STT_NOTYPE && strchr(name, '.')) {
			GROW(img->labels, img->nr_labels);
			img->labels[img->nr_labels++] = (struct label){ name, sym.st_value };
		}
		if (sec < 0 || !within || !is_function(&sym, name))
			continue;
		if (sym.st_size > where.sh_size - (sym.st_value - where.sh_addr))
			unreadable(img->path, xprintf("%s() is longer than its section", name));
		add_fn(img, name, sym.st_value, sym.st_size, (enum section)sec,
		       GELF_ST_BIND(sym.st_info) != STB_LOCAL);
	}
}

void read_symbols(struct image *img, Elf *elf, Elf_Scn *scn, size_t shstrndx)
{
	add_symbols(img, elf, scn, shstrndx);
	settle_functions(img);
	split_stubs(img);
	for (size_t i = 0; i < img->nr_fns; i++)
		if (img->fns[i].vector < 0)
			img->fns[i].vector = listed_vector(img->fns[i].name);
}
