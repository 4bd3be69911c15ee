/* Walks a tar archive: blocks of 512 bytes, a header with its own sum before each file, two blocks of zeros at the end. */
#include "lib/ustar.h"

#include "lib/compiler.h"
#include "lib/string.h"

#define BLOCK 512

/* POSIX.1-2017, pax, "ustar Interchange Format". */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
static_assert(sizeof(struct header) == BLOCK, "as the standard has it");

static bool has_magic(const struct header *h) { return memcmp(h->magic, "ustar", 5) == 0; }

static bool is_zero(const u8 *block)
{
	for (size_t i = 0; i < BLOCK; i++)
		if (block[i])
			return false;
	return true;
}

bool ustar_is(const u8 *archive, size_t len)
{
	return len >= BLOCK && (has_magic((const struct header *)archive) || is_zero(archive));
}

/* Octal digits, ended by a space, a NUL, or the field's end; GNU tar's large numbers in base 256 aren't ustar. */
static bool field(const char *text, size_t size, u64 *value)
{
	size_t n = 0;

	while (n < size && text[n] >= '0' && text[n] <= '7')
		n++;
	if (!n || (n < size && text[n] && text[n] != ' '))
		return false;
	return parse_u64(text, n, 8, value);
}

/* The sum of all bytes, its own field counted as spaces. */
static u64 sum_of(const struct header *h)
{
	const u8 *bytes = (const u8 *)h;
	u64 sum = 0;

	for (size_t i = 0; i < BLOCK; i++) {
		bool own = i >= offsetof(struct header, sum) && i < offsetof(struct header, type);

		sum += own ? ' ' : bytes[i];
	}
	return sum;
}

static void copy_field(char **to, const char *from, size_t size)
{
	size_t n = strnlen(from, size);

	memcpy(*to, from, n);
	*to += n;
	**to = '\0';
}

/* The prefix, a slash, and the name. */
static void read_name(const struct header *h, struct archive_file *out)
{
	char *end = out->long_name;

	copy_field(&end, h->prefix, sizeof(h->prefix));
	if (end != out->long_name)
		*end++ = '/';
	copy_field(&end, h->name, sizeof(h->name));
	out->name = archive_plain_name(out->long_name);
}

static u32 mode_of(char type, u64 mode)
{
	static const struct {
		char type;
		u32 mode;
	} types[] = {
		{ '2', 0120000 }, { '3', 0020000 }, { '4', 0060000 }, { '5', 0040000 }, { '6', 0010000 }
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == type)
			return types[i].mode | (mode & 07777);
	return 0100000 | (mode & 07777);
}

/* Files with bytes are '0', NUL and '7'; '1' to '6' have none behind them, whatever their size says. */
static const char *read_header(const struct header *h, struct archive_file *out)
{
	u64 sum, size, mode;

	if (!has_magic(h))
		return "Archive has a header without ustar's magic number";
	if (!field(h->sum, sizeof(h->sum), &sum) || sum != sum_of(h))
		return "Archive has a header whose sum is wrong";
	if (!field(h->size, sizeof(h->size), &size) || !field(h->mode, sizeof(h->mode), &mode))
		return "Archive has a header with something else than octal digits";
	if (h->type && (h->type < '0' || h->type > '7'))
		return "Archive has an extended header: pack it as plain ustar (tar --format=ustar)";
	if (!h->name[0])
		return "Archive has a file without a name";
	out->size = h->type >= '1' && h->type <= '6' ? 0 : size;
	out->mode = mode_of(h->type, mode);
	read_name(h, out);
	return NULL;
}

static const char *read_entry(const u8 *archive, size_t left, struct archive_file *out, size_t *total)
{
	const char *why;

	if (left < BLOCK)
		return "Archive ends in a header, or without its two blocks of zeros";
	why = read_header((const struct header *)archive, out);
	if (why)
		return why;
	if (out->size > left - BLOCK)
		return "Archive ends in a file";
	out->data = archive + BLOCK;
	*total = BLOCK + ALIGN_UP(out->size, BLOCK);
	return NULL;
}

/* The second block of zeros isn't asked for: some write only one. */
int ustar_next(const u8 *archive, size_t len, size_t *at, struct archive_file *out, const char **why)
{
	size_t left = *at > len ? 0 : len - *at, total;

	*why = NULL;
	if (left >= BLOCK && is_zero(archive + *at))
		return 0;
	*why = read_entry(archive + *at, left, out, &total);
	if (*why)
		return -1;
	*at += total;
	return 1;
}
