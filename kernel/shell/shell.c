/* The kernel's one shell: a script from outside, or a person at the serial line. */
#include "kernel/shell/shell.h"
#include "kernel/shell/complete.h"
#include "kernel/shell/console.h"
#include "kernel/shell/internal.h"
#include "lib/bug.h"
#include "lib/printf.h"
#include "mm/frames.h"

bool shell_poweroff_requested;

static struct {
	struct shell shell;
	struct line line;
} * the;

static struct shell *get_shell(void)
{
	if (!the) {
		if (!FRAMES_ONCE(the))
			panic("no memory for a shell");
		shell_init(&the->shell);
	}
	return &the->shell;
}

static void interrupt(void) { shell_interrupt(&the->shell); }

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

	line_init(&the->line, &client);
	while (!shell_poweroff_requested) {
		snprintf(prompt, sizeof(prompt), "nestling:%s# ", sh->cwd);
		switch (read_line(&the->line, prompt)) {
		case LINE_DONE:
			run(sh, the->line.text, the->line.len);
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
