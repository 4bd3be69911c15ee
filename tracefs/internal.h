/* What the files of this folder share: the table, before permissions and directories are made of it. */
#pragma once

#include "lib/ctl.h"
#include "tracefs/tracefs.h"

/* Where a folder's file is made up. */
struct ctl_found {
	struct ctl_file file;
	char path[TRACEFS_PATH_MAX];
};
/* The file with exactly this path below the mount point; NULL when there is none. It may live in @w. */
const struct ctl_file *ctl_find(struct ctl_found *w, const char *path);
/* Is there a file that would have to be a directory for @path to be? */
bool ctl_has_file_above(const char *path);

struct ctl_name {
	char text[TRACEFS_PATH_MAX];
	bool is_dir;
};
/* The name behind @name in the directory @dir, in byte order; behind "" the first. False: none, nor a directory. */
bool ctl_next_name(const char *dir, struct ctl_name *name);
/* Does some file's path lead through @path? "" is the mount point itself and always a directory. */
bool ctl_is_dir(const char *path);
