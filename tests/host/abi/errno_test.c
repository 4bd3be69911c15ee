/* Our error numbers and texts are Linux's: each one the header names, and no others. */
#include "tests/host/host.h"

/* Reads the header itself, so that a number added without a text is found. Tests run in the root of the tree.
 */
static int read_numbers(bool named[200])
{
	FILE *header = fopen("abi/errno.h", "r");
	char line[200], name[32];
	int number, count = 0;

	assert_non_null(header);
	while (fgets(line, sizeof(line), header)) {
		if (sscanf(line, "#define %31s %d", name, &number) != 2)
			continue;
		assert_in_range(number, 1, 199);
		assert_string_equal(name, strerrorname_np(number));
		named[number] = true;
		count++;
	}
	fclose(header);
	return count;
}

static void test_texts(void **state)
{
	bool named[200] = { false };

	assert_true(read_numbers(named) >= 10);
	for (int i = 0; i < 200; i++) {
		const char *want = named[i] ? strerror(i) : "Unknown error";

		assert_string_equal(nl_strerror(i), want);
		assert_string_equal(nl_strerror(-i), want);
	}
}

static void test_extremes(void **state)
{
	assert_string_equal(nl_strerror(INT_MIN), "Unknown error");
	assert_string_equal(nl_strerror(INT_MAX), "Unknown error");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_texts),
	cmocka_unit_test(test_extremes),
};
HOST_TEST_MAIN(tests)
