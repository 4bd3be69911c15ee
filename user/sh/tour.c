/* The command "tour": plays the thread's scenes, line by line, in a shell of its own. */
#include "user/sh/tour.h"

#include "abi/errno.h"
#include "user/sh/internal.h"
#include "user/sh/matrix.h"
#include "user/sh/scene_probes.h"
#include "user/sh/settings.h"
#include "user/sh/shell.h"
#include "lib/command.h"
#include "lib/string.h"

#define LINE_MAX_LENGTH 256

/* As the user's would be in the middle of a command: one shell can't run two scripts at once. */
static struct shell tour_shell;

static bool begins(const char *line, size_t len, const char *with)
{
	return len >= strlen(with) && strncmp(line, with, strlen(with)) == 0;
}

/* Attributes of ECMA-48's "select graphic rendition". */
#define PLAIN	  "0"
#define BOLD	  "1"
#define BOLD_CYAN "1;36"
#define BOLD_RED  "1;31"

static struct seq *reader; /* what a tour prints to, where that isn't the console */

static void set_colour(const char *attributes)
{
	if (shell_has_terminal && !reader)
		seq_printf(&shell_console, "\033[%sm", attributes);
}

static void show_line(const char *before, const char *text, size_t len)
{
	seq_puts(&shell_console, before);
	seq_write(&shell_console, text, len);
	seq_putc(&shell_console, '\n');
}

static void show_command(const char *command, size_t len)
{
	set_colour(BOLD_CYAN);
	show_line("# ", command, len);
	set_colour(PLAIN);
}

/* A command that is to be refused; the shell's status is as it was, for those that follow. */
static int run_refused(const char *command, size_t len)
{
	show_command(command, len);
	if (!shell_run(&tour_shell, command, len)) {
		seq_puts(&shell_console, "(this was to be refused)\n");
		return -EIO;
	}
	tour_shell.status = 0;
	return 0;
}

static int run_line(const char *line, size_t len, bool quietly)
{
	if (begins(line, len, "#! "))
		return run_refused(line + 3, len - 3);
	if (!begins(line, len, "# ")) {
		show_line("", line, len);
		return 0;
	}
	if (!quietly)
		show_command(line + 2, len - 2);
	return shell_run(&tour_shell, line + 2, len - 2);
}

/* Nobody looks on any more, by ^C or since the time is over: what isn't done quietly ends here. */
static int run_lines(const char *text, bool quietly, const struct seq *out)
{
	int failed = 0;

	while (*text && (!failed || quietly)) {
		size_t len = 0;

		while (text[len] && text[len] != '\n')
			len++;
		failed = !quietly && seq_is_closed(out) ? -EINTR : run_line(text, len, quietly);
		text += text[len] ? len + 1 : len;
	}
	return failed;
}

static void show_heading(const char *attributes, const struct scene *s, const char *mark, const char *text)
{
	set_colour(attributes);
	seq_printf(&shell_console, "\n=== Scene %u%s %s ===\n", s->number, mark, text);
	set_colour(PLAIN);
}

static int play(const struct scene *s, const struct seq *out)
{
	int failed;

	show_heading(BOLD, s, ":", s->title);
	seq_putc(&shell_console, '\n');
	shell_init(&tour_shell);
	failed = run_lines(s->script, false, out);
	if (!failed)
		return 0;
	show_heading(BOLD_RED, s, "", seq_is_closed(out) ? "was interrupted." : "did not go as it should.");
	scene_probes_remove();
	settings_as_at_boot();
	run_lines(s->finally, true, out);
	return seq_is_closed(out) ? 0 : -EIO;
}

/* In the order of their numbers, whatever order the linker put them in. */
static const struct scene *scene_after(unsigned number)
{
	const struct scene *next = NULL;

	FOR_EACH_REGISTERED(scenes, const struct scene, s)
		if ((*s)->number > number && (!next || (*s)->number < next->number))
			next = *s;
	return next;
}

static int list(struct seq *out)
{
	for (const struct scene *s = scene_after(0); s; s = scene_after(s->number))
		seq_printf(out, "%4u  %s\n", s->number, s->title);
	seq_puts(out, "\"tour N\" plays one, \"tour all\" all of them; \"tour matrix\" tries each policy\n"
		      "of the recursion guard by each technique.\n");
	return 0;
}

static int play_all(const struct seq *out)
{
	int err = 0;

	for (const struct scene *s = scene_after(0); s && !seq_is_closed(out); s = scene_after(s->number)) {
		int one = play(s, out);

		if (one)
			err = one;
	}
	return err;
}

/* NULL: all of them. */
static int play_with_settings(const struct scene *s, const struct seq *out)
{
	int err = settings_set_aside(out);

	if (err)
		return seq_is_closed(out) ? 0 : err;
	err = s ? play(s, out) : play_all(out);
	return settings_put_back() ?: err;
}

/* NULL: there is none of that number. -EINVAL: it is none. */
static int find(const char *word, const struct scene **s)
{
	u64 n;

	if (!parse_u64(word, strlen(word), 10, &n) || n == 0 || n > 1000)
		return -EINVAL;
	*s = scene_after((unsigned)n - 1);
	return *s && (*s)->number == n ? 0 : -ENOENT;
}

static int show(const struct scene *s, struct seq *out)
{
	seq_printf(out, "%s\n", s->script);
	return 0;
}

static void (*on_console)(struct seq *s, const char *text, size_t len);

/* A filter in the end prints on the console. */
static void to_reader(struct seq *s, const char *text, size_t len)
{
	void (*write)(struct seq * s, const char *text, size_t len) = s->write;

	s->write = on_console;
	seq_write(reader, text, len);
	s->write = write;
}

static int run(int argc, char **argv, struct seq *out)
{
	const struct scene *s;
	bool only_show = argc == 3 && strcmp(argv[1], "show") == 0;
	int err;

	if (argc == 1)
		return list(out);
	if (strcmp(argv[1], "matrix") == 0)
		return matrix_command(argc - 2, argv + 2, out);
	if (argc > 2 && !only_show)
		return -EINVAL;
	if (strcmp(argv[1], "all") == 0)
		return play_with_settings(NULL, out);
	err = find(argv[argc - 1], &s);
	if (err == -ENOENT) {
		shell_complain_text(shell_of(out), argv[argc - 1], "there is no such scene");
		return 0;
	}
	if (err)
		return err;
	return only_show ? show(s, out) : play_with_settings(s, out);
}
/* Whatever it runs prints on the console, be it a command or an error: that is what is filtered. */
static int run_tour(int argc, char **argv, struct seq *out)
{
	const struct shell *sh = shell_of(out);
	int err;

	if (!sh->pipe && !sh->command.target)
		return run(argc, argv, out);
	reader = out;
	on_console = shell_console.write;
	shell_console.write = to_reader;
	err = run(argc, argv, out);
	shell_console.write = on_console;
	reader = NULL;
	return err;
}
COMMAND(tour, "[N|all|show N|matrix ...]",
	"list or play the scenes of the thread; show prints what one says and types; matrix [POLICY [TECHNIQUE [SCENARIO]]] tries each",
	run_tour);
