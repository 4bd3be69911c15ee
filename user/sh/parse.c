/* One pass over the text, byte by byte, words copied as they are unquoted. */
#include "user/sh/parse.h"
#include "abi/errno.h"
#include "lib/string.h"

void parser_init(struct parser *p, const char *text, size_t len)
{
	*p = (struct parser){ .text = text, .len = len };
}

void parser_where(const struct parser *p, size_t pos, unsigned *line, unsigned *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < pos; i++) {
		++*column;
		if (p->text[i] == '\n') {
			++*line;
			*column = 1;
		}
	}
}

static int fail(struct parser *p, size_t pos, const char *what)
{
	p->error = what;
	p->error_pos = pos;
	return -EINVAL;
}

static bool at_end(const struct parser *p) { return p->pos >= p->len; }

static char peek(const struct parser *p) { return p->text[p->pos]; }

/* Steps over one byte of the current line; only what has been stepped over reaches a word. */
static int step(struct parser *p)
{
	if (!peek(p))
		return fail(p, p->pos, "NUL byte");
	if (p->pos - p->line_start >= SHELL_LINE_MAX)
		return fail(p, p->line_start, "line longer than 4096 bytes");
	p->pos++;
	return 0;
}
_Static_assert(SHELL_LINE_MAX == 4096, "the message in step() says so");

/* Copies the current byte into the word. */
static int take(struct parser *p, struct shell_command *cmd)
{
	char c = peek(p);
	int err = step(p);

	if (!err)
		cmd->words[cmd->used++] = c;
	return err;
}

static int skip_comment(struct parser *p)
{
	int err = 0;

	while (!err && !at_end(p) && peek(p) != '\n')
		err = step(p);
	return err;
}

/* Blanks and a comment: what may stand before a word. */
static int skip_blanks(struct parser *p)
{
	int err = 0;

	while (!err && !at_end(p) && (peek(p) == ' ' || peek(p) == '\t'))
		err = step(p);
	if (!err && !at_end(p) && peek(p) == '#')
		err = skip_comment(p);
	return err;
}

/* Is there a closing quote at all? Asked first, or a forgotten one would be reported as a line too long. */
static bool is_closed(const struct parser *p, char quote)
{
	for (size_t i = p->pos + 1; i < p->len; i++) {
		if (p->text[i] == quote)
			return true;
		if (quote == '"' && p->text[i] == '\\' && i + 1 < p->len &&
		    (p->text[i + 1] == '"' || p->text[i + 1] == '\\'))
			i++;
	}
	return false;
}

/* A quoted part of a word, from its opening quote on. Only double quotes know escapes, and only two of them.
 */
static int parse_quoted(struct parser *p, struct shell_command *cmd)
{
	char quote = peek(p);
	int err;

	if (!is_closed(p, quote))
		return fail(p, p->pos, quote == '"' ? "unterminated \" quote" : "unterminated ' quote");
	err = step(p);
	while (!err && peek(p) != quote) {
		if (quote == '"' && peek(p) == '\\' &&
		    (p->text[p->pos + 1] == '"' || p->text[p->pos + 1] == '\\'))
			err = step(p);
		if (!err)
			err = take(p, cmd);
	}
	return err ? err : step(p);
}

static int parse_escaped(struct parser *p, struct shell_command *cmd)
{
	if (p->pos + 1 >= p->len)
		return fail(p, p->pos, "nothing after '\\'");
	return step(p) ?: take(p, cmd);
}

static bool ends_word(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == ';' || c == '>' || c == '|';
}

static int parse_word(struct parser *p, struct shell_command *cmd, char **word)
{
	int err = 0;

	*word = cmd->words + cmd->used;
	while (!err && !at_end(p) && !ends_word(peek(p))) {
		char c = peek(p);

		if (c == '\'' || c == '"')
			err = parse_quoted(p, cmd);
		else if (c == '\\')
			err = parse_escaped(p, cmd);
		else
			err = take(p, cmd);
	}
	cmd->words[cmd->used++] = '\0';
	return err;
}

static int parse_redirection(struct parser *p, struct shell_command *cmd)
{
	size_t start = p->pos;
	int err = step(p);

	if (cmd->target)
		return fail(p, start, "second redirection");
	if (!err && !at_end(p) && peek(p) == '>') {
		cmd->append = true;
		err = step(p);
	}
	if (!err)
		err = skip_blanks(p);
	if (err)
		return err;
	if (at_end(p) || ends_word(peek(p)))
		return fail(p, start, cmd->append ? "no file name after '>>'" : "no file name after '>'");
	return parse_word(p, cmd, &cmd->target);
}

static int parse_piece(struct parser *p, struct shell_command *cmd)
{
	if (peek(p) == '>')
		return parse_redirection(p, cmd);
	return parse_word(p, cmd, &cmd->argv[cmd->argc++]);
}

static bool at_separator(const struct parser *p)
{
	return peek(p) == '\n' || peek(p) == ';' || peek(p) == '|';
}

/* Words and a redirection, up to a separator or the end; there may be none. */
static int parse_pieces(struct parser *p, struct shell_command *cmd)
{
	int err = skip_blanks(p);

	while (!err && !at_end(p) && !at_separator(p))
		err = parse_piece(p, cmd) ?: skip_blanks(p);
	return err;
}

static bool is_empty(const struct shell_command *cmd) { return !cmd->argc && !cmd->target; }

static int take_pipe(struct parser *p, struct shell_command *cmd)
{
	p->pipe_pos = p->pos;
	if (is_empty(cmd))
		return fail(p, p->pos, "nothing before '|'");
	if (cmd->target)
		return fail(p, p->pos, "the output goes to a file already");
	cmd->piped = p->after_pipe = true;
	return step(p);
}

static int skip_separator(struct parser *p, struct shell_command *cmd)
{
	if (peek(p) == '|')
		return take_pipe(p, cmd);
	if (peek(p) == ';')
		return step(p);
	p->pos++;
	p->line_start = p->pos;
	return 0;
}

/* What a pipe leads to stands in its line. */
static int check_pipe(struct parser *p, const struct shell_command *cmd)
{
	if (p->after_pipe && !cmd->argc)
		return fail(p, p->pipe_pos, "nothing after '|'");
	p->after_pipe = false;
	return 0;
}

int parse_command(struct parser *p, struct shell_command *cmd)
{
	int err = 0;

	cmd->argc = 0;
	cmd->target = NULL;
	cmd->append = cmd->piped = false;
	cmd->used = 0;
	while (!err && is_empty(cmd) && !at_end(p)) {
		err = parse_pieces(p, cmd) ?: check_pipe(p, cmd);
		if (!err && !at_end(p))
			err = skip_separator(p, cmd);
	}
	if (!err && p->after_pipe && !cmd->piped)
		err = check_pipe(p, cmd);
	if (err) /* perhaps of one word too many */
		return err;
	cmd->argv[cmd->argc] = NULL;
	return !is_empty(cmd);
}
