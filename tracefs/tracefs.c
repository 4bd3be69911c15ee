/* The tree made of the table: directories are whatever the files' paths lead through. */
#include "tracefs/tracefs.h"
#include "tracefs/internal.h"
#include "abi/errno.h"
#include "lib/string.h"
#include "sched/mutex.h"

/* The part of an absolute path below the mount point ("" for the mount point itself); NULL for anything
 * outside. */
static const char *below_mount(const char *path)
{
	size_t len = strlen(TRACEFS_MOUNT);

	if (!str_has_prefix(path, TRACEFS_MOUNT))
		return NULL;
	if (!path[len])
		return path + len;
	return path[len] == '/' ? path + len + 1 : NULL;
}

/* One of "/", "/sys" and "/sys/kernel": the name of its only entry; NULL for any other path. */
static const char *only_entry_above_mount(const char *path)
{
	if (!strcmp(path, "/"))
		return "sys";
	if (!strcmp(path, "/sys"))
		return "kernel";
	if (!strcmp(path, "/sys/kernel"))
		return "tracing";
	return NULL;
}

/* The file at @path, or why there is none. */
static int find_file(struct ctl_found *found, const char *path, const struct ctl_file **f)
{
	const char *rel = below_mount(path);

	if (only_entry_above_mount(path))
		return -EISDIR;
	if (!rel)
		return -ENOENT;
	*f = ctl_find(found, rel);
	if (*f)
		return 0;
	if (ctl_is_dir(rel))
		return -EISDIR;
	return ctl_has_file_above(rel) ? -ENOTDIR : -ENOENT;
}

/* The files were written for one user at a time: what one shows another may be about to change, or to take away. */
static struct mutex files_mutex = { .name = "tracefs",
				    .waiters = { .lock = SPINLOCK_INIT(tracefs),
						 .waiters = { &files_mutex.waiters.waiters,
							      &files_mutex.waiters.waiters } } };

void tracefs_lock(void) { mutex_lock(&files_mutex); }
void tracefs_unlock(void) { mutex_unlock(&files_mutex); }

bool tracefs_is_mine(void) { return mutex_is_mine(&files_mutex); }

bool tracefs_pause(void)
{
	bool held = tracefs_is_mine();

	if (held)
		mutex_unlock(&files_mutex);
	return held;
}

void tracefs_resume(void) { mutex_lock(&files_mutex); }

int tracefs_read(const char *path, struct seq *out)
{
	struct ctl_found found;
	const struct ctl_file *f;
	int err;

	tracefs_lock();
	err = find_file(&found, path, &f);
	if (!err && f->show && f->unlocked) {
		tracefs_unlock();
		return f->show(out, f);
	}
	err = err ?: f->show ? f->show(out, f) : -EACCES;
	tracefs_unlock();
	return err;
}

static int may(const char *path, bool write)
{
	struct ctl_found found;
	const struct ctl_file *f;
	int err;

	tracefs_lock();
	err = find_file(&found, path, &f);
	if (!err && (write ? !f->store : !f->show))
		err = -EACCES;
	tracefs_unlock();
	return err;
}

int tracefs_may_write(const char *path) { return may(path, true); }
int tracefs_may_read(const char *path) { return may(path, false); }

static int write_locked(const char *path, const char *text, size_t len, bool append)
{
	struct ctl_found found;
	const struct ctl_file *f;
	int err = find_file(&found, path, &f);

	if (err)
		return err;
	if (!f->store)
		return -EACCES;
	if (len > TRACEFS_WRITE_MAX)
		return -E2BIG;
	/* What would end at the NUL for one parser, and not for another. */
	if (!f->bytes && memchr(text, 0, len))
		return -EINVAL;
	return f->store(f, text, len, append);
}

int tracefs_write(const char *path, const char *text, size_t len, bool append)
{
	int err;

	tracefs_lock();
	err = write_locked(path, text, len, append);
	tracefs_unlock();
	return err;
}

int tracefs_stat(const char *path, bool *is_dir)
{
	struct ctl_found found;
	const struct ctl_file *f;
	int err;

	tracefs_lock();
	err = find_file(&found, path, &f);
	tracefs_unlock();
	*is_dir = err == -EISDIR;
	return *is_dir ? 0 : err;
}

int tracefs_check_dir(const char *path)
{
	bool is_dir;

	return tracefs_stat(path, &is_dir) ?: is_dir ? 0 : -ENOTDIR;
}

int tracefs_readdir(const char *path, tracefs_entry_fn each, void *arg)
{
	struct ctl_name name = { .text = "" };
	const char *above = only_entry_above_mount(path);
	int err = tracefs_check_dir(path);

	if (err)
		return err;
	if (above) {
		each(arg, above, true);
		return 0;
	}
	tracefs_lock();
	while (ctl_next_name(below_mount(path), &name))
		each(arg, name.text, name.is_dir);
	tracefs_unlock();
	return 0;
}
