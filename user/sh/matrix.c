/* The command "tour matrix": a table for each scenario; with three words one cell, and its commands. */
#include "user/sh/matrix.h"

#include "abi/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "user/sh/internal.h"

static const char *const policies[MATRIX_POLICIES] = { "none", "flag",	  "flag/before",
						       "kind", "context", "stack" };
static const char *const techniques[MATRIX_TECHNIQUES] = { "function", "step", "int3",	"emulate",
							   "boost",    "jump", "ftrace" };

#define NAME_WIDTH 12
#define WIDTH	   8

#define LEGEND                                                                    \
	"clean     all was recorded, and nothing inside of anything\n"            \
	"nested N  all was recorded, N inside each other\n"                       \
	"lost N    N events were dropped, and counted; the rest was recorded\n"   \
	"told N    RCU was used where it doesn't watch: N reports\n"              \
	"bust      a recursion of traps, ended with the stack: bust_kprobes()\n"  \
	"given up  a recursion of calls, ended with the stack: give_up_calls()\n" \
	"refused   the instrument can't be there; nothing was changed\n"          \
	"!         behind a word: something was different afterwards\n"

/* What was asked for: a bit for each. */
struct wanted {
	u32 policies, techniques, scenarios;
};

static void text_of(struct matrix_outcome o, char *text, size_t size)
{
	static const char *const words[] = {
		[MATRIX_CLEAN] = "clean",     [MATRIX_LOST] = "lost",	      [MATRIX_NESTED] = "nested",
		[MATRIX_BUST] = "bust",	      [MATRIX_GIVEN_UP] = "given up", [MATRIX_REPORTED] = "told",
		[MATRIX_REFUSED] = "refused", [MATRIX_UNCLEAR] = "?"
	};
	const char *sick = o.sick ? "!" : "";

	if (o.n)
		snprintf(text, size, "%s %lu%s", words[o.result], o.n, sick);
	else
		snprintf(text, size, "%s%s", words[o.result], sick);
}

static struct matrix_outcome outcomes[MATRIX_SCENARIOS][MATRIX_POLICIES][MATRIX_TECHNIQUES];

/* Words under each other, without the blanks behind the last one. */
struct row {
	char text[128];
	size_t len;
};

static void add_word(struct row *r, const char *word, int width)
{
	r->len += (size_t)snprintf(r->text + r->len, sizeof(r->text) - r->len, "%-*s ", width, word);
}

static void print_row(struct row *r)
{
	while (r->len && r->text[r->len - 1] == ' ')
		r->len--;
	seq_write(&shell_console, r->text, r->len);
	seq_putc(&shell_console, '\n');
	r->len = 0;
}

static void print_table(unsigned scenario, const struct wanted *w)
{
	struct row r = { .len = 0 };
	char text[16];

	seq_printf(&shell_console, "\n%u  %s\n\n", scenario + 1, matrix_scenarios[scenario].title);
	add_word(&r, "", NAME_WIDTH);
	for (unsigned t = 0; t < MATRIX_TECHNIQUES; t++)
		if (w->techniques >> t & 1)
			add_word(&r, techniques[t], WIDTH);
	print_row(&r);
	for (unsigned p = 0; p < MATRIX_POLICIES; p++) {
		if (!(w->policies >> p & 1))
			continue;
		add_word(&r, policies[p], NAME_WIDTH);
		for (unsigned t = 0; t < MATRIX_TECHNIQUES; t++)
			if (w->techniques >> t & 1) {
				text_of(outcomes[scenario][p][t], text, sizeof(text));
				add_word(&r, text, WIDTH);
			}
		print_row(&r);
	}
	seq_printf(&shell_console, "\n%s", matrix_scenarios[scenario].note);
}

static unsigned play_scenario(unsigned scenario, const struct wanted *w, const struct seq *out)
{
	struct matrix_cell c = { .scenario = &matrix_scenarios[scenario] };
	unsigned sick = 0;

	for (unsigned p = 0; p < MATRIX_POLICIES; p++)
		for (unsigned t = 0; t < MATRIX_TECHNIQUES; t++) {
			if (!(w->policies >> p & 1) || !(w->techniques >> t & 1) || seq_is_closed(out))
				continue;
			c.policy = policies[p];
			c.technique = techniques[t];
			outcomes[scenario][p][t] = matrix_play(&c);
			sick += outcomes[scenario][p][t].sick;
		}
	return sick;
}

/* All cells first, as the kernel says something of many; then the tables are whole. How many were sick. */
static unsigned play_tables(const struct wanted *w, const struct seq *out)
{
	unsigned sick = 0;

	for (unsigned s = 0; s < MATRIX_SCENARIOS; s++)
		if (w->scenarios >> s & 1)
			sick += play_scenario(s, w, out);
	if (seq_is_closed(out))
		return sick;
	seq_puts(&shell_console, "\n=== What becomes of each: policies (down) by techniques ===\n\n" LEGEND);
	for (unsigned s = 0; s < MATRIX_SCENARIOS; s++)
		if (w->scenarios >> s & 1)
			print_table(s, w);
	return sick;
}

static unsigned play_one(unsigned scenario, const char *policy, const char *technique)
{
	struct matrix_cell c = { .policy = policy,
				 .technique = technique,
				 .scenario = &matrix_scenarios[scenario],
				 .shown = true };
	struct matrix_outcome o;
	char text[16];

	seq_printf(&shell_console, "\n%u  %s\n\n", scenario + 1, c.scenario->title);
	o = matrix_play(&c);
	text_of(o, text, sizeof(text));
	seq_printf(&shell_console, "\n%s, %s: %s\n", policy, technique, text);
	return o.sick;
}

/* The bit of @word in @words, all for none and for "all"; 0: it isn't there. */
static u32 bits(const char *const *words, unsigned n, const char *word)
{
	if (!word || strcmp(word, "all") == 0)
		return (1u << n) - 1;
	for (unsigned i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return 1u << i;
	return 0;
}

static u32 number_bit(const char *word)
{
	u64 n;

	if (!word || strcmp(word, "all") == 0)
		return (1u << MATRIX_SCENARIOS) - 1;
	return parse_u64(word, strlen(word), 10, &n) && n && n <= MATRIX_SCENARIOS ? 1u << (n - 1) : 0;
}

static bool one_bit(u32 bits) { return !(bits & (bits - 1)); }

int matrix_command(int argc, char **argv, struct seq *out)
{
	struct wanted w = {
		.policies = bits(policies, MATRIX_POLICIES, argc > 0 ? argv[0] : NULL),
		.techniques = bits(techniques, MATRIX_TECHNIQUES, argc > 1 ? argv[1] : NULL),
		.scenarios = number_bit(argc > 2 ? argv[2] : NULL),
	};
	const char *file;
	unsigned sick;

	if (argc > 3 || !w.policies || !w.techniques || !w.scenarios)
		return -EINVAL;
	file = matrix_in_the_way();
	if (seq_is_closed(out)) /* perhaps while it was looked at: then there may be something */
		return 0;
	if (file) {
		seq_printf(&shell_console,
			   "%s isn't as it is at boot: the matrix would change it, or be misled by it\n",
			   file);
		return -EBUSY;
	}
	if (one_bit(w.policies) && one_bit(w.techniques) && one_bit(w.scenarios))
		sick = play_one((unsigned)__builtin_ctz(w.scenarios), policies[__builtin_ctz(w.policies)],
				techniques[__builtin_ctz(w.techniques)]);
	else
		sick = play_tables(&w, out);
	return sick ? -EIO : 0;
}
