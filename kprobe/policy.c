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
	graph_policy_changed();
	events_choose_way();
	mutex_lock(&kprobe_mutex);
	for (unsigned b = 0; b < KPROBE_BUCKETS; b++)
		for (struct kprobe_site *s = kprobe_table[b]; s; s = s->next)
			only_update(s);
	mutex_unlock(&kprobe_mutex);
}

/* While it changes, some go by the one and some by the other; each gives back what it has taken (docs/TRICKS.md). */
void policy_set(enum guard_policy policy)
{
	WRITE_ONCE(guard_policy, policy);
	WRITE_ONCE(instruments_off, false);
	static_key_set(&guard_policy_key, policy != POLICY_CONTEXT);
	choose_ways();
}

static int show(struct seq *out, const struct ctl_file *self)
{
	for (unsigned p = 0; p < NR_POLICIES; p++)
		seq_printf(out, p == guard_policy ? "%s[%s]" : "%s%s", p ? " " : "", policy_names[p]);
	seq_putc(out, '\n');
	return 0;
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	for (; len && isspace(text[0]); len--)
		text++;
	while (len && isspace(text[len - 1]))
		len--;
	for (unsigned p = 0; p < NR_POLICIES; p++)
		if (strlen(policy_names[p]) == len && memcmp(policy_names[p], text, len) == 0) {
			policy_set((enum guard_policy)p);
			return 0;
		}
	return -EINVAL;
}
CTL_FILE(ctl_recursion_policy, .path = "recursion/policy", .show = show, .store = store);
