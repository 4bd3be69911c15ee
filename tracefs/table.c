/* The table of control files: those the linker collected, then those added while running. */
#include "tracefs/internal.h"
#include "tracefs/tracefs.h"
#include "abi/errno.h"
#include "lib/printf.h"
#include "lib/string.h"

bool test_files_enabled;

static LIST_HEAD(added_files);

static bool exists(const struct ctl_file *f) { return !f->test_only || test_files_enabled; }

/* The next entry of the table, file or folder. */
static const struct ctl_file *next_entry(struct ctl_walk *w)
{
	const struct ctl_file *f;

	if (!w->registered) {
		w->registered = (const struct ctl_file *const *)__start_ctl_files;
		w->added = added_files.next;
	}
	if (w->registered < (const struct ctl_file *const *)__stop_ctl_files)
		return *w->registered++;
	if (w->added == &added_files)
		return NULL;
	f = list_entry(w->added, struct ctl_file, link);
	w->added = w->added->next;
	return f;
}

/* Does one of them begin with the other? */
static bool related(const char *a, const char *b)
{
	for (; *a && *a == *b; a++)
		b++;
	return !*a || !*b;
}

/* Whoever looks for one path has a path made for few: they may be many, and probed. */
static const struct ctl_file *next_inside(struct ctl_walk *w)
{
	size_t len = strlen(w->folder->path);
	const char *rest = w->only && strlen(w->only) > len ? w->only + len + 1 : "";

	while (w->inside->path && !related(rest, w->inside->path))
		w->inside++;
	if (!w->inside->path)
		return NULL;
	w->file = *w->inside++;
	snprintf(w->path, sizeof(w->path), "%s/%s", w->folder->path, w->file.path);
	w->file.path = w->path;
	w->file.arg = w->folder->arg;
	return &w->file;
}

const struct ctl_file *ctl_next(struct ctl_walk *w)
{
	const struct ctl_file *f;

	for (;;) {
		f = w->inside ? next_inside(w) : NULL;
		if (f)
			return f;
		w->folder = f = next_entry(w);
		if (!f)
			return NULL;
		w->inside = !w->only || related(w->only, f->path) ? f->inside : NULL;
		if (!f->inside && exists(f))
			return f;
	}
}

const struct ctl_file *ctl_find(struct ctl_walk *w, const char *path)
{
	const struct ctl_file *f;

	*w = (struct ctl_walk){ .only = path };
	while ((f = ctl_next(w)) && strcmp(f->path, path) != 0)
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
	struct ctl_walk w = { .only = path };
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
	struct ctl_walk w = { .only = path };
	const struct ctl_file *f;

	while ((f = ctl_next(&w)) && !ctl_is_below(path, f->path))
		;
	return f;
}

int ctl_add(struct ctl_file *f)
{
	struct ctl_walk w;

	if (!*f->path || strlen(TRACEFS_MOUNT "/") + strlen(f->path) >= TRACEFS_PATH_MAX)
		return -EINVAL;
	if (ctl_find(&w, f->path) || (!f->inside && ctl_is_dir(f->path)) || leads_through_file(f->path))
		return -EEXIST;
	list_add_tail(&f->link, &added_files);
	return 0;
}

void ctl_remove(struct ctl_file *f) { list_del(&f->link); }
