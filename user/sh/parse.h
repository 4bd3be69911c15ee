/* The shell's grammar: text to commands, nothing run, nothing allocated. */
#pragma once

#include "lib/types.h"

#define SHELL_LINE_MAX 4096
/* A word takes at least one byte and a separator. */
#define SHELL_ARGS_MAX (SHELL_LINE_MAX / 2)

struct shell_command {
	int argc; /* 0 with a target: only truncates it */
	char *argv[SHELL_ARGS_MAX + 1];
	char *target; /* what follows '>'; NULL without redirection */
	bool append;
	bool piped; /* its output is the next command's input; then there is one */
	/* Where the words are, each with its NUL: separators leave room for all but the last one's. */
	char words[SHELL_LINE_MAX + 1];
	size_t used;
};

struct parser {
	const char *text;
	size_t len, pos;
	size_t line_start; /* of the line being read; quoted newlines belong to it */
	bool after_pipe;
	size_t pipe_pos;   /* of the last '|' */
	const char *error; /* what is wrong, NULL as long as nothing is */
	size_t error_pos;
};

void parser_init(struct parser *p, const char *text, size_t len);
/* 1: the next command, never an empty one, is in @cmd; 0: end of the text; -EINVAL: a syntax error. */
int parse_command(struct parser *p, struct shell_command *cmd);
/* The line and column, from 1, of a place in the text. */
void parser_where(const struct parser *p, size_t pos, unsigned *line, unsigned *column);
