/* What the files of this folder share: the table, before permissions and directories are made of it. */
#pragma once

#include "lib/ctl.h"
#include "tracefs/tracefs.h"

/* A walk over all existing files, build-time ones first: start with a zeroed one. */
struct ctl_walk {
	const char *only; /* NULL, or it may leave out what neither leads to this path nor is below it */
	const struct ctl_file *const *registered;
	struct list_head *added;
	const struct ctl_file *folder, *inside; /* the one we are in, and its next file */
	struct ctl_file file;			/* a folder's, made up */
	char path[TRACEFS_PATH_MAX];
};
/* The next file, until the next call; NULL past the last. No file may come or go during a walk. */
const struct ctl_file *ctl_next(struct ctl_walk *w);
/* The file with exactly this path below the mount point; NULL when there is none. It may live in @w. */
const struct ctl_file *ctl_find(struct ctl_walk *w, const char *path);
/* Is @path below @dir, both below the mount point? */
bool ctl_is_below(const char *path, const char *dir);
/* Does some file's path lead through @path? "" is the mount point itself and always a directory. */
bool ctl_is_dir(const char *path);
