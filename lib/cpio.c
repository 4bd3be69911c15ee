/* Walks an archive of files; nothing that a header says is believed before it is compared with what there is. */
#include "lib/cpio.h"

#include "lib/string.h"

/* A header is text: a magic number, then thirteen numbers of eight hexadecimal digits (cpio(5), "New ASCII Format"). */
#define MAGIC	    "070701"
#define MAGIC_CRC   "070702" /* the same, with a sum that nobody needs */
#define HEADER_SIZE (6 + 13 * 8)
#define TRAILER	    "TRAILER!!!"

enum { MODE = 1, FILE_SIZE = 6, NAME_SIZE = 11 };

static bool field(const u8 *header, unsigned n, u64 *value)
{
	return parse_u64((const char *)header + 6 + 8 * n, 8, 16, value);
}

static size_t aligned(size_t n) { return (n + 3) & ~3ul; }

/* What is wrong with the entry of @left bytes at @h, or NULL. */
static const char *read_entry(const u8 *h, size_t left, struct archive_file *out, size_t *total)
{
	u64 mode, size, name_size;

	if (left < HEADER_SIZE)
		return "Archive ends in a header, or without its trailer";
	if (memcmp(h, MAGIC, 6) != 0 && memcmp(h, MAGIC_CRC, 6) != 0)
		return "Not an archive: neither cpio's magic number (format newc) nor ustar's is there";
	if (!field(h, MODE, &mode) || !field(h, FILE_SIZE, &size) || !field(h, NAME_SIZE, &name_size))
		return "Archive has a header with something else than hexadecimal digits";
	if (!name_size || name_size > left - HEADER_SIZE)
		return "Archive ends in a name";
	out->name = (const char *)h + HEADER_SIZE;
	if (out->name[name_size - 1] != 0 || strlen(out->name) != name_size - 1)
		return "Archive has a name that isn't as long as its header says";
	*total = aligned(HEADER_SIZE + name_size);
	if (size && (*total > left || size > left - *total))
		return "Archive ends in a file";
	out->data = h + *total;
	out->size = size;
	out->mode = (u32)mode;
	*total = aligned(*total + size);
	return NULL;
}

int cpio_next(const u8 *archive, size_t len, size_t *at, struct archive_file *out, const char **why)
{
	size_t total;

	*why = *at > len ? "Archive ends without its trailer"
			 : read_entry(archive + *at, len - *at, out, &total);
	if (*why)
		return -1;
	if (strcmp(out->name, TRAILER) == 0)
		return 0;
	out->name = archive_plain_name(out->name);
	*at += total;
	return 1;
}
