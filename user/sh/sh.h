/* What the files of the shell that know user mode share: servers, streams, programs. */
#pragma once

#include "lib/archive.h"
#include "lib/command.h"
#include "lib/seq.h"

/* The thread that waits for ^C and for time-outs. */
bool sh_watch_start(void);
/* What ^C and time-outs end, too: the running stream, the running program; 0: none. */
void sh_set_stream(u32 stream);
void sh_set_program(u32 process);
void sh_end_running(void);

bool sh_archive_init(void);
/* A program of the boot module. */
bool sh_find_program(const char *name, struct archive_file *out);
/* Calls @each for every program that there is. */
void sh_each_program(void (*each)(const struct archive_file *f));
int sh_run_program(int argc, char **argv, struct seq *out);

/* The kernel's commands. */
int sh_run_kernel(int argc, char **argv, struct seq *out);
/* Reads a stream to its end into @out: what it ended with. */
int sh_read_stream(s64 stream, struct seq *out);
