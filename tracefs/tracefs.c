/* The tree made of the table: directories are whatever the files' paths lead through. */
#include "tracefs/tracefs.h"
#include "tracefs/internal.h"
#include "abi/errno.h"
#include "lib/string.h"

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

/* Does a parent of @rel turn out to be a file? Cuts @rel, from its end, to find out. */
static bool has_file_above(const char *rel)
{
	char parent[TRACEFS_PATH_MAX];
	char *slash;

	if (strscpy(parent, rel, sizeof(parent)) < 0)
		return false;
	while ((slash = strrchr(parent, '/'))) {
		*slash = '\0';
		if (ctl_find(parent))
			return true;
	}
	return false;
}

/* The file at @path, or why there is none. */
static int find_file(const char *path, const struct ctl_file **f)
{
	const char *rel = below_mount(path);

	if (only_entry_above_mount(path))
		return -EISDIR;
	if (!rel)
		return -ENOENT;
	*f = ctl_find(rel);
	if (*f)
		return 0;
	if (ctl_is_dir(rel))
		return -EISDIR;
	return has_file_above(rel) ? -ENOTDIR : -ENOENT;
}

int tracefs_read(const char *path, struct seq *out)
{
	const struct ctl_file *f;
	int err = find_file(path, &f);

	if (err)
		return err;
	return f->show ? f->show(out, f) : -EACCES;
}

int tracefs_may_write(const char *path)
{
	const struct ctl_file *f;
	int err = find_file(path, &f);

	if (err)
		return err;
	return f->store ? 0 : -EACCES;
}

int tracefs_write(const char *path, const char *text, size_t len, bool append)
{
	const struct ctl_file *f;
	int err = find_file(path, &f);

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

int tracefs_stat(const char *path, bool *is_dir)
{
	const struct ctl_file *f;
	int err = find_file(path, &f);

	*is_dir = err == -EISDIR;
	return *is_dir ? 0 : err;
}

int tracefs_check_dir(const char *path)
{
	bool is_dir;

	return tracefs_stat(path, &is_dir) ?: is_dir ? 0 : -ENOTDIR;
}

/* One name in a directory: a piece of some file's path. */
struct entry {
	const char *name;
	size_t len;
	bool is_dir;
};

/* The first component of @path below @dir; false when @path is not below it. */
static bool entry_of(const char *path, const char *dir, struct entry *e)
{
	if (!ctl_is_below(path, dir))
		return false;
	e->name = path = *dir ? path + strlen(dir) + 1 : path;
	e->len = 0;
	while (path[e->len] && path[e->len] != '/')
		e->len++;
	e->is_dir = path[e->len];
	return true;
}

/* Byte order of names, as strcmp. */
static int compare(const struct entry *e, const char *name, size_t len)
{
	int order = memcmp(e->name, name, min(e->len, len));

	return order ? order : (e->len > len) - (e->len < len);
}

/* The least entry greater than @after: asked again and again it sorts and drops doubles without memory of its
 * own. */
static bool next_entry(const char *dir, const char *after, struct entry *best)
{
	struct ctl_walk w = {};
	const struct ctl_file *f;
	struct entry e;
	bool found = false;

	while ((f = ctl_next(&w))) {
		if (!entry_of(f->path, dir, &e) || compare(&e, after, strlen(after)) <= 0)
			continue;
		if (!found || compare(&e, best->name, best->len) < 0) {
			*best = e;
			found = true;
		}
	}
	return found;
}

int tracefs_readdir(const char *path, tracefs_entry_fn each, void *arg)
{
	char name[TRACEFS_PATH_MAX] = "";
	const char *above = only_entry_above_mount(path);
	struct entry e;
	int err = tracefs_check_dir(path);

	if (err)
		return err;
	if (above) {
		each(arg, above, true);
		return 0;
	}
	while (next_entry(below_mount(path), name, &e)) {
		memcpy(name, e.name, e.len);
		name[e.len] = '\0';
		each(arg, name, e.is_dir);
	}
	return 0;
}
