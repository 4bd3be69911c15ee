/* From what a user types to one absolute, plain path. */
#include "tracefs/tracefs.h"
#include "abi/errno.h"
#include "lib/string.h"

/* A path under construction: "" stands for the root, otherwise "/a/b". */
struct plain_path {
	char *text;
	size_t len;
};

static void drop_last(struct plain_path *p)
{
	while (p->len && p->text[--p->len] != '/')
		;
	p->text[p->len] = '\0';
}

/* Adds one component, which the kernel's readers of the path will find plain. */
static int add_component(struct plain_path *p, const char *name, size_t len)
{
	if (len == 1 && name[0] == '.')
		return 0;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		drop_last(p);
		return 0;
	}
	if (p->len + 1 + len >= TRACEFS_PATH_MAX)
		return -ENAMETOOLONG;
	p->text[p->len++] = '/';
	memcpy(p->text + p->len, name, len);
	p->len += len;
	p->text[p->len] = '\0';
	return 0;
}

static int add_path(struct plain_path *p, const char *path)
{
	while (*path) {
		size_t len = 0;
		int err;

		while (path[len] && path[len] != '/')
			len++;
		err = len ? add_component(p, path, len) : 0;
		if (err)
			return err;
		path += len;
		/* A slash says that a directory stands before it, even when nothing or ".." follows. */
		if (*path == '/') {
			err = tracefs_check_dir(p->len ? p->text : "/");
			if (err)
				return err;
			path++;
		}
	}
	return 0;
}

int tracefs_resolve(const char *cwd, const char *path, char *out)
{
	struct plain_path p = { .text = out };
	int err = 0;

	*out = '\0';
	if (!*path)
		return -ENOENT;
	if (*path != '/')
		err = add_path(&p, cwd);
	if (!err)
		err = add_path(&p, path);
	if (!err && !p.len)
		strscpy(out, "/", TRACEFS_PATH_MAX);
	return err;
}
