/* The file recursion/policy: what the guard takes for a recursion. Here, as all that asks the guard must know. */
#include "abi/errno.h"
#include "ftrace/graph.h"
#include "ftrace/static_key.h"
#include "ftrace/tracer.h"
#include "kprobe/internal.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "trace/event_record.h"
#include "trace/guard.h"

/* The short ways know one policy, by heart: each is closed while there is another. */
static void choose_ways(void)
{
	function_slow_refresh();
	graph_slow_refresh();
	events_choose_way();
	mutex_lock(&kprobe_mutex);
	for (unsigned b = 0; b < KPROBE_BUCKETS; b++)
		for (struct kprobe_site *s = kprobe_table[b]; s; s = s->next)
			only_update(s);
	mutex_unlock(&kprobe_mutex);
}

static bool flag_first; /* before rcu_nmi_enter() */

/* While it changes, some go by the one and some by the other; each gives back what it has taken (docs/TRICKS.md). */
void policy_set(enum guard_policy policy)
{
	WRITE_ONCE(guard_policy, policy);
	WRITE_ONCE(instruments_off, false);
	static_key_set(&guard_policy_key, policy != POLICY_CONTEXT);
	static_key_set(&flag_first_key, policy == POLICY_FLAG && flag_first);
	choose_ways();
}

static int show_words(struct seq *out, const char *const *words, unsigned n, unsigned used)
{
	for (unsigned i = 0; i < n; i++)
		seq_printf(out, i == used ? "%s[%s]" : "%s%s", i ? " " : "", words[i]);
	seq_putc(out, '\n');
	return 0;
}

/* Which of them @text is, but for white space around it; @n: none. */
static unsigned which(const char *const *words, unsigned n, const char *text, size_t len)
{
	unsigned i = 0;

	for (; len && isspace(text[0]); len--)
		text++;
	while (len && isspace(text[len - 1]))
		len--;
	while (i < n && (strlen(words[i]) != len || memcmp(words[i], text, len) != 0))
		i++;
	return i;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	return show_words(out, policy_names, NR_POLICIES, guard_policy);
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	unsigned policy = which(policy_names, NR_POLICIES, text, len);

	if (policy == NR_POLICIES)
		return -EINVAL;
	policy_set((enum guard_policy)policy);
	return 0;
}
CTL_FILE(ctl_recursion_policy, .path = "recursion/policy", .show = show, .store = store);

static const char *const places[] = { "before", "after" };

static int show_flag_at(struct seq *out, const struct ctl_file *self)
{
	return show_words(out, places, ARRAY_SIZE(places), !flag_first);
}

static int store_flag_at(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	unsigned place = which(places, ARRAY_SIZE(places), text, len);

	if (place == ARRAY_SIZE(places))
		return -EINVAL;
	flag_first = place == 0;
	policy_set(guard_policy);
	return 0;
}
CTL_FILE(ctl_recursion_flag_at, .path = "recursion/flag_at", .show = show_flag_at, .store = store_flag_at);
