/*
 * Consumers come and go while everything runs: a site's bits say who wants it, and the text follows them.
 *
 * docs/TRICKS.md has why a trampoline may be freed when it is, and why the list of a site's consumers needs no lock.
 */
#include "abi/errno.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/internal.h"
#include "ftrace/tracer.h"
#include "lib/bitmap.h"
#include "lib/ctl.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "rcu/rcu.h"
#include "sched/mutex.h"
#include "trace/guard.h"

/* The probes' own consumer has the last bit, for good. What it wants, it says site by site. */
#define PROBED (1u << FTRACE_MAX_OPS)
static struct ftrace_ops probes_ops = {
	.func = kprobe_ftrace_handler,
	.call = kprobe_ftrace_handler,
	.trampoline = (u64)ftrace_probe_caller, /* each site has its own here */
	.bit = FTRACE_MAX_OPS,
};

static struct ftrace_ops *ops_table[FTRACE_MAX_OPS + 1] = { [FTRACE_MAX_OPS] = &probes_ops };
static u32 registered = PROBED; /* bits */
static struct mutex ftrace_mutex;
struct mutex text_mutex;
static struct text_exchange *exchanges; /* room for all sites at once */

void ftrace_ops_init(void)
{
	mutex_init(&ftrace_mutex, "ftrace");
	mutex_init(&text_mutex, "text");
	exchanges = ftrace_boot_alloc(ftrace_nr_sites() * sizeof(*exchanges));
	if (function_ops.trampoline) { /* by ftrace_early_start(), and so are the sites */
		function_ops.call = function_ops.func;
		registered |= 1;
		ops_table[0] = &function_ops;
	}
}

void ftrace_ops_list_func(u64 ip, u64 parent_ip, struct ftrace_ops *none, struct ftrace_frame *frame);

/* notrace: called by traced functions; as a traced one it would call itself. */
notrace void ftrace_ops_list_func(u64 ip, u64 parent_ip, struct ftrace_ops *none, struct ftrace_frame *frame)
{
	for (u32 bits = READ_ONCE(ftrace_sites[ftrace_index_of(ip)].ops); bits; bits &= bits - 1) {
		struct ftrace_ops *ops = READ_ONCE(ops_table[__builtin_ctz(bits)]);

		ops->call(ip, parent_ip, ops, frame);
	}
}

/* notrace, here and below: it stands between trampoline and consumer. Apart, so that the usual way needn't save what this does. */
static noinline notrace void assist_by_policy(u64 ip, u64 parent_ip, struct ftrace_ops *ops,
					      struct ftrace_frame *frame)
{
	policy_call(GUARD_FUNCTION, context_read(), (guarded_fn)(void *)ops->func, ip, parent_ip, (u64)ops,
		    (u64)frame);
}

static notrace void ftrace_ops_assist_func(u64 ip, u64 parent_ip, struct ftrace_ops *ops,
					   struct ftrace_frame *frame)
{
	u32 guard;

	if (guard_by_other_policy()) {
		assist_by_policy(ip, parent_ip, ops, frame);
		return;
	}
	guard = guard_enter_call(GUARD_FUNCTION, context_read());
	if (!guard)
		return;
	ops->func(ip, parent_ip, ops, frame);
	guard_leave(guard);
}

/* What a site is to call; 0: nothing. */
static u64 target_of(const struct ftrace_site *s)
{
	u32 bits = s->ops;

	if (bits & (bits - 1))
		return (u64)(bits & PROBED ? ftrace_regs_caller : ftrace_caller);
	if (bits == PROBED)
		return s->probed;
	return bits ? ops_table[__builtin_ctz(bits)]->trampoline : 0;
}

static bool passes(const struct ftrace_hash *hash, size_t i)
{
	if (ftrace_set_has(&hash->notraced, i))
		return false;
	return hash->filter.nr ? ftrace_set_has(&hash->filter, i) : !hash->exact;
}

/*
 * What site @i wants by now, as one more exchange, if the text must change. False: a probe's int3 is in it, and it keeps what
 * it has, which is the nop.
 */
static bool plan(size_t i, size_t *n)
{
	struct ftrace_site *s = &ftrace_sites[i];
	u64 target = target_of(s);

	if (target != s->target) {
		if (*(volatile u8 *)s->ip == INT3_BYTE)
			return false;
		exchanges[*n].addr = s->ip;
		ftrace_site_code(exchanges[(*n)++].bytes, s->ip, target);
		s->target = target;
	}
	s->patched = s->ops;
	return true;
}

/* The consumers with these bits want what @hash says, or nothing when that is NULL. How many sites couldn't follow. */
static size_t update(u32 bits, const struct ftrace_hash *hash)
{
	size_t left = 0, n = 0, nr = ftrace_nr_sites();

	mutex_lock(&text_mutex);
	for (size_t i = 0; i < nr; i++) {
		struct ftrace_site *s = &ftrace_sites[i];
		u32 ops = s->ops & ~bits;

		if (hash && passes(hash, i))
			ops |= bits;
		/* Release: who finds a bit here finds the consumer in the table. */
		if (ops != s->ops)
			__atomic_store_n(&s->ops, ops, __ATOMIC_RELEASE);
		if (ops != s->patched)
			left += !plan(i, &n);
	}
	text_poke_bp_batch(exchanges, n);
	mutex_unlock(&text_mutex);
	return left;
}

int ftrace_set_probed(u64 ip, u64 trampoline)
{
	size_t i = ftrace_index_of(ip), n = 0;
	struct ftrace_site *s = &ftrace_sites[i];
	bool fits;

	mutex_lock(&ftrace_mutex);
	mutex_lock(&text_mutex);
	s->probed = trampoline;
	__atomic_store_n(&s->ops, trampoline ? s->ops | PROBED : s->ops & ~PROBED, __ATOMIC_RELEASE);
	fits = plan(i, &n);
	if (!fits)
		s->ops &= ~PROBED;
	text_poke_bp_batch(exchanges, n);
	mutex_unlock(&text_mutex);
	mutex_unlock(&ftrace_mutex);
	return fits ? 0 : -EBUSY;
}

static void update_and_say(u32 bits, const struct ftrace_hash *hash)
{
	size_t left = update(bits, hash);

	if (left)
		printk("ftrace: %lu function(s) left as they are: a probe sits on their entry\n", left);
}

size_t ftrace_refresh(void)
{
	size_t left;

	mutex_lock(&ftrace_mutex);
	left = update(0, NULL);
	mutex_unlock(&ftrace_mutex);
	return left;
}

static struct ftrace_hash *hash_of(struct ftrace_ops *ops) { return ops->hash ? ops->hash : &ops->own; }

static int add(struct ftrace_ops *ops)
{
	if (ops->trampoline)
		return -EBUSY;
	if (registered == ~0u)
		return -ENOSPC;
	ops->call = ops->flags & FTRACE_OPS_FL_RECURSION ? ftrace_ops_assist_func : ops->func;
	ops->trampoline = trampoline_alloc(ops->call, ops);
	ops->bit = (u32)__builtin_ctz(~registered);
	registered |= 1u << ops->bit;
	ops_table[ops->bit] = ops;
	update_and_say(1u << ops->bit, hash_of(ops));
	return 0;
}

int register_ftrace_function(struct ftrace_ops *ops)
{
	int err;

	mutex_lock(&ftrace_mutex);
	err = add(ops);
	mutex_unlock(&ftrace_mutex);
	return err;
}

/* Under the mutex to the end: nobody gets number or trampoline before all have left them. */
int unregister_ftrace_function(struct ftrace_ops *ops)
{
	mutex_lock(&ftrace_mutex);
	if (!ops->trampoline) {
		mutex_unlock(&ftrace_mutex);
		return -EINVAL;
	}
	update_and_say(1u << ops->bit, NULL);
	synchronize_rcu_tasks();
	trampoline_free(ops->trampoline);
	ops->trampoline = 0;
	ops_table[ops->bit] = NULL;
	registered &= ~(1u << ops->bit);
	mutex_unlock(&ftrace_mutex);
	return 0;
}

/* The registered consumers that go by @hash. */
static u32 bits_of(const struct ftrace_hash *hash)
{
	u32 bits = 0;

	for (u32 left = registered; left; left &= left - 1)
		if (hash_of(ops_table[__builtin_ctz(left)]) == hash)
			bits |= left & -left;
	return bits;
}

void ftrace_hash_replace(struct ftrace_hash *hash, struct ftrace_set *of, struct ftrace_set *draft)
{
	struct ftrace_set old;
	u32 bits;

	if (!draft->nr)
		ftrace_set_free(draft); /* an empty one needs no memory */
	mutex_lock(&ftrace_mutex);
	old = *of;
	*of = *draft;
	bits = bits_of(hash);
	if (bits)
		update_and_say(bits, hash);
	mutex_unlock(&ftrace_mutex);
	ftrace_set_free(&old);
}

static int change(struct ftrace_hash *hash, struct ftrace_set *of, const char *pattern, bool reset)
{
	struct ftrace_set draft;
	int err = ftrace_set_copy(&draft, reset ? NULL : of);

	if (err)
		return err;
	if ((*pattern || !reset) && !ftrace_set_match(&draft, pattern, true)) {
		ftrace_set_free(&draft);
		return -EINVAL;
	}
	ftrace_hash_replace(hash, of, &draft);
	return 0;
}

int ftrace_set_filter(struct ftrace_ops *ops, const char *pattern, bool reset)
{
	return change(hash_of(ops), &hash_of(ops)->filter, pattern, reset);
}

int ftrace_set_notrace(struct ftrace_ops *ops, const char *pattern, bool reset)
{
	return change(hash_of(ops), &hash_of(ops)->notraced, pattern, reset);
}

void ftrace_free_filter(struct ftrace_ops *ops)
{
	ftrace_set_free(&ops->own.filter);
	ftrace_set_free(&ops->own.notraced);
}

/* Linux's columns: how many consumers, flags (R: registers are saved; two that no site has here), and where the call goes. */
static int enabled_show(struct seq *out, const struct ctl_file *self)
{
	mutex_lock(&ftrace_mutex);
	for (size_t i = 0; i < ftrace_nr_sites(); i++) {
		u64 bits = ftrace_sites[i].patched;
		struct ftrace_ops *ops = bits ? ops_table[__builtin_ctzl(bits)] : NULL;

		if (!bits)
			continue;
		seq_printf(out, "%s (%lu)%s    ", ftrace_sites[i].name, bitmap_count(&bits, 64),
			   bits & PROBED ? " R" : "  ");
		if (bits & (bits - 1))
			seq_printf(out, " ->%pS\n", (void *)ftrace_ops_list_func);
		else
			seq_printf(out, "\ttramp: 0x%lx (%pS) ->%pS\n", ftrace_sites[i].target,
				   (void *)ops->func, (void *)ops->call);
	}
	mutex_unlock(&ftrace_mutex);
	return 0;
}
CTL_FILE(ctl_enabled_functions, .path = "enabled_functions", .show = enabled_show);
