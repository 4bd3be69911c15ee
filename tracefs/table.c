/* The table of control files: those the linker collected, then those added while running. */
#include "tracefs/internal.h"
#include "tracefs/tracefs.h"
#include "abi/errno.h"
#include "lib/string.h"

bool test_files_enabled;

static LIST_HEAD(added_files);

static bool exists(const struct ctl_file *f) { return !f->test_only || test_files_enabled; }

const struct ctl_file *ctl_next(struct ctl_walk *w)
{
	const struct ctl_file *f;

	if (!w->registered) {
		w->registered = (const struct ctl_file *const *)__start_ctl_files;
		w->added = added_files.next;
	}
	while (w->registered < (const struct ctl_file *const *)__stop_ctl_files) {
		f = *w->registered++;
		if (exists(f))
			return f;
	}
	while (w->added != &added_files) {
		f = list_entry(w->added, struct ctl_file, link);
		w->added = w->added->next;
		if (exists(f))
			return f;
	}
	return NULL;
}

const struct ctl_file *ctl_find(const char *path)
{
	struct ctl_walk w = {};
	const struct ctl_file *f;

	while ((f = ctl_next(&w)) && strcmp(f->path, path) != 0)
		;
	return f;
}

bool ctl_is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !len || (str_has_prefix(path, dir) && path[len] == '/');
}

bool ctl_is_dir(const char *path)
{
	struct ctl_walk w = {};
	const struct ctl_file *f;

	if (!*path)
		return true;
	while ((f = ctl_next(&w)) && !ctl_is_below(f->path, path))
		;
	return f;
}

/* Would a file at @path need one of the existing files to be a directory? */
static bool leads_through_file(const char *path)
{
	struct ctl_walk w = {};
	const struct ctl_file *f;

	while ((f = ctl_next(&w)) && !ctl_is_below(path, f->path))
		;
	return f;
}

int ctl_add(struct ctl_file *f)
{
	if (!*f->path || strlen(TRACEFS_MOUNT "/") + strlen(f->path) >= TRACEFS_PATH_MAX)
		return -EINVAL;
	if (ctl_find(f->path) || ctl_is_dir(f->path) || leads_through_file(f->path))
		return -EEXIST;
	list_add_tail(&f->link, &added_files);
	return 0;
}

void ctl_remove(struct ctl_file *f) { list_del(&f->link); }
