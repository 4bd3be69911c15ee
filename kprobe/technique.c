/* Which ways of running a displaced instruction there are for each, and which of them is taken. */
#include "abi/errno.h"
#include "kprobe/internal.h"
#include "lib/ctl.h"
#include "lib/string.h"

const char *const kprobe_technique_names[NR_TECHNIQUES] = {
	[KPROBE_AUTO] = "auto",	      [KPROBE_STEP] = "step",	[KPROBE_INT3] = "int3",
	[KPROBE_EMULATE] = "emulate", [KPROBE_BOOST] = "boost", [KPROBE_JUMP] = "jump",
	[KPROBE_FTRACE] = "ftrace",
};

/* Cheapest first, of those that need no time to come; an int3 then makes place for a jump (optimize.c). */
static const enum kprobe_technique preferred[] = { KPROBE_FTRACE, KPROBE_EMULATE, KPROBE_BOOST, KPROBE_INT3,
						   KPROBE_STEP };

static enum kprobe_technique forced; /* by the file; auto: none is */

static const char *why_not(const struct kprobe_site *s, enum kprobe_technique t, bool post)
{
	u8 displaced;

	switch (t) {
	case KPROBE_STEP:
		return s->slot ? NULL
			       : "Instruction can't be stepped: it saves or changes what stepping needs";
	case KPROBE_EMULATE:
		return s->emulation ? NULL : "Instruction can't be emulated: there is no emulation of it";
	case KPROBE_INT3:
	case KPROBE_BOOST:
		if (!s->slot)
			return "Instruction can't run from a copy: it is emulated";
		if (!insn_can_boost(&s->insn))
			return "Instruction can't be followed by another in its copy: it transfers control";
		if (t == KPROBE_BOOST && post)
			return "A post handler needs a trap behind the instruction";
		return NULL;
	case KPROBE_JUMP:
		return post ? "A post handler needs a trap behind the instruction"
			    : jump_refused(s->addr, &displaced);
	case KPROBE_FTRACE:
		return s->entry ? NULL : "The function tracer can't call here: it is no function's entry";
	default:
		return "No such technique";
	}
}

bool technique_applies(const struct kprobe_site *s, enum kprobe_technique t, bool post, const char **why)
{
	*why = why_not(s, t, post);
	return !*why;
}

/* What a probe asks for is taken before what the file says. */
static int asked_by(const struct kprobe *p, enum kprobe_technique *asked, const char **why)
{
	if (!p || p->technique == KPROBE_AUTO)
		return 0;
	if (*asked != KPROBE_AUTO && *asked != p->technique) {
		*why = "A probe at this place asks for another technique";
		return -EBUSY;
	}
	*asked = p->technique;
	return 0;
}

int technique_choose(const struct kprobe_site *s, const struct kprobe *more, struct choice *c,
		     const char **why)
{
	enum kprobe_technique asked = KPROBE_AUTO;
	bool post = more && more->post;
	int err = 0;

	for (const struct kprobe *p = s->probes; p && !err; p = p->next) {
		err = asked_by(p, &asked, why);
		post |= p->post != NULL;
	}
	if (!err)
		err = asked_by(more, &asked, why);
	if (err)
		return err;
	if (asked == KPROBE_AUTO)
		asked = forced;
	c->may_jump = asked == KPROBE_JUMP || (asked == KPROBE_AUTO && !post && !s->entry);
	if (asked != KPROBE_AUTO) {
		c->technique = asked;
		return technique_applies(s, asked, post, why) ? 0 : -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(preferred); i++) {
		c->technique = preferred[i];
		if (technique_applies(s, c->technique, post, why))
			return 0;
	}
	return -EINVAL;
}

/* All copies are there already, so a hit takes the one or the other. */
void technique_trap(struct kprobe_site *s)
{
	bool ready = s->jump != JUMP_NONE, boosted = ready || s->chosen == KPROBE_JUMP;

	WRITE_ONCE(s->boosted, ready ? (u64)s->detour + detour_template.size : (u64)s->slot);
	barrier();
	s->lingered |= boosted || s->chosen == KPROBE_BOOST;
	WRITE_ONCE(s->technique, boosted ? KPROBE_BOOST : s->chosen);
}

void technique_set(struct kprobe_site *s, const struct choice *c)
{
	s->chosen = (u8)c->technique;
	s->may_jump = c->may_jump;
	if (!s->may_jump)
		unoptimize(s);
	technique_trap(s);
}

int technique_change(struct kprobe_site *s, const struct choice *c)
{
	struct choice old = { (enum kprobe_technique)s->chosen, s->may_jump };
	int err;

	technique_set(s, c);
	err = site_update(s);
	if (err) {
		technique_set(s, &old);
		site_update(s);
	}
	return err;
}

static int show(struct seq *out, const struct ctl_file *self)
{
	for (size_t t = 0; t < NR_TECHNIQUES; t++)
		seq_printf(out, "%s%s%s%s", t ? " " : "", t == forced ? "[" : "", kprobe_technique_names[t],
			   t == forced ? "]" : "");
	seq_printf(out, "\n");
	return 0;
}

/* Places that are probed already change, too, if they can. */
static void rechoose(void)
{
	for (unsigned b = 0; b < KPROBE_BUCKETS; b++)
		for (struct kprobe_site *s = kprobe_table[b]; s; s = s->next) {
			struct choice c;
			const char *why;

			if (technique_choose(s, NULL, &c, &why) == 0)
				technique_change(s, &c);
		}
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	while (len && isspace(text[len - 1]))
		len--;
	for (size_t t = 0; t < NR_TECHNIQUES; t++) {
		const char *name = kprobe_technique_names[t];

		if (strlen(name) != len || memcmp(name, text, len) != 0)
			continue;
		mutex_lock(&kprobe_mutex);
		forced = (enum kprobe_technique)t;
		rechoose();
		mutex_unlock(&kprobe_mutex);
		return 0;
	}
	return -EINVAL;
}
CTL_FILE(ctl_kprobes_technique, .path = "kprobes/technique", .show = show, .store = store);
