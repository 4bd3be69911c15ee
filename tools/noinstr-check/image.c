/* Reads the linked kernel: its functions by section, the notes, and the list of tracing sites. */
#include "tools/noinstr-check/check.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const section_names[NR_SECTIONS] = { ".text", ".kprobes.text", ".noinstr.text", ".entry.text" };

#define VECTORS	  256
#define STUB_SIZE 16

static struct loaded {
	u64 addr, size;
	const u8 *bytes;
} * loaded;
static size_t nr_loaded;

static void __attribute__((noreturn)) unreadable(const char *path, const char *why)
{
	fprintf(stderr, "noinstr-check: %s: %s\n", path, why);
	exit(2);
}

static int section_by_name(const char *name)
{
	for (int s = 0; s < NR_SECTIONS; s++)
		if (strcmp(name, section_names[s]) == 0)
			return s;
	return -1;
}

/* The linker's marks around sections are no functions, and a dot in a label makes it NASM's local one. */
static bool is_function(const GElf_Sym *sym, const char *name)
{
	size_t len = strlen(name);

	if (GELF_ST_TYPE(sym->st_info) == STT_FUNC)
		return true;
	if (GELF_ST_TYPE(sym->st_info) != STT_NOTYPE || !*name || strchr(name, '.'))
		return false;
	return strncmp(name, "__", 2) != 0 ||
	       (!strstr(name, "_text_start") && strcmp(name + len - 4, "_end") != 0);
}

static void add_fn(struct image *img, const char *name, u64 addr, u64 size, enum section sec)
{
	GROW(img->fns, img->nr_fns);
	img->fns[img->nr_fns++] = (struct fn){
		.name = name, .addr = addr, .size = size, .sec = sec, .vector = -1, .summary = -1
	};
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
		add_fn(img, xprintf("vector_stubs[%d]", v), addr + (u64)v * STUB_SIZE, STUB_SIZE, SEC_ENTRY);
		img->fns[img->nr_fns - 1].vector = v;
	}
	qsort(img->fns, img->nr_fns, sizeof(*img->fns), by_address);
}

static Elf_Data *section_data(Elf_Scn *scn, GElf_Shdr *sh, const char *path)
{
	Elf_Data *data = elf_getdata(scn, NULL);

	if (!gelf_getshdr(scn, sh) || !data)
		unreadable(path, elf_errmsg(-1));
	return data;
}

static u64 word(const u8 *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void read_notes(struct image *img, const Elf_Data *data)
{
	const u8 *p = data->d_buf;

	if (data->d_size % 16)
		unreadable(img->path, ".instr_notes holds a partial note");
	img->notes = xalloc((data->d_size / 16 + 1) * sizeof(*img->notes));
	for (size_t i = 0; i < data->d_size / 16; i++)
		img->notes[img->nr_notes++] = (struct note){ word(p + i * 16), word(p + i * 16 + 8) == 1 };
	/* An insertion sort keeps the order of equal ones; a file's notes come sorted nearly. */
	for (size_t i = 1; i < img->nr_notes; i++)
		for (size_t k = i; k && img->notes[k - 1].addr > img->notes[k].addr; k--) {
			struct note t = img->notes[k];

			img->notes[k] = img->notes[k - 1];
			img->notes[k - 1] = t;
		}
}

/* The ends of the tables that are read besides. */
enum { SITES, FIXUPS, STATIC_SITES, NR_TABLES };
static struct {
	const char *start, *stop;
	u64 from, to;
} tables[NR_TABLES] = {
	[SITES] = { "__start_mcount_loc", "__stop_mcount_loc", 0, 0 },
	[FIXUPS] = { "__start_ex_table", "__stop_ex_table", 0, 0 },
	[STATIC_SITES] = { "__start_static_sites", "__stop_static_sites", 0, 0 },
};

static void read_symbols(struct image *img, Elf *elf, Elf_Scn *scn, size_t shstrndx)
{
	GElf_Shdr sh;
	Elf_Data *data = section_data(scn, &sh, img->path);

	for (size_t i = 0; i < sh.sh_size / sh.sh_entsize; i++) {
		GElf_Sym sym;
		GElf_Shdr where;
		const char *name;
		Elf_Scn *home;
		int sec;

		if (!gelf_getsym(data, (int)i, &sym) || !(name = elf_strptr(elf, sh.sh_link, sym.st_name)))
			unreadable(img->path, elf_errmsg(-1));
		for (size_t t = 0; t < NR_TABLES; t++) {
			if (strcmp(name, tables[t].start) == 0)
				tables[t].from = sym.st_value;
			if (strcmp(name, tables[t].stop) == 0)
				tables[t].to = sym.st_value;
		}
		home = sym.st_shndx < SHN_LORESERVE && sym.st_shndx ? elf_getscn(elf, sym.st_shndx) : NULL;
		if (!home || !gelf_getshdr(home, &where))
			continue;
		sec = section_by_name(elf_strptr(elf, shstrndx, where.sh_name));
		if (sec > SEC_TEXT && GELF_ST_TYPE(sym.st_info) == STT_NOTYPE && strchr(name, '.')) {
			GROW(img->labels, img->nr_labels);
			img->labels[img->nr_labels++] = (struct label){ name, sym.st_value };
		}
		if (sec >= 0 && is_function(&sym, name) && sym.st_value < where.sh_addr + where.sh_size)
			add_fn(img, name, sym.st_value, sym.st_size, (enum section)sec);
	}
}

static u64 *read_words(const struct image *img, int table, size_t *n)
{
	u64 from = tables[table].from, to = tables[table].to;
	size_t max = to - from;
	const u8 *p = to > from ? image_bytes(img, from, &max) : NULL;
	u64 *words;

	*n = p ? max / 8 : 0;
	words = xalloc((*n + 1) * sizeof(u64));
	for (size_t i = 0; i < *n; i++)
		words[i] = word(p + i * 8);
	return words;
}

/* The first two of every @size words: from where, to where. */
static void read_branches(struct image *img, int table, size_t size)
{
	size_t n;
	u64 *words = read_words(img, table, &n);

	for (size_t i = 0; i + size <= n; i += size) {
		GROW(img->branches, img->nr_branches);
		img->branches[img->nr_branches++] = (struct branch){ words[i], words[i + 1] };
	}
	free(words);
}

static void read_tables(struct image *img)
{
	img->sites = read_words(img, SITES, &img->nr_sites);
	read_branches(img, FIXUPS, 2);
	read_branches(img, STATIC_SITES, 3);
}

static void read_section(struct image *img, Elf_Scn *scn, const char *name)
{
	GElf_Shdr sh;
	Elf_Data *data = section_data(scn, &sh, img->path);
	int sec = section_by_name(name);

	if (strcmp(name, ".instr_notes") == 0)
		read_notes(img, data);
	if (!(sh.sh_flags & SHF_ALLOC) || sh.sh_type == SHT_NOBITS || !data->d_buf)
		return;
	GROW(loaded, nr_loaded);
	loaded[nr_loaded++] = (struct loaded){ sh.sh_addr, data->d_size, data->d_buf };
	if (sec >= 0) {
		img->secs[sec].addr = sh.sh_addr;
		img->secs[sec].size = data->d_size;
		img->secs[sec].bytes = data->d_buf;
	}
}

void image_read(struct image *img, const char *path)
{
	int fd = open(path, O_RDONLY);
	Elf_Scn *scn = NULL, *symtab = NULL;
	size_t shstrndx;
	GElf_Ehdr header;
	Elf *elf;

	*img = (struct image){ .path = path };
	elf_version(EV_CURRENT);
	if (fd < 0)
		unreadable(path, "can't be opened");
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || !gelf_getehdr(elf, &header) || header.e_machine != EM_X86_64 ||
	    header.e_type != ET_EXEC || elf_getshdrstrndx(elf, &shstrndx) != 0)
		unreadable(path, "is no linked x86-64 ELF program");
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;

		gelf_getshdr(scn, &sh);
		read_section(img, scn, elf_strptr(elf, shstrndx, sh.sh_name));
		if (sh.sh_type == SHT_SYMTAB)
			symtab = scn;
	}
	if (!symtab)
		unreadable(path, "has no symbols");
	read_symbols(img, elf, symtab, shstrndx);
	settle_functions(img);
	split_stubs(img);
	read_tables(img);
	for (size_t i = 0; i < img->nr_fns; i++)
		if (img->fns[i].vector < 0)
			img->fns[i].vector = listed_vector(img->fns[i].name);
	/* The ELF stays open to the end: names and bytes are its memory. */
}

struct fn *image_fn_at(const struct image *img, u64 addr)
{
	size_t lo = 0, hi = img->nr_fns;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (img->fns[mid].addr + img->fns[mid].size <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < img->nr_fns && img->fns[lo].addr <= addr ? &img->fns[lo] : NULL;
}

struct fn *image_fn(const struct image *img, const char *name)
{
	for (size_t i = 0; i < img->nr_fns; i++)
		if (strcmp(img->fns[i].name, name) == 0)
			return &img->fns[i];
	return NULL;
}

const u8 *image_bytes(const struct image *img, u64 addr, size_t *max)
{
	(void)img;
	for (size_t i = 0; i < nr_loaded; i++)
		if (addr >= loaded[i].addr && addr < loaded[i].addr + loaded[i].size) {
			u64 left = loaded[i].addr + loaded[i].size - addr;

			if (*max > left)
				*max = left;
			return loaded[i].bytes + (addr - loaded[i].addr);
		}
	return NULL;
}

size_t image_notes_at(const struct image *img, u64 addr, const struct note **first)
{
	size_t lo = 0, hi = img->nr_notes, n = 0;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (img->notes[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo + n < img->nr_notes && img->notes[lo + n].addr == addr)
		n++;
	*first = &img->notes[lo];
	return n;
}
