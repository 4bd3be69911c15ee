/* Scripts from text to status: what is printed, what is written to files, what goes on after a failure. */
#include "tests/host/shell_fixture.h"
#include "user/sh/complete.h"
#include "user/sh/internal.h"
#include "user/sh/shell.h"
#include "lib/command.h"

static struct shell sh;

/* Those of this program alone, and no pipes. */
const struct command *shell_find_command(const char *name)
{
	FOR_EACH_REGISTERED(commands, const struct command, c)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

const struct command *shell_next_command(const char *after)
{
	const struct command *best = NULL;

	FOR_EACH_REGISTERED(commands, const struct command, c)
		if (strcmp((*c)->name, after) > 0 && (!best || strcmp((*c)->name, best->name) < 0))
			best = *c;
	return best;
}

void shell_end_pipe(struct shell *sh) {}

void shell_run_pipeline(struct shell *sh, struct parser *p, struct parser from) { fail(); }

static int run_nothing(int argc, char **argv, struct seq *out) { return 0; }
COMMAND(zebra, "", "does nothing", run_nothing);
COMMAND(zeal, NULL, "does nothing", run_nothing);

static int run_fail(int argc, char **argv, struct seq *out)
{
	seq_puts(out, "half\n");
	return -ENODEV;
}
COMMAND(fail, "[X]", "prints a little and fails", run_fail);

static int reset(void **state)
{
	shell_init(&sh);
	return fixture_reset(state);
}

/* Runs in @sh and checks both what the console said and the status. */
static void expect(const char *script, const char *output, int status)
{
	assert_int_equal(shell_run(&sh, script, strlen(script)), status);
	assert_string_equal(console_said(), output);
}

static void test_echo(void **state)
{
	expect("echo", "\n", 0);
	expect("echo a  b 'c  d' -n", "a b c  d -n\n", 0);
	expect("echo -n a; echo -n", "a", 0);
	expect("echo $x \\\\n", "$x \\n\n", 0);
}

static void test_cat(void **state)
{
	expect("cat ro dir/one", "this is ro\nthis is dir/one\n", 0);
	expect("cat nosuch ro", "sh: nosuch: No such file or directory\nthis is ro\n", 1);
}

static void test_cat_errors(void **state)
{
	expect("cat dir; echo on", "sh: dir: Is a directory\non\n", 1);
	expect("cat wo", "sh: wo: Permission denied\n", 1);
	expect("cat ro/x", "sh: ro/x: Not a directory\n", 1);
	expect("cat failing", "half sh: failing: Input/output error\n", 1);
	expect("cat", "sh: cat: Invalid argument\nusage: cat PATH...\n", 1);
}

static void test_ls(void **state)
{
	expect("ls", "alpha\nbig\ndir/\nfailing\nfull\nro\nwo\n", 0);
	expect("ls /", "sys/\n", 0);
	expect("ls dir/one", "dir/one\n", 0);
	expect("ls dir ro ..", "dir:\none\nsub/\nro\n..:\ntracing/\n", 0);
	expect("ls nosuch", "sh: nosuch: No such file or directory\n", 1);
	expect("ls ro/x", "sh: ro/x: Not a directory\n", 1);
}

static void test_cd(void **state)
{
	expect("pwd; cd dir; pwd; cat one; cd sub/..; pwd",
	       TRACEFS_MOUNT "\n" TRACEFS_MOUNT "/dir\nthis is dir/one\n" TRACEFS_MOUNT "/dir\n", 0);
	expect("cd /; pwd; cd; pwd", "/\n" TRACEFS_MOUNT "\n", 0);
	expect("cd ro; cd nosuch; pwd",
	       "sh: ro: Not a directory\nsh: nosuch: No such file or directory\n" TRACEFS_MOUNT "\n", 1);
	expect("cd a b", "sh: cd: Argument list too long\n", 1);
}

static void test_help(void **state)
{
	const char *all;

	expect("help zebra fail zeal",
	       "zebra\n\tdoes nothing\nfail [X]\n\tprints a little and fails\n"
	       "zeal\n\tdoes nothing\n",
	       0);
	shell_run(&sh, "help", 4);
	all = console_said();
	assert_true(!strncmp(all, "cat PATH...               print control files\n", 46));
	assert_true(strstr(all, "\nzeal ") < strstr(all, "\nzebra "));
	assert_non_null(strstr(all, "\npoweroff "));
	expect("help nosuch", "sh: nosuch: command not found\n", 1);
}

static void test_a_failure_does_not_stop_the_script(void **state)
{
	expect("nosuch x; echo on", "sh: nosuch: command not found\non\n", 1);
	expect("echo the status stays", "the status stays\n", 1);
	expect("fail", "half\nsh: fail: No such device\n", 1);
}

static void test_redirection_is_one_write(void **state)
{
	expect("echo a b > alpha", "", 0);
	assert_string_equal(alpha.text, "a b\n");
	assert_int_equal(alpha.times, 1);
	assert_false(alpha.append);
	expect("echo -n x >>alpha; cat alpha", "x", 0);
	assert_true(alpha.append);
	expect("cat ro dir/one > alpha", "", 0);
	assert_string_equal(alpha.text, "this is ro\nthis is dir/one\n");
	assert_int_equal(alpha.times, 3);
	expect("echo 'p:x f+4\np:y g' > /sys/../sys/kernel/tracing/alpha", "", 0);
	assert_string_equal(alpha.text, "p:x f+4\np:y g\n");
	expect("cd / > alpha; pwd", "/\n", 0);
	assert_int_equal(alpha.len, 0);
}

static void test_truncation_alone(void **state)
{
	expect("echo x > alpha; > alpha", "", 0);
	assert_int_equal(alpha.times, 2);
	assert_int_equal(alpha.len, 0);
	assert_false(alpha.append);
}

static void test_refused_target_runs_nothing(void **state)
{
	expect("fail > nosuch", "sh: nosuch: No such file or directory\n", 1);
	expect("fail > ro", "sh: ro: Permission denied\n", 1);
	expect("poweroff > dir; echo on", "sh: dir: Is a directory\non\n", 1);
	expect("echo > alpha/", "sh: alpha/: Not a directory\n", 1);
	expect("echo > ''", "sh: : No such file or directory\n", 1);
	assert_int_equal(alpha.times, 0);
	assert_false(sh.poweroff);
}

static void test_refused_write(void **state)
{
	expect("echo 1 > failing; echo on", "sh: failing: write error: Device or resource busy\non\n", 1);
}

static void test_failed_command_writes_nothing(void **state)
{
	expect("fail > alpha; cat ro nosuch > alpha; nosuch > alpha",
	       "sh: fail: No such device\nsh: nosuch: No such file or directory\nsh: nosuch: command not "
	       "found\n",
	       1);
	assert_int_equal(alpha.times, 0);
	/* The failure is that command's alone. */
	expect("echo x > alpha", "", 1);
	assert_int_equal(alpha.times, 1);
}

static void test_too_much_for_one_write(void **state)
{
	expect("cat full > alpha", "", 0);
	assert_int_equal(alpha.len, 4096);
	expect("cat big > alpha; cat full ro > alpha",
	       "sh: alpha: Argument list too long\n"
	       "sh: alpha: Argument list too long\n",
	       1);
	assert_int_equal(alpha.times, 1);
	expect("echo x > alpha", "", 1);
	assert_string_equal(alpha.text, "x\n");
}

static void test_syntax_error_runs_nothing(void **state)
{
	expect("echo a > alpha; echo b\necho 'c", "sh: line 2, column 6: unterminated ' quote\n", 1);
	assert_int_equal(alpha.times, 0);
	expect("echo on", "on\n", 1);
}

static void test_poweroff(void **state)
{
	expect("echo a; poweroff; echo b\necho c", "a\n", 0);
	assert_true(sh.poweroff);
	reset(state);
	expect("nosuch; poweroff", "sh: nosuch: command not found\n", 1);
}

static void expect_completion(const char *text, unsigned matches, const char *insert)
{
	struct completion c;

	shell_complete(&sh, text, strlen(text), &c);
	assert_int_equal(c.matches, matches);
	assert_string_equal(c.insert, insert);
}

static void test_completion_of_commands(void **state)
{
	expect_completion("pow", 1, "eroff ");
	expect_completion("ze", 2, "");
	expect_completion("z", 2, "e");
	expect_completion("zebra", 1, " ");
	expect_completion("nosuch", 0, "");
	expect_completion("echo a;pow", 1, "eroff ");
	expect_completion("> alpha pow", 1, "eroff ");
}

static void test_completion_of_files(void **state)
{
	expect_completion("cat al", 1, "pha ");
	expect_completion("cat d", 1, "ir/");
	expect_completion("cat dir/", 2, "");
	expect_completion("cat dir/s", 1, "ub/");
	expect_completion("cat ro f", 2, "");
	expect_completion("cat fa", 1, "iling ");
	expect_completion("echo >al", 1, "pha ");
	expect_completion("echo > al", 1, "pha ");
	expect_completion("echo a>>d", 1, "ir/");
	expect_completion("cat /s", 1, "ys/");
	expect_completion("cat ../tr", 1, "acing/");
	expect_completion("cat nosuch/a", 0, "");
	expect_completion("cat ro/a", 0, "");
	expect_completion("echo 'a b' al", 1, "pha ");
	expect_completion("echo \"a\\\" >\" al", 1, "pha ");
	expect_completion("cat t", 0, "");
}

static void test_no_completion_in_quotes_and_comments(void **state)
{
	expect_completion("cat 'al", 0, "");
	expect_completion("cat 'a'l", 0, "");
	expect_completion("cat \\al", 0, "");
	expect_completion("cat ro\\ al", 0, "");
	expect_completion("echo a\\>al", 0, "");
	expect_completion("cat # al", 0, "");
}

static int show_nothing(struct seq *out, const struct ctl_file *self) { return 0; }

static void test_completion_of_the_longest_name(void **state)
{
	static char name[TRACEFS_PATH_MAX];
	struct ctl_file f = { .path = name, .show = show_nothing };
	struct completion c;

	memset(name, 'z', TRACEFS_PATH_MAX - sizeof(TRACEFS_MOUNT "/"));
	assert_int_equal(ctl_add(&f), 0);
	shell_complete(&sh, "cat ", 4, &c);
	assert_int_equal(c.matches, 8);
	shell_complete(&sh, "cat z", 5, &c);
	assert_int_equal(strlen(c.insert), strlen(name));
	ctl_remove(&f);
}

static void test_list_of_candidates(void **state)
{
	struct seq_buf b;
	char text[200];

	seq_buf_init(&b, text, sizeof(text));
	shell_list_candidates(&sh, "cat ", 4, &b.seq);
	assert_string_equal(text, "alpha   big   dir/  failing   full   ro   wo   \n");
}

/* The whole of it, as a person would: the shell there is only one of. */
static void test_interactive(void **state)
{
	const char *said;

	console_type("cd dir\rcat on\t\rnosuch\necho x\003pow\t\r");
	assert_int_equal(shell_interactive(), 1);
	assert_true(shell_poweroff_requested);
	said = console_said();
	assert_non_null(strstr(said, "\rnestling:/sys/kernel/tracing# "));
	assert_non_null(strstr(said, "\rnestling:/sys/kernel/tracing/dir# "));
	assert_non_null(strstr(said, "cat one \nthis is dir/one\n"));
	assert_non_null(strstr(said, "nosuch\nsh: nosuch: command not found\n"));
	assert_non_null(strstr(said, "echo x\033[K^C\n"));
	assert_null(strstr(said, "x\nx\n"));
	assert_string_equal(said + strlen(said) - 10, "poweroff \n");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(test_echo, reset),
	cmocka_unit_test_setup(test_cat, reset),
	cmocka_unit_test_setup(test_cat_errors, reset),
	cmocka_unit_test_setup(test_ls, reset),
	cmocka_unit_test_setup(test_cd, reset),
	cmocka_unit_test_setup(test_help, reset),
	cmocka_unit_test_setup(test_a_failure_does_not_stop_the_script, reset),
	cmocka_unit_test_setup(test_redirection_is_one_write, reset),
	cmocka_unit_test_setup(test_truncation_alone, reset),
	cmocka_unit_test_setup(test_refused_target_runs_nothing, reset),
	cmocka_unit_test_setup(test_refused_write, reset),
	cmocka_unit_test_setup(test_failed_command_writes_nothing, reset),
	cmocka_unit_test_setup(test_too_much_for_one_write, reset),
	cmocka_unit_test_setup(test_syntax_error_runs_nothing, reset),
	cmocka_unit_test_setup(test_poweroff, reset),
	cmocka_unit_test_setup(test_completion_of_commands, reset),
	cmocka_unit_test_setup(test_completion_of_files, reset),
	cmocka_unit_test_setup(test_no_completion_in_quotes_and_comments, reset),
	cmocka_unit_test_setup(test_completion_of_the_longest_name, reset),
	cmocka_unit_test_setup(test_list_of_candidates, reset),
	cmocka_unit_test_setup(test_interactive, reset),
};
HOST_TEST_MAIN(tests)
