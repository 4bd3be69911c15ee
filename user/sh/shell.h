/* The shell: a client of the control files (tracefs/tracefs.h), of a console, and of a registry of commands. */
#pragma once

#include "user/sh/parse.h"
#include "lib/seq.h"
#include "tracefs/tracefs.h"

struct shell {
	char cwd[TRACEFS_PATH_MAX];
	int status;	  /* 1 once anything has failed */
	bool failed;	  /* did the command now running complain? */
	bool printed;	  /* has it printed anything? */
	bool poweroff;	  /* asked for: nothing more is run */
	bool interrupted; /* by ^C: nothing more of the script is run */
	u64 lines;	  /* that the running command may still print; "head" sets it */
	struct seq out;	  /* what commands print to: the pipe, the console, or the target's text below */
	struct seq *pipe; /* what filters that; NULL: none */
	struct seq end;	  /* what the last filter prints to */
	struct seq_buf collected;
	char collected_text[TRACEFS_WRITE_MAX + 1];
	struct shell_command command;
};

/* Empty, in /sys/kernel/tracing, status 0. */
void shell_init(struct shell *sh);
/*
 * Runs a script in @sh, which must not be running one already; returns sh->status. A syntax error
 * anywhere runs nothing of it.
 */
int shell_run(struct shell *sh, const char *text, size_t len);
/* From any thread. The running command is to end, and what follows it isn't run. */
void shell_interrupt(struct shell *sh);
/* Prints "sh: NAME: ERROR TEXT" on the console and counts the running command as failed. */
void shell_complain(struct shell *sh, const char *name, int err);
void shell_complain_text(struct shell *sh, const char *name, const char *what);
/* The running command has no more output. Its filters' goes to sh->end. */
void shell_end_pipe(struct shell *sh);
/*
 * Runs the pipeline that begins with the command that @from stands before, which has been read into sh->command; moves @p, which
 * stands behind that, behind all of it.
 */
void shell_run_pipeline(struct shell *sh, struct parser *p, struct parser from);
/* One command without a pipe behind it, or with sh->pipe set up. */
void shell_run_command(struct shell *sh, struct shell_command *cmd);
/* The shell that gave a command this sink. Only commands the shell itself runs may ask. */
struct shell *shell_of(struct seq *out);

/* The one that people and scripts have. Both return 0, or 1 when a command or the text itself was wrong. */
int shell_run_script(const char *text, size_t len);
/* Prompt, line, run; until someone asks for poweroff. */
int shell_interactive(void);
/* Has "poweroff" (or ^D) been asked for? A script may also just end. */
extern bool shell_poweroff_requested;
/* Somebody types at a terminal, which understands ECMA-48's escape sequences; a script's output is plain. */
extern bool shell_has_terminal;
