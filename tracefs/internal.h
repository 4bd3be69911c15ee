/* What the files of this folder share: the table, before permissions and directories are made of it. */
#pragma once

#include "lib/ctl.h"

/* A walk over all existing files, build-time ones first: start with a zeroed one. */
struct ctl_walk {
	const struct ctl_file *const *registered;
	struct list_head *added;
};
/* The next file, NULL past the last. No file may come or go during a walk. */
const struct ctl_file *ctl_next(struct ctl_walk *w);
/* The file with exactly this path below the mount point; NULL when there is none. */
const struct ctl_file *ctl_find(const char *path);
/* Is @path below @dir, both below the mount point? */
bool ctl_is_below(const char *path, const char *dir);
/* Does some file's path lead through @path? "" is the mount point itself and always a directory. */
bool ctl_is_dir(const char *path);
