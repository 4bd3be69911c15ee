/* The tree of control files: lookup, permissions, listings, and what a path means. */
#include "tests/host/shell_fixture.h"
#include "lib/seq.h"
#include "tracefs/tracefs.h"

#define T TRACEFS_MOUNT

static char text[8192];

static int read_file(const char *path)
{
	struct seq_buf b;

	seq_buf_init(&b, text, sizeof(text));
	return tracefs_read(path, &b.seq);
}

static void test_read(void **state)
{
	assert_int_equal(read_file(T "/ro"), 0);
	assert_string_equal(text, "this is ro\n");
	assert_int_equal(read_file(T "/dir/sub/two"), 0);
	assert_string_equal(text, "this is dir/sub/two\n");
	assert_int_equal(read_file(T "/failing"), -EIO);
}

static const struct {
	const char *path;
	int err;
} no_files[] = {
	{ "/", -EISDIR },
	{ "/sys", -EISDIR },
	{ "/sys/kernel", -EISDIR },
	{ T, -EISDIR },
	{ T "/dir", -EISDIR },
	{ T "/dir/sub", -EISDIR },
	{ "/proc", -ENOENT },
	{ "/sys/kernel/tracingx", -ENOENT },
	{ "/sys/kernel/trac", -ENOENT },
	{ T "/nosuch", -ENOENT },
	{ T "/r", -ENOENT },
	{ T "/di", -ENOENT },
	{ T "/dir/nosuch", -ENOENT },
	{ T "/nosuch/ro", -ENOENT },
	{ T "/ro/x", -ENOTDIR },
	{ T "/ro/x/y", -ENOTDIR },
	{ T "/test/secret", -ENOENT },
	{ T "/test", -ENOENT },
};

static void test_errors(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(no_files); i++) {
		assert_int_equal(read_file(no_files[i].path), no_files[i].err);
		assert_int_equal(tracefs_write(no_files[i].path, "", 0, false), no_files[i].err);
		assert_int_equal(tracefs_may_write(no_files[i].path), no_files[i].err);
	}
	assert_int_equal(read_file(T "/wo"), -EACCES);
	assert_int_equal(tracefs_write(T "/ro", "", 0, false), -EACCES);
	assert_int_equal(tracefs_may_write(T "/ro"), -EACCES);
	assert_int_equal(tracefs_may_write(T "/wo"), 0);
}

static void test_write(void **state)
{
	memset(text, 'x', sizeof(text));
	text[4096] = '\0';
	assert_int_equal(tracefs_write(T "/alpha", text, 4096, true), 0);
	assert_int_equal(alpha.len, 4096);
	assert_true(alpha.append);
	text[4096] = 'x';
	text[4097] = '\0';
	assert_int_equal(tracefs_write(T "/alpha", text, 4097, false), -E2BIG);
	assert_int_equal(tracefs_write(T "/alpha", "", 0, false), 0);
	assert_int_equal(alpha.times, 2);
	assert_false(alpha.append);
	assert_int_equal(tracefs_write(T "/failing", "", 0, false), -EBUSY);
}

static void test_test_files(void **state)
{
	test_files_enabled = true;
	assert_int_equal(read_file(T "/test/secret"), 0);
	assert_int_equal(tracefs_check_dir(T "/test"), 0);
}

static void add_entry(void *arg, const char *name, bool is_dir)
{
	strcat(strcat(strcat(text, name), is_dir ? "/" : ""), " ");
}

static const char *listing(const char *path)
{
	text[0] = '\0';
	assert_int_equal(tracefs_readdir(path, add_entry, NULL), 0);
	return text;
}

static void test_readdir(void **state)
{
	assert_string_equal(listing("/"), "sys/ ");
	assert_string_equal(listing("/sys"), "kernel/ ");
	assert_string_equal(listing("/sys/kernel"), "tracing/ ");
	assert_string_equal(listing(T), "alpha big dir/ failing full ro wo ");
	assert_string_equal(listing(T "/dir"), "one sub/ ");
	assert_string_equal(listing(T "/dir/sub"), "two ");
	assert_int_equal(tracefs_readdir(T "/ro", add_entry, NULL), -ENOTDIR);
	assert_int_equal(tracefs_readdir(T "/nosuch", add_entry, NULL), -ENOENT);
	test_files_enabled = true;
	assert_string_equal(listing(T), "alpha big dir/ failing full ro test/ wo ");
}

static int show_nothing(struct seq *out, const struct ctl_file *self) { return 0; }

static void test_files_come_and_go(void **state)
{
	struct ctl_file a = { .path = "dir/new/a", .show = show_nothing };
	struct ctl_file b = { .path = "dir/new/b", .show = show_nothing };
	struct ctl_file dirt = { .path = "dirt", .show = show_nothing };

	assert_int_equal(ctl_add(&a), 0);
	assert_int_equal(ctl_add(&b), 0);
	assert_int_equal(ctl_add(&dirt), 0);
	assert_string_equal(listing(T "/dir"), "new/ one sub/ ");
	assert_string_equal(listing(T "/dir/new"), "a b ");
	assert_int_equal(read_file(T "/dir/new/a"), 0);
	ctl_remove(&a);
	assert_int_equal(read_file(T "/dir/new/a"), -ENOENT);
	assert_string_equal(listing(T "/dir/new"), "b ");
	ctl_remove(&b);
	ctl_remove(&dirt);
	assert_int_equal(tracefs_check_dir(T "/dir/new"), -ENOENT);
	assert_string_equal(listing(T "/dir"), "one sub/ ");
}

static int show_arg(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%s of %s\n", self->path, (const char *)self->arg);
	return 0;
}

static void test_folders(void **state)
{
	static const struct ctl_file inside[] = { { .path = "b", .show = show_arg }, { .path = "a" }, {} };
	struct ctl_file f = { .path = "dir/sub", .inside = inside, .arg = "it" };
	struct ctl_file deep = { .path = "dir/sub/deep", .inside = inside, .arg = "deep" };
	struct ctl_file again = { .path = "dir/sub", .inside = inside, .arg = "again" };
	struct ctl_file clash = { .path = "dir/sub/a/x", .show = show_arg };

	assert_int_equal(ctl_add(&f), 0);
	assert_int_equal(ctl_add(&deep), 0);
	assert_int_equal(ctl_add(&again), 0);
	assert_string_equal(listing(T "/dir/sub"), "a b deep/ two ");
	assert_string_equal(listing(T "/dir/sub/deep"), "a b ");
	assert_int_equal(read_file(T "/dir/sub/b"), 0);
	assert_string_equal(text, "dir/sub/b of it\n");
	assert_int_equal(read_file(T "/dir/sub/deep/b"), 0);
	assert_string_equal(text, "dir/sub/deep/b of deep\n");
	assert_int_equal(read_file(T "/dir/sub/a"), -EACCES);
	assert_int_equal(read_file(T "/dir/sub/b/x"), -ENOTDIR);
	assert_int_equal(read_file(T "/dir/sub/c"), -ENOENT);
	assert_int_equal(ctl_add(&clash), -EEXIST);
	clash.path = "dir/sub/deep/a";
	assert_int_equal(ctl_add(&clash), -EEXIST);
	clash.path = "dir/sub/deep";
	assert_int_equal(ctl_add(&clash), -EEXIST);
	ctl_remove(&f);
	assert_int_equal(read_file(T "/dir/sub/b"), 0);
	assert_string_equal(text, "dir/sub/b of again\n");
	ctl_remove(&again);
	ctl_remove(&deep);
	assert_string_equal(listing(T "/dir/sub"), "two ");
}

static void test_refused_files(void **state)
{
	static const struct {
		const char *path;
		int err;
	} refused[] = {
		{ "ro", -EEXIST },   { "dir/one", -EEXIST },	 { "dir/sub", -EEXIST },
		{ "ro/x", -EEXIST }, { "dir/one/x/y", -EEXIST }, { "", -EINVAL },
	};
	char *path = malloc(300);
	struct ctl_file f = { .path = path, .show = show_nothing };

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		strcpy(path, refused[i].path);
		assert_int_equal(ctl_add(&f), refused[i].err);
	}
	memset(path, 'x', 300);
	path[TRACEFS_PATH_MAX - strlen(T "/")] = '\0';
	assert_int_equal(ctl_add(&f), -EINVAL);
	path[TRACEFS_PATH_MAX - strlen(T "/") - 1] = '\0';
	assert_int_equal(ctl_add(&f), 0);
	assert_non_null(strstr(listing(T), path));
	ctl_remove(&f);
	free(path);
}

static void test_resolve(void **state)
{
	static const struct {
		const char *cwd, *path;
		int err;
		const char *want;
	} samples[] = {
		{ T, "ro", 0, T "/ro" },
		{ T, "nosuch", 0, T "/nosuch" },
		{ T, ".", 0, T },
		{ T, "./", 0, T },
		{ T, "..", 0, "/sys/kernel" },
		{ T, "../..//", 0, "/sys" },
		{ T, "../../../../..", 0, "/" },
		{ "/", "sys", 0, "/sys" },
		{ "/", "..", 0, "/" },
		{ "/", "/", 0, "/" },
		{ T, "/sys//kernel/./tracing/", 0, T },
		{ T "/dir", "../ro", 0, T "/ro" },
		{ T "/dir/sub", "two", 0, T "/dir/sub/two" },
		{ T, "...", 0, T "/..." },
		{ T, "dir/..", 0, T },
		{ T, "", -ENOENT, NULL },
		{ T, "nosuch/..", -ENOENT, NULL },
		{ T, "nosuch/", -ENOENT, NULL },
		{ T, "ro/", -ENOTDIR, NULL },
		{ T, "ro/.", -ENOTDIR, NULL },
		{ T, "ro/../ro", -ENOTDIR, NULL },
		/* The directory one stands in may have gone: only upwards leads out. */
		{ T "/gone", "..", 0, T },
		{ T "/gone", "../ro", 0, T "/ro" },
		{ T "/gone", "./x", -ENOENT, NULL },
	};
	char out[TRACEFS_PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		assert_int_equal(tracefs_resolve(samples[i].cwd, samples[i].path, out), samples[i].err);
		if (samples[i].want)
			assert_string_equal(out, samples[i].want);
	}
}

static void test_long_paths(void **state)
{
	char path[300], *out = malloc(TRACEFS_PATH_MAX);

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[TRACEFS_PATH_MAX - 1] = '\0';
	assert_int_equal(tracefs_resolve(T, path, out), 0);
	assert_string_equal(out, path);
	path[TRACEFS_PATH_MAX - 1] = 'x';
	path[TRACEFS_PATH_MAX] = '\0';
	assert_int_equal(tracefs_resolve(T, path, out), -ENAMETOOLONG);
	assert_int_equal(read_file(path), -ENOENT);
	free(out);
}

/* Random walks end at a plain path, and resolving that again changes nothing. */
static void test_fuzz(void **state)
{
	static const char *const pieces[] = { "/",  "//",  ".",	     "..",	"dir", "sub",
					      "ro", "sys", "kernel", "tracing", "x" };
	char path[400], out[TRACEFS_PATH_MAX], again[TRACEFS_PATH_MAX];

	for (int round = 0; round < 50000; round++) {
		path[0] = '\0';
		for (u64 n = host_random_below(12); n; n--)
			strcat(path, pieces[host_random_below(ARRAY_SIZE(pieces))]);
		if (tracefs_resolve(T "/dir", path, out))
			continue;
		assert_int_equal(out[0], '/');
		assert_null(strstr(out, "//"));
		assert_null(strstr(out, "/./"));
		assert_null(strstr(out, "/../"));
		assert_true(!out[1] || out[strlen(out) - 1] != '/');
		if (!tracefs_resolve("/", out, again))
			assert_string_equal(again, out);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(test_read, fixture_reset),
	cmocka_unit_test_setup(test_errors, fixture_reset),
	cmocka_unit_test_setup(test_write, fixture_reset),
	cmocka_unit_test_setup(test_test_files, fixture_reset),
	cmocka_unit_test_setup(test_readdir, fixture_reset),
	cmocka_unit_test_setup(test_files_come_and_go, fixture_reset),
	cmocka_unit_test_setup(test_folders, fixture_reset),
	cmocka_unit_test_setup(test_refused_files, fixture_reset),
	cmocka_unit_test_setup(test_resolve, fixture_reset),
	cmocka_unit_test_setup(test_long_paths, fixture_reset),
	cmocka_unit_test_setup(test_fuzz, fixture_reset),
};
HOST_TEST_MAIN(tests)
