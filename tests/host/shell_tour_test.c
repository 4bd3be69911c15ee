/* A tour: what is to be refused and isn't, and that its output can be filtered, with pipes in it. */
#include "tests/host/shell_fixture.h"
#include "user/lib/heap.h"
#include "user/sh/internal.h"
#include "user/sh/matrix.h"
#include "user/sh/scene_probes.h"
#include "user/sh/settings.h"
#include "user/sh/shell.h"
#include "user/sh/tour.h"
#include <stdlib.h>

bool shell_has_terminal;
static struct shell sh;
static unsigned aside, back;

const struct command *shell_find_command(const char *name)
{
	FOR_EACH_REGISTERED(commands, const struct command, c)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

void *heap_alloc(size_t size) { return calloc(1, size); }
void heap_free(void *p) { free(p); }

int settings_set_aside(const struct seq *out)
{
	aside++;
	return 0;
}
void settings_as_at_boot(void) {}
int settings_put_back(void)
{
	back++;
	return 0;
}
void scene_probes_remove(void) {}

/* Prints as what it runs does: on the console. */
int matrix_command(int argc, char **argv, struct seq *out)
{
	seq_puts(&shell_console, "a cell\nanother\n");
	return 0;
}

SCENE(pipes, .number = 1, .title = "with pipes",
      .script = "Said.\n# cat ro dir/one | grep dir | wc\n# cat ro\nThe last word.\n", .finally = "");
SCENE(not_refused, .number = 2, .title = "not refused", .script = "# cat ro\n#! echo x > alpha\nNever.\n",
      .finally = "# echo -n end > alpha\n");
SCENE(refused, .number = 3, .title = "refused", .script = "#! echo x > ro\n# cat ro\n", .finally = "");

static int reset(void **state)
{
	aside = back = 0;
	shell_has_terminal = false;
	shell_init(&sh);
	return fixture_reset(state);
}

static void expect(const char *script, const char *output, int status)
{
	assert_int_equal(shell_run(&sh, script, strlen(script)), status);
	assert_string_equal(console_said(), output);
	assert_int_equal(back, aside);
}

#define ALL                                                           \
	"\n=== Scene 1: with pipes ===\n\nSaid.\n"                    \
	"# cat ro dir/one | grep dir | wc\n      1       3      16\n" \
	"# cat ro\nthis is ro\nThe last word.\n"

static void test_scene(void **state)
{
	expect("tour 1", ALL, 0);
	shell_has_terminal = true;
	expect("tour 1 | grep -v nosuch", ALL, 0); /* without colours */
}

static void test_refused(void **state)
{
	expect("tour 3",
	       "\n=== Scene 3: refused ===\n\n# echo x > ro\nsh: ro: Permission denied\n# cat ro\nthis is ro\n",
	       0);
	expect("tour 2",
	       "\n=== Scene 2: not refused ===\n\n# cat ro\nthis is ro\n# echo x > alpha\n(this was to be refused)\n"
	       "\n=== Scene 2 did not go as it should. ===\nsh: tour: Input/output error\n",
	       1);
	assert_string_equal(alpha.text, "end");
}

static void test_filtered(void **state)
{
	expect("tour 1 | grep is", "this is ro\n", 0);
	expect("tour 1 | grep -v . | wc; cat ro", "      2       0       2\nthis is ro\n", 0);
	expect("tour 2 | grep refused",
	       "=== Scene 2: not refused ===\n(this was to be refused)\nsh: tour: Input/output error\n", 1);
	reset(NULL);
	expect("tour 1 | grep nosuch; tour matrix | grep other", "another\n", 1);
}

/* The scene ends with its reader. */
static void test_reader_gone(void **state)
{
	expect("tour 2 | head -n 3; cat ro", "\n=== Scene 2: not refused ===\n\nthis is ro\n", 0);
	assert_string_equal(alpha.text, "end");
	expect("tour 1 | head -n 4 | tail -n 1", "Said.\n", 0);
}

static void test_to_a_file(void **state)
{
	expect("tour 1 > alpha", "", 0);
	assert_string_equal(alpha.text, ALL);
	assert_int_equal(alpha.times, 1);
	expect("tour 1 | grep -c . > alpha; cat ro", "this is ro\n", 0);
	assert_string_equal(alpha.text, "7\n");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(test_scene, reset),     cmocka_unit_test_setup(test_refused, reset),
	cmocka_unit_test_setup(test_filtered, reset),  cmocka_unit_test_setup(test_reader_gone, reset),
	cmocka_unit_test_setup(test_to_a_file, reset),
};
HOST_TEST_MAIN(tests)
