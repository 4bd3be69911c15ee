/* The one shell: a script from outside, or a person at the serial line. */
#include "user/sh/shell.h"
#include "user/sh/complete.h"
#include "user/sh/console.h"
#include "user/sh/internal.h"
#include "lib/printf.h"

bool shell_poweroff_requested, shell_has_terminal;

static struct shell the;
static struct line line;

static struct shell *get_shell(void)
{
	if (!*the.cwd)
		shell_init(&the);
	return &the;
}

static void interrupt(void) { shell_interrupt(&the); }

static int run(struct shell *sh, const char *text, size_t len)
{
	int status;

	console_interrupt(interrupt);
	status = shell_run(sh, text, len);
	console_interrupt(NULL);
	if (sh->interrupted) {
		console_write("^C\n", 3);
		status = sh->status = 1;
	}
	shell_poweroff_requested = sh->poweroff;
	return status;
}

int shell_run_script(const char *text, size_t len) { return run(get_shell(), text, len); }

static void draw(void *arg, const char *text, size_t len) { console_write(text, len); }

static void complete(void *arg, const char *text, size_t len, struct completion *c)
{
	shell_complete(arg, text, len, c);
}

static void list(void *arg, const char *text, size_t len)
{
	shell_list_candidates(arg, text, len, &shell_console);
	shell_flush();
}

static enum line_state read_line(struct line *l, const char *prompt)
{
	enum line_state state = LINE_MORE;

	line_start(l, prompt);
	while (state == LINE_MORE)
		state = line_feed(l, (char)console_getc());
	return state;
}

int shell_interactive(void)
{
	struct shell *sh = get_shell();
	const struct line_client client = { draw, complete, list, sh };
	char prompt[TRACEFS_PATH_MAX + 16];

	shell_has_terminal = true;
	line_init(&line, &client);
	while (!shell_poweroff_requested) {
		snprintf(prompt, sizeof(prompt), "nestling:%s# ", sh->cwd);
		switch (read_line(&line, prompt)) {
		case LINE_DONE:
			run(sh, line.text, line.len);
			break;
		case LINE_EOF:
			shell_poweroff_requested = true;
			break;
		default:
			break;
		}
	}
	return sh->status;
}
