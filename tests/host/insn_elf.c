/*
 * Decodes all code of ELF files with our decoder and with Zydis: "insn_elf.t [FILE ...]", by default
 * the kernel, libc and the compiler. Function by function where the file has symbols, section by section where it has none.
 */
#include "tests/host/insn_compare.h"
#include <elf.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAX_COMPLAINTS 20

struct elf {
	const char *name;
	const u8 *image;
	size_t size;
	const Elf64_Shdr *sections;
	unsigned count;
	const char *section_names;
};

static unsigned tests, failures;
static unsigned complaints;

static void result(bool ok, const char *file, const char *text)
{
	printf("%sok %u - %s %s\n", ok ? "" : "not ", ++tests, file, text);
	failures += !ok;
}

/* NULL, or why the file can't be used. */
static const char *elf_open(struct elf *e, const char *name)
{
	struct stat st;
	int fd = open(name, O_RDONLY);

	if (fd < 0 || fstat(fd, &st) < 0)
		return "cannot be opened";
	e->name = name;
	e->size = st.st_size;
	e->image = mmap(NULL, e->size + !e->size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (e->image == MAP_FAILED)
		return "cannot be mapped";

	const Elf64_Ehdr *h = (const Elf64_Ehdr *)e->image;

	if (e->size < sizeof(*h) || memcmp(h->e_ident, ELFMAG, SELFMAG) || h->e_machine != EM_X86_64 ||
	    h->e_ident[EI_CLASS] != ELFCLASS64)
		return "is no x86-64 ELF file";
	if (!h->e_shnum || h->e_shoff + h->e_shnum * sizeof(Elf64_Shdr) > e->size)
		return "has no section headers";
	e->sections = (const Elf64_Shdr *)(e->image + h->e_shoff);
	e->count = h->e_shnum;
	e->section_names = (const char *)e->image + e->sections[h->e_shstrndx].sh_offset;
	return NULL;
}

struct count {
	u64 insns, functions, refused, only_ours, disagreements;
};

static void complain(const struct elf *e, u64 addr, const u8 *bytes, size_t len, const char *why)
{
	char where[300];

	if (complaints++ >= MAX_COMPLAINTS)
		return;
	snprintf(where, sizeof(where), "%s %" PRIx64, e->name, addr);
	insn_complain(where, bytes, len < INSN_MAX_LENGTH ? len : INSN_MAX_LENGTH, why);
}

/* From start to end, in Zydis's steps. @strict: what Zydis can't read is worth a complaint too. */
static void decode_range(const struct elf *e, const Elf64_Shdr *s, u64 start, u64 size, bool strict,
			 struct count *n)
{
	const u8 *code = e->image + s->sh_offset + (start - s->sh_addr);

	for (u64 pos = 0; pos < size;) {
		struct comparison c = insn_compare(code + pos, size - pos);

		n->insns++;
		n->disagreements += c.verdict == DISAGREEMENT;
		n->refused += c.verdict == BOTH_REFUSE;
		n->only_ours += c.verdict == WE_ACCEPT;
		if (c.verdict == DISAGREEMENT)
			complain(e, start + pos, code + pos, c.length, c.why);
		else if (strict && c.verdict != BOTH_ACCEPT)
			complain(e, start + pos, code + pos, size - pos, "Zydis refuses");
		pos += c.length ? c.length : 1;
	}
}

/* A test in the kernel needs a function that can't be decoded; its name says so. */
static bool is_code(const struct elf *e, unsigned strings, const Elf64_Sym *sym)
{
	const char *names = (const char *)e->image + e->sections[strings].sh_offset;

	return strcmp(names + sym->st_name, "not_code") != 0;
}

static void decode_functions(const struct elf *e, unsigned section, struct count *n)
{
	const Elf64_Shdr *s = &e->sections[section];

	for (unsigned i = 0; i < e->count; i++) {
		const Elf64_Sym *sym = (const Elf64_Sym *)(e->image + e->sections[i].sh_offset);
		size_t count = e->sections[i].sh_size / sizeof(*sym);

		for (; e->sections[i].sh_type == SHT_SYMTAB && count; sym++, count--) {
			if (ELF64_ST_TYPE(sym->st_info) != STT_FUNC || sym->st_shndx != section ||
			    !sym->st_size || !is_code(e, e->sections[i].sh_link, sym))
				continue;
			n->functions++;
			decode_range(e, s, sym->st_value, sym->st_size, true, n);
		}
	}
}

static void check_section(const struct elf *e, unsigned section)
{
	const Elf64_Shdr *s = &e->sections[section];
	const char *name = e->section_names + s->sh_name;
	struct count n = { 0 };
	char text[200];
	bool ok;

	decode_functions(e, section, &n);
	ok = !n.refused && !n.only_ours;
	/* Assembly has no sizes. In between lies padding, or data, so refusals mean nothing there. */
	if (!n.functions || strcmp(name, ".entry.text") == 0)
		decode_range(e, s, s->sh_addr, s->sh_size, false, &n);
	snprintf(text, sizeof(text),
		 "%s: %" PRIu64 " instructions, %" PRIu64 " functions, %" PRIu64 " disagreements, %" PRIu64
		 " refused by both, %" PRIu64 " accepted by us alone",
		 name, n.insns, n.functions, n.disagreements, n.refused, n.only_ours);
	result(ok && !n.disagreements, e->name, text);
}

static void check_file(const char *name)
{
	struct elf e;
	const char *error = elf_open(&e, name);

	if (error) {
		result(false, name, error);
		return;
	}
	for (unsigned i = 0; i < e.count; i++)
		if (e.sections[i].sh_type == SHT_PROGBITS && (e.sections[i].sh_flags & SHF_EXECINSTR) &&
		    e.sections[i].sh_size)
			check_section(&e, i);
	munmap((void *)e.image, e.size);
}

/* All files of @pattern; none is a skipped test, not a silent one. */
static void check_pattern(const char *pattern)
{
	glob_t found;

	if (glob(pattern, 0, NULL, &found) != 0) {
		printf("ok %u - %s # SKIP not here\n", ++tests, pattern);
		return;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_file(found.gl_pathv[i]);
	globfree(&found);
}

int main(int argc, char **argv)
{
	static const char *const patterns[] = { "build/nestling.elf", "/lib/x86_64-linux-gnu/libc.so.6",
						"/usr/lib/gcc/x86_64-linux-gnu/*/cc1" };

	insn_compare_init();
	for (size_t i = 0; argc < 2 && i < sizeof(patterns) / sizeof(patterns[0]); i++)
		check_pattern(patterns[i]);
	for (int i = 1; i < argc; i++)
		check_file(argv[i]);
	printf("1..%u\n", tests);
	return failures != 0;
}
