/* The table of control files, in the order of their paths: those the linker collected, and those added while running. */
#include "tracefs/internal.h"
#include "tracefs/tracefs.h"
#include "abi/errno.h"
#include "lib/printf.h"
#include "lib/string.h"

#define MAX_ENTRIES 2560

bool test_files_enabled;

static const struct ctl_file *table[MAX_ENTRIES];
static size_t nr_entries;

static bool exists(const struct ctl_file *f) { return !f->test_only || test_files_enabled; }

/* A slash comes before all else, so that what is below a directory follows it at once, in the order of its names. */
static int rank(int c) { return c == '/' ? 1 : c ? 1 + (u8)c : 0; }

static int compare(const char *path, const char *key, size_t len)
{
	while (len && *path && *path == *key) {
		path++;
		key++;
		len--;
	}
	return rank(*path) - rank(len ? *key : '\0');
}

/* The first entry that isn't before the path of @len bytes at @key. */
static size_t first_at(const char *key, size_t len)
{
	size_t low = 0, high = nr_entries;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare(table[middle]->path, key, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Is the entry at @i there, with just the path of @len bytes at @key? */
static bool is_at(size_t i, const char *key, size_t len)
{
	return i < nr_entries && compare(table[i]->path, key, len) == 0;
}

/* Behind its equals: of folders that overlap the first speaks. */
static void insert(const struct ctl_file *f)
{
	size_t len = strlen(f->path), at = first_at(f->path, len);

	while (is_at(at, f->path, len))
		at++;
	memmove(&table[at + 1], &table[at], (nr_entries++ - at) * sizeof(void *));
	table[at] = f;
}

static void collect(void)
{
	if (nr_entries)
		return;
	FOR_EACH_REGISTERED(ctl_files, const struct ctl_file, f)
		insert(*f);
}

/* The file @name in one of the folders whose path has @len bytes of @path; made up in @w. */
static const struct ctl_file *find_inside(struct ctl_found *found, const char *path, size_t len)
{
	for (size_t i = first_at(path, len); is_at(i, path, len); i++)
		for (const struct ctl_file *f = table[i]->inside; f && f->path; f++)
			if (strcmp(f->path, path + len + 1) == 0) {
				found->file = *f;
				found->file.path = found->path;
				found->file.arg = table[i]->arg;
				strscpy(found->path, path, sizeof(found->path));
				return &found->file;
			}
	return NULL;
}

/* The length of @path up to the slash before @end; 0: there is none. */
static size_t parent(const char *path, size_t end)
{
	while (end && path[--end] != '/')
		;
	return end;
}

const struct ctl_file *ctl_find(struct ctl_found *found, const char *path)
{
	const struct ctl_file *f = NULL;
	size_t len = strlen(path);

	collect();
	for (size_t i = first_at(path, len); is_at(i, path, len); i++)
		if (!table[i]->inside && exists(table[i]))
			return table[i];
	while (!f && (len = parent(path, len)))
		f = find_inside(found, path, len);
	return f;
}

bool ctl_has_file_above(const char *path)
{
	char above[TRACEFS_PATH_MAX];
	struct ctl_found found;
	size_t len = strlen(path);

	while ((len = parent(path, len))) {
		strscpy(above, path, min(len + 1, sizeof(above)));
		if (ctl_find(&found, above))
			return true;
	}
	return false;
}

/* Is @path below @dir, both below the mount point? */
static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !len || (str_has_prefix(path, dir) && path[len] == '/');
}

/* A name of a directory, the least so far that is behind another. */
static void consider(struct ctl_name *best, const char *after, const char *path, bool is_folder)
{
	size_t len = 0;

	while (path[len] && path[len] != '/')
		len++;
	if (compare(after, path, len) >= 0 || (*best->text && compare(best->text, path, len) < 0))
		return;
	if (!*best->text || compare(best->text, path, len) > 0)
		best->is_dir = false;
	best->is_dir |= is_folder || path[len];
	strscpy(best->text, path, min(len + 1, sizeof(best->text)));
}

/* Of the entries below @dir only the first whose name is behind: all others' are behind it, or the same. */
static void consider_entries(struct ctl_name *best, const char *dir, const char *after)
{
	char key[TRACEFS_PATH_MAX];
	size_t i, len = *dir ? strlen(dir) + 1 : 0;

	snprintf(key, sizeof(key), "%s%s%s", dir, *dir ? "/" : "", after);
	for (i = first_at(key, strlen(key)); i < nr_entries && is_below(table[i]->path, dir); i++) {
		const char *rest = table[i]->path + len;

		if (*best->text && strcmp(rest, best->text) != 0 && !is_below(rest, best->text))
			break;
		if (exists(table[i]))
			consider(best, after, rest, table[i]->inside);
	}
}

static void consider_inside(struct ctl_name *best, const char *dir, const char *after)
{
	size_t whole = strlen(dir);

	for (size_t len = whole; len; len = parent(dir, len))
		for (size_t i = first_at(dir, len); is_at(i, dir, len); i++)
			for (const struct ctl_file *f = table[i]->inside; f && f->path; f++)
				if (len == whole)
					consider(best, after, f->path, false);
				else if (is_below(f->path, dir + len + 1))
					consider(best, after, f->path + whole - len, false);
}

bool ctl_next_name(const char *dir, struct ctl_name *name)
{
	struct ctl_name best = { .text = "" };

	collect();
	consider_entries(&best, dir, name->text);
	consider_inside(&best, dir, name->text);
	*name = best;
	return *best.text;
}

bool ctl_is_dir(const char *path)
{
	struct ctl_name first = { .text = "" };

	return !*path || ctl_next_name(path, &first);
}

size_t ctl_room(void) { return MAX_ENTRIES - nr_entries; }

int ctl_add(const struct ctl_file *f)
{
	struct ctl_found found;

	if (!*f->path || strlen(TRACEFS_MOUNT "/") + strlen(f->path) >= TRACEFS_PATH_MAX)
		return -EINVAL;
	if (ctl_find(&found, f->path) || (!f->inside && ctl_is_dir(f->path)) || ctl_has_file_above(f->path))
		return -EEXIST;
	if (!ctl_room())
		return -ENOSPC;
	insert(f);
	return 0;
}

void ctl_remove(const struct ctl_file *f)
{
	size_t i = first_at(f->path, strlen(f->path));

	while (table[i] != f)
		i++;
	memmove(&table[i], &table[i + 1], (--nr_entries - i) * sizeof(void *));
}
