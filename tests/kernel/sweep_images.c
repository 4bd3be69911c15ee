/* Archives and programs with something wrong in them: the kernel's boot module has only right ones. */
#include "lib/elf.h"
#include "lib/compiler.h"
#include "lib/cpio.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/ustar.h"
#include "mm/frames.h"
#include "tests/kernel/sweep.h"

#define START 0x10000ul
#define END   0x100000ul

/* As the ABI has them: a header, and two segments, of which the first has the entry. */
static const u64 program[] = {
	0x00010102464c457f,
	0,
	0x00000001003e0002,
	0x10000,
	64,
	0,
	0x0038004000000000,
	2, /* header */
	0x0000000500000001,
	0,
	0x10000,
	0x10000,
	176,
	4096,
	4096, /* read, execute */
	0x0000000600000001,
	0,
	0x20000,
	0x20000,
	16,
	8192,
	4096, /* read, write */
};

static struct {
	u8 bytes[512];
	size_t len;
} archive;

static void add(const char *name, const void *data, size_t size)
{
	char header[111];

	snprintf(header, sizeof(header), "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 0,
		 0100755, 0, 0, 1, 0, size, 0, 0, 0, 0, strlen(name) + 1, 0);
	memcpy(archive.bytes + archive.len, header, 110);
	memcpy(archive.bytes + archive.len + 110, name, strlen(name) + 1);
	archive.len = (archive.len + 110 + strlen(name) + 1 + 3) & ~3ul;
	memcpy(archive.bytes + archive.len, data, size);
	archive.len = (archive.len + size + 3) & ~3ul;
}

/* What is said of it, in a number. */
static u64 read(size_t len)
{
	struct elf_program prog;
	struct archive_file f;
	const char *why;
	size_t at = 0;
	u64 sum = 0;

	while (cpio_next(archive.bytes, len, &at, &f, &why) > 0) {
		why = elf_parse(f.data, f.size, START, END, &prog);
		sum = sum * 31 + f.size + (why ? strlen(why) : prog.nr_segments);
	}
	return sum * 31 + (why ? strlen(why) : 0);
}

/* A tar archive of one file in a directory, with two blocks of zeros behind. */
static struct {
	struct ustar_header {
		char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, rest[355];
	} header;
	u8 data[512], end[2][512];
} * tar;

static u64 read_tar(bool sum_it)
{
	struct archive_file f;
	const char *why;
	size_t at = 0;
	u64 sum = 0;

	if (sum_it) {
		memset(tar->header.sum, ' ', sizeof(tar->header.sum));
		for (size_t i = 0; i < sizeof(tar->header); i++)
			sum += ((u8 *)&tar->header)[i];
		snprintf(tar->header.sum, sizeof(tar->header.sum), "%06lo", sum);
	}
	for (sum = ustar_is((u8 *)tar, sizeof(*tar)); ustar_next((u8 *)tar, sizeof(*tar), &at, &f, &why) > 0;)
		sum = sum * 31 + f.size + f.mode + strlen(f.name);
	return sum * 31 + (why ? strlen(why) : 0);
}

/* Not each byte: the header's sum goes over all of them. */
static u64 tars(void)
{
	u64 sum;

	if (!FRAMES_ONCE(tar))
		return 0;
	memset(tar, 0, sizeof(*tar));
	tar->header = (struct ustar_header){ "./dir/file", "0100755", "0", "0", "144", "0", "", '0', "" };
	memcpy(tar->header.rest + 100, "ustar\00000", 8);
	memcpy(tar->header.rest + 188, "first", 5);
	sum = read_tar(true);
	for (size_t i = 0; i < sizeof(tar->header); i += 6) {
		u8 *byte = (u8 *)&tar->header + i, was = *byte;

		*byte = was == '1' ? '9' : '1';
		sum = sum * 31 + read_tar(false);
		sum = sum * 31 + read_tar(true);
		*byte = was;
	}
	for (int type = '0'; type <= '9'; type++) {
		tar->header.type = (char)type;
		sum = sum * 31 + read_tar(true);
	}
	return sum;
}

/* Each byte is once another, and each length is tried. */
u64 sweep_images(void)
{
	static const u8 others[] = { 0, 1, 7, 0xff };
	u64 sum;

	memset(&archive, 0, sizeof(archive));
	add("./program", program, sizeof(program));
	add("TRAILER!!!", "", 0);
	sum = read(archive.len);
	for (size_t i = 0; i < archive.len; i++) {
		u8 was = archive.bytes[i];

		for (size_t k = 0; k < ARRAY_SIZE(others); k++) {
			archive.bytes[i] = others[k];
			sum = sum * 31 + read(archive.len);
		}
		archive.bytes[i] = was;
		sum = sum * 31 + read(i);
	}
	return sum * 31 + tars();
}
