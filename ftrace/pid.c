/* set_ftrace_pid: the function tracer records only these threads. */
#include "abi/errno.h"
#include "context/context.h"
#include "ftrace/graph.h"
#include "ftrace/tracer.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "rcu/rcu.h"
#include "trace/error_log.h"

#define PIDS_MAX 32

struct pids {
	size_t nr;
	s32 pid[PIDS_MAX];
};

static struct pids *pids; /* NULL: all threads. Tracers read it with preemption off, as RCU's readers do */

bool ftrace_pids_active(void) { return pids; }

/* notrace: called by every traced function. */
notrace bool ftrace_pid_traced(void)
{
	const struct pids *p = READ_ONCE(pids);

	for (size_t i = 0; p && i < p->nr; i++)
		if (p->pid[i] == this_cpu(current_tid))
			return true;
	return !p;
}

static int add(struct pids *p, const char *word, size_t len, const char **why)
{
	u64 pid;

	*why = "Not a thread's number";
	if (!parse_u64(word, len, 10, &pid) || pid > 0x7fffffff)
		return -EINVAL;
	for (size_t i = 0; i < p->nr; i++)
		if ((u64)p->pid[i] == pid)
			return 0;
	*why = "More threads than can be listed";
	if (p->nr == PIDS_MAX)
		return -EINVAL;
	p->pid[p->nr++] = (s32)pid;
	return 0;
}

static int add_words(struct pids *p, const char *text, size_t len)
{
	const char *why;

	for (size_t at = 0, start;;) {
		while (at < len && isspace(text[at]))
			at++;
		if (at == len)
			return 0;
		for (start = at; at < len && !isspace(text[at]); at++)
			;
		if (add(p, text + start, at - start, &why) != 0)
			return error_log_refuse("ftrace", text, len, start, why);
	}
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	struct pids *old = pids, *draft = kzalloc(sizeof(*draft));
	int err;

	if (!draft)
		return -ENOMEM;
	if (append && old)
		memcpy(draft, old, sizeof(*draft));
	err = add_words(draft, text, len);
	if (err || !draft->nr) {
		kfree(draft);
		draft = NULL;
	}
	if (err)
		return err;
	__atomic_store_n(&pids, draft, __ATOMIC_RELEASE);
	function_slow_refresh();
	graph_slow_refresh();
	synchronize_rcu();
	kfree(old);
	return 0;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	if (!pids)
		seq_puts(out, "no pid\n");
	for (size_t i = 0; pids && i < pids->nr; i++)
		seq_printf(out, "%d\n", pids->pid[i]);
	return 0;
}
CTL_FILE(ctl_set_ftrace_pid, .path = "set_ftrace_pid", .show = show, .store = store, .bytes = true);
