/* From addresses to source lines, and which functions are declared not to return: what DWARF tells. */
#include "tools/noinstr-check/check.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Dwarf *dwarf;

static bool is_of_unit(u64 addr, Dwarf_Die *unit)
{
	Dwarf_Die other;

	return dwarf_addrdie(dwarf, addr, &other) && dwarf_dieoffset(&other) == dwarf_dieoffset(unit);
}

/*
 * A declaration says it as well as a definition, and names the function either way: one that all files see, or this
 * file's own. Another file's static function of that name isn't meant.
 */
static void note_noreturn(struct image *img, Dwarf_Die *unit, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = dwarf_diename(die);
	bool global = dwarf_hasattr(die, DW_AT_external);
	Dwarf_Addr low;
	struct fn *f;

	if (dwarf_tag(die) != DW_TAG_subprogram || !dwarf_attr(die, DW_AT_noreturn, &attr) || !name)
		return;
	if (dwarf_lowpc(die, &low) == 0 && (f = image_fn_at(img, low)))
		f->noreturn = true;
	for (size_t i = 0; i < img->nr_fns; i++) {
		f = &img->fns[i];
		if (f->global == global && strcmp(f->name, name) == 0 &&
		    (global || is_of_unit(f->addr, unit)))
			f->noreturn = true;
	}
}

void lines_open(struct image *img)
{
	int fd = open(img->path, O_RDONLY);
	Dwarf_Off at = 0, next;
	size_t header;

	dwarf = fd < 0 ? NULL : dwarf_begin(fd, DWARF_C_READ);
	if (!dwarf) {
		fprintf(stderr, "noinstr-check: %s: has no debug information\n", img->path);
		exit(2);
	}
	while (dwarf_nextcu(dwarf, at, &next, &header, NULL, NULL, NULL) == 0) {
		Dwarf_Die unit, die;

		/* NASM's units say nothing of this, and end in a way libdw doesn't like. */
		if (dwarf_offdie(dwarf, at + header, &unit) &&
		    dwarf_srclang(&unit) != DW_LANG_Mips_Assembler && dwarf_child(&unit, &die) == 0)
			do
				note_noreturn(img, &unit, &die);
			while (dwarf_siblingof(&die, &die) == 0);
		at = next;
	}
}

static Dwarf_Line *line_of(u64 addr)
{
	Dwarf_Die unit;

	return dwarf && dwarf_addrdie(dwarf, addr, &unit) ? dwarf_getsrc_die(&unit, addr) : NULL;
}

static const char *file_of(Dwarf_Line *line)
{
	const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;

	while (file && strncmp(file, "./", 2) == 0)
		file += 2;
	return file;
}

unsigned line_number(u64 addr)
{
	Dwarf_Line *line = line_of(addr);
	int n = 0;

	if (line)
		dwarf_lineno(line, &n);
	return (unsigned)n;
}

const char *lines_at(u64 addr)
{
	static char text[1024];
	const char *file = file_of(line_of(addr));

	if (!file)
		return "?";
	snprintf(text, sizeof(text), "%s:%u", file, line_number(addr));
	return text;
}

const char *lines_unit(u64 addr)
{
	Dwarf_Die unit;
	const char *file = dwarf && dwarf_addrdie(dwarf, addr, &unit) ? dwarf_diename(&unit) : NULL;

	return file ? file : "?";
}

bool lines_in_tests(u64 addr)
{
	const char *file = lines_unit(addr);

	return strncmp(file, "tests/kernel/", 13) == 0 || strncmp(file, "tests/bench/", 12) == 0;
}

bool lines_in_assembly(u64 addr)
{
	Dwarf_Die unit;

	return dwarf && dwarf_addrdie(dwarf, addr, &unit) && dwarf_srclang(&unit) == DW_LANG_Mips_Assembler;
}
