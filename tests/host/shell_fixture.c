/* Fakes of what the shell stands on: a console that remembers and files that do as they are told. */
#include "tests/host/shell_fixture.h"
#include "user/sh/console.h"
#include "sched/mutex.h"
#include "tracefs/tracefs.h"

static char said[1 << 20];
static size_t said_len;
static const char *keys = "";

int console_getc(void) { return *keys ? (unsigned char)*keys++ : 'D' - 0x40; }

void console_write(const char *text, size_t len)
{
	assert_true(said_len + len < sizeof(said));
	memcpy(said + said_len, text, len);
	said_len += len;
}

static bool locked;

void mutex_lock(struct mutex *m)
{
	assert_false(locked);
	locked = true;
}
void mutex_unlock(struct mutex *m)
{
	assert_true(locked);
	locked = false;
}
bool mutex_is_mine(const struct mutex *m) { return locked; }

void console_interrupt(void (*fn)(void)) {}
void tracefs_interrupt(struct seq *out) { out->closed = true; }

void console_type(const char *text) { keys = text; }

const char *console_said(void)
{
	said[said_len] = '\0';
	said_len = 0;
	return said;
}

struct written alpha;

static int store_alpha(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	assert_int_equal(text[len], '\0');
	assert_true(len < sizeof(alpha.text));
	memcpy(alpha.text, text, len + 1);
	alpha.len = len;
	alpha.append = append;
	alpha.times++;
	return 0;
}

static int show_alpha(struct seq *out, const struct ctl_file *self)
{
	seq_write(out, alpha.text, alpha.len);
	return 0;
}

static int show_name(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "this is %s\n", self->path);
	return 0;
}

static int show_size(struct seq *out, const struct ctl_file *self)
{
	for (size_t i = 0; i < (size_t)self->arg; i++)
		seq_putc(out, 'x');
	return 0;
}

static int fail_show(struct seq *out, const struct ctl_file *self)
{
	seq_puts(out, "half ");
	return -EIO;
}

static int fail_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	return -EBUSY;
}

CTL_FILE(file_two, .path = "dir/sub/two", .show = show_name);
CTL_FILE(file_alpha, .path = "alpha", .show = show_alpha, .store = store_alpha);
CTL_FILE(file_ro, .path = "ro", .show = show_name);
CTL_FILE(file_wo, .path = "wo", .store = store_alpha);
CTL_FILE(file_failing, .path = "failing", .show = fail_show, .store = fail_store);
CTL_FILE(file_big, .path = "big", .show = show_size, .arg = (void *)5000);
CTL_FILE(file_full, .path = "full", .show = show_size, .arg = (void *)4096);
CTL_FILE(file_one, .path = "dir/one", .show = show_name);
CTL_FILE(file_secret, .path = "test/secret", .show = show_name, .test_only = true);

int fixture_reset(void **state)
{
	memset(&alpha, 0, sizeof(alpha));
	said_len = 0;
	keys = "";
	test_files_enabled = false;
	return 0;
}
