/* Archives: what is packed is found, each way to be damaged has its sentence, and nothing outside is ever read. */
#include "lib/cpio.h"
#define NEXT cpio_next
#include "tests/host/lib/archive_fixture.h"

#define FILES 5

static void add(const char *name, unsigned mode, const void *data, size_t size)
{
	size_t name_size = strlen(name) + 1;
	char header[128];

	snprintf(header, sizeof(header), "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1,
		 mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0);
	memcpy(archive + len, header, 110);
	memcpy(archive + len + 110, name, name_size);
	len = (len + 110 + name_size + 3) & ~3ul;
	memcpy(archive + len, data, size);
	len = (len + size + 3) & ~3ul;
}

static int start(void **state)
{
	memset(archive, 0, sizeof(archive));
	len = 0;
	add(".", 040755, "", 0);
	add("./bin", 040755, "", 0);
	add("bin/init", 0100755, "abcde", 5);
	add("/etc/empty", 0100644, "", 0);
	add("motd", 0100644, "hello\n", 6);
	add("TRAILER!!!", 0, "", 0);
	return 0;
}

static void test_good(void **state)
{
	static const struct archive_file want[FILES] = { { ".", NULL, 0, 040755, "" },
							 { "bin", NULL, 0, 040755, "" },
							 { "bin/init", (const u8 *)"abcde", 5, 0100755, "" },
							 { "etc/empty", NULL, 0, 0100644, "" },
							 { "motd", (const u8 *)"hello\n", 6, 0100644, "" } };
	struct archive_file f;
	const char *why;
	size_t at = 0;

	for (int i = 0; i < FILES; i++) {
		assert_int_equal(cpio_next(archive, len, &at, &f, &why), 1);
		assert_string_equal(f.name, want[i].name);
		assert_int_equal(f.size, want[i].size);
		assert_int_equal(f.mode, want[i].mode);
		assert_memory_equal(f.data, want[i].data ?: (const u8 *)"", f.size);
	}
	assert_int_equal(cpio_next(archive, len, &at, &f, &why), 0);
	assert_int_equal(cpio_next(archive, len, &at, &f, &why), 0); /* and stays there */
	memcpy(archive, "070702", 6);
	assert_int_equal(walk(len, &(int){ 0 }, &why), 0);
}

static void test_cut(void **state)
{
	size_t trailer = len - 124;
	const char *why;
	int files;

	for (size_t n = 0; n < len; n++) {
		int err = walk(n, &files, &why);

		/* The padding behind the trailer's name isn't needed. */
		assert_int_equal(err, n < trailer + 110 + 11 ? -1 : 0);
	}
	assert_int_equal(files, FILES);
}

static void test_damage(void **state)
{
	archive[0] = 'x';
	refused("Not an archive: neither cpio's magic number (format newc) nor ustar's is there");
	start(NULL);
	archive[6 + 8 * 6] = 'g';
	refused("Archive has a header with something else than hexadecimal digits");
	start(NULL);
	archive[6 + 8 * 6] = '+';
	refused("Archive has a header with something else than hexadecimal digits");
	start(NULL);
	memset(archive + 6 + 8 * 6, 'f', 8); /* a size */
	refused("Archive ends in a file");
	start(NULL);
	memset(archive + 6 + 8 * 11, 'f', 8); /* a name's */
	refused("Archive ends in a name");
	start(NULL);
	memset(archive + 6 + 8 * 11, '0', 8);
	refused("Archive ends in a name");
	start(NULL);
	archive[110] = 0; /* a name of none of its two bytes */
	refused("Archive has a name that isn't as long as its header says");
	start(NULL);
	archive[111] = 'x';
	refused("Archive has a name that isn't as long as its header says");
	start(NULL);
	len -= 124;
	refused("Archive ends in a header, or without its trailer");
	len = 0;
	refused("Archive ends in a header, or without its trailer");
}

static void test_random(void **state)
{
	const char *why;
	int files;

	for (int i = 0; i < 200000; i++) {
		unsigned n = 1 + (unsigned)host_random_below(4);

		start(NULL);
		while (n--)
			archive[host_random_below(len)] = host_random_below(3)
								  ? "0123456789abcdef"[host_random_below(16)]
								  : (u8)host_random();
		walk(host_random_below(8) ? len : host_random_below(len), &files, &why);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(test_good, start),
	cmocka_unit_test_setup(test_cut, start),
	cmocka_unit_test_setup(test_damage, start),
	cmocka_unit_test_setup(test_random, start),
};
HOST_TEST_MAIN(tests)
