/* From addresses to source lines, and which functions are declared not to return: what DWARF tells. */
#include "tools/noinstr-check/check.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static Dwarf *dwarf;

/* A declaration says it as well as a definition, and names the function either way. */
static void note_noreturn(struct image *img, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = dwarf_diename(die);
	Dwarf_Addr low;
	struct fn *f;

	if (dwarf_tag(die) != DW_TAG_subprogram || !dwarf_attr(die, DW_AT_noreturn, &attr) || !name)
		return;
	f = dwarf_lowpc(die, &low) == 0 ? image_fn_at(img, low) : image_fn(img, name);
	if (f)
		f->noreturn = true;
}

void lines_open(struct image *img)
{
	int fd = open(img->path, O_RDONLY);
	Dwarf_Off at = 0, next;
	size_t header;

	dwarf = fd < 0 ? NULL : dwarf_begin(fd, DWARF_C_READ);
	while (dwarf && dwarf_nextcu(dwarf, at, &next, &header, NULL, NULL, NULL) == 0) {
		Dwarf_Die unit, die;

		/* NASM's units say nothing of this, and end in a way libdw doesn't like. */
		if (dwarf_offdie(dwarf, at + header, &unit) &&
		    dwarf_srclang(&unit) != DW_LANG_Mips_Assembler && dwarf_child(&unit, &die) == 0)
			do
				note_noreturn(img, &die);
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
