/* Tar archives: what is packed is found, each way to be damaged has its sentence, and nothing outside is ever read. */
#include "lib/ustar.h"
#define NEXT ustar_next
#include "tests/host/lib/archive_fixture.h"

#define FILES 6
#define BLOCK 512

/* The offsets are the standard's. */
static void set_sum(u8 *h)
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (int i = 0; i < BLOCK; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
}

static void add(const char *prefix, const char *name, char type, unsigned mode, const void *data, size_t size)
{
	u8 *h = archive + len;

	memcpy(h, name, strlen(name));
	snprintf((char *)h + 100, 8, "%07o", mode);
	snprintf((char *)h + 124, 12, "%011zo", size);
	h[156] = (u8)type;
	memcpy(h + 257, "ustar\00000", 8);
	memcpy(h + 345, prefix, strlen(prefix));
	set_sum(h);
	len += BLOCK;
	memcpy(archive + len, data, size);
	len += (size + BLOCK - 1) / BLOCK * BLOCK;
}

static char hundred[101];

static int start(void **state)
{
	memset(archive, 0, sizeof(archive));
	memset(hundred, 'n', 100);
	len = 0;
	add("", "./", '5', 0755, "", 0);
	add("", "./bin/init", '0', 0755, "abcde", 5);
	add("", "/etc/empty", 0, 0644, "", 0);
	add("a/b", "motd", '0', 0644, "hello\n", 6);
	add("", "link", '2', 0777, "", 0);
	add("deep", hundred, '7', 0600, "x", 1);
	len += 2 * BLOCK;
	return 0;
}

static void test_good(void **state)
{
	char deep[106];
	const struct {
		const char *name, *data;
		size_t size;
		u32 mode;
	} want[FILES] = { { "", "", 0, 040755 },	   { "bin/init", "abcde", 5, 0100755 },
			  { "etc/empty", "", 0, 0100644 }, { "a/b/motd", "hello\n", 6, 0100644 },
			  { "link", "", 0, 0120777 },	   { deep, "x", 1, 0100600 } };
	struct archive_file f;
	const char *why;
	size_t at = 0;

	snprintf(deep, sizeof(deep), "deep/%s", hundred);
	for (int i = 0; i < FILES; i++) {
		assert_int_equal(archive_next(archive, len, &at, &f, &why), 1);
		assert_string_equal(f.name, want[i].name);
		assert_int_equal(f.size, want[i].size);
		assert_int_equal(f.mode, want[i].mode);
		assert_memory_equal(f.data, want[i].data, f.size);
	}
	assert_int_equal(archive_next(archive, len, &at, &f, &why), 0);
	assert_int_equal(archive_next(archive, len, &at, &f, &why), 0); /* and stays there */
}

static void test_find(void **state)
{
	struct archive_file f;
	const char *why;

	assert_true(archive_find(archive, len, "a/b/motd", &f, &why));
	assert_int_equal(f.size, 6);
	assert_false(archive_find(archive, len, "motd", &f, &why));
	assert_string_equal(why, "the boot module has no such file");
	memset(archive, 0, sizeof(archive)); /* an empty one */
	assert_false(archive_find(archive, 2 * BLOCK, "motd", &f, &why));
	assert_string_equal(why, "the boot module has no such file");
	memset(archive, 'x', 2 * BLOCK);
	assert_false(archive_find(archive, 2 * BLOCK, "motd", &f, &why));
	assert_string_equal(why,
			    "Not an archive: neither cpio's magic number (format newc) nor ustar's is there");
}

static void test_cut(void **state)
{
	const char *why;
	int files;

	for (size_t n = 0; n < len; n++)
		assert_int_equal(walk(n, &files, &why),
				 n < len - BLOCK ? -1 : 0); /* one block of zeros is enough */
	assert_int_equal(files, FILES);
}

static void test_damage(void **state)
{
	u8 *h = archive + BLOCK; /* of bin/init */

	h[1] ^= 1;
	refused("Archive has a header whose sum is wrong");
	start(NULL);
	h[148] = '9';
	refused("Archive has a header whose sum is wrong");
	start(NULL);
	h[257] = 'U';
	refused("Archive has a header without ustar's magic number");
	start(NULL);
	h[124] = '8';
	set_sum(h);
	refused("Archive has a header with something else than octal digits");
	start(NULL);
	h[124] = 0x80; /* GNU's base 256 */
	set_sum(h);
	refused("Archive has a header with something else than octal digits");
	start(NULL);
	h[100] = 0;
	set_sum(h);
	refused("Archive has a header with something else than octal digits");
	start(NULL);
	memset(h + 124, '7', 11);
	set_sum(h);
	refused("Archive ends in a file");
	start(NULL);
	h[156] = 'x';
	set_sum(h);
	refused("Archive has an extended header: pack it as plain ustar (tar --format=ustar)");
	start(NULL);
	h[156] = 'L';
	set_sum(h);
	refused("Archive has an extended header: pack it as plain ustar (tar --format=ustar)");
	start(NULL);
	memset(h, 0, 100);
	set_sum(h);
	refused("Archive has a file without a name");
	start(NULL);
	len -= 2 * BLOCK;
	refused("Archive ends in a header, or without its two blocks of zeros");
}

static void test_random(void **state)
{
	const char *why;
	int files;

	for (int i = 0; i < 100000; i++) {
		unsigned n = 1 + (unsigned)host_random_below(4);
		size_t header = (size_t[]){ 0, 1, 3, 4, 6, 7 }[host_random_below(6)] * BLOCK;

		start(NULL);
		while (n--)
			archive[header + host_random_below(BLOCK)] =
				host_random_below(3) ? (u8)('0' + host_random_below(8)) : (u8)host_random();
		if (host_random_below(4))
			set_sum(archive + header);
		walk(host_random_below(8) ? len : host_random_below(len), &files, &why);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(test_good, start),   cmocka_unit_test_setup(test_find, start),
	cmocka_unit_test_setup(test_cut, start),    cmocka_unit_test_setup(test_damage, start),
	cmocka_unit_test_setup(test_random, start),
};
HOST_TEST_MAIN(tests)
