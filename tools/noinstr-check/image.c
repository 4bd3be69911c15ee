/* Reads the linked kernel: bytes by address, the notes, and the tables that the linker made. */
#include "tools/noinstr-check/image.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const section_names[NR_SECTIONS] = { ".text", ".kprobes.text", ".noinstr.text", ".entry.text" };

static struct loaded {
	u64 addr, size;
	const u8 *bytes;
	bool code;
} * loaded;
static size_t nr_loaded;

void unreadable(const char *path, const char *why)
{
	fprintf(stderr, "noinstr-check: %s: %s\n", path, why);
	exit(2);
}

int section_by_name(const char *name)
{
	for (int s = 0; name && s < NR_SECTIONS; s++)
		if (strcmp(name, section_names[s]) == 0)
			return s;
	return -1;
}

Elf_Data *section_data(Elf_Scn *scn, GElf_Shdr *sh, const char *path)
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

void image_mark(const char *name, u64 addr)
{
	for (size_t t = 0; t < NR_TABLES; t++) {
		if (strcmp(name, tables[t].start) == 0)
			tables[t].from = addr;
		if (strcmp(name, tables[t].stop) == 0)
			tables[t].to = addr;
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

	if (name && strcmp(name, ".instr_notes") == 0)
		read_notes(img, data);
	if (!(sh.sh_flags & SHF_ALLOC) || sh.sh_type == SHT_NOBITS || !data->d_buf)
		return;
	if (sh.sh_size != data->d_size || sh.sh_addr + sh.sh_size < sh.sh_addr)
		unreadable(img->path, "has a section whose size is wrong");
	GROW(loaded, nr_loaded);
	loaded[nr_loaded++] =
		(struct loaded){ sh.sh_addr, data->d_size, data->d_buf, sh.sh_flags & SHF_EXECINSTR };
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
	if (!elf || gelf_getclass(elf) != ELFCLASS64 || !gelf_getehdr(elf, &header) ||
	    header.e_machine != EM_X86_64 || header.e_type != ET_EXEC ||
	    elf_getshdrstrndx(elf, &shstrndx) != 0)
		unreadable(path, "is no linked x86-64 ELF program");
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh))
			unreadable(path, elf_errmsg(-1));
		read_section(img, scn, elf_strptr(elf, shstrndx, sh.sh_name));
		if (sh.sh_type == SHT_SYMTAB)
			symtab = scn;
	}
	if (!symtab)
		unreadable(path, "has no symbols");
	read_symbols(img, elf, symtab, shstrndx);
	read_tables(img);
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

void image_data_words(struct image *img, void (*found)(struct image *img, u64 value))
{
	for (size_t i = 0; i < nr_loaded; i++)
		for (u64 at = 0; !loaded[i].code && at + 8 <= loaded[i].size; at += 8)
			found(img, word(loaded[i].bytes + at));
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
