/*
 * Branches that cost one nop while they are off: a key is a switch, and each site that asks it is
 * patched from nop to jump when it is switched (ftrace/static_key.c).
 *
 * For what is asked often and switched seldom. A site may stand anywhere but in .entry.text, where
 * no int3 may ever be.
 */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct static_key {
	bool on;
	u32 switched; /* +1 when switching begins, and when it has ended: odd in between */
};

/* A key that is on while any of some others is, so that one site asks for all of them. The list ends with NULL. */
struct static_key_any {
	struct static_key *key;
	void (*changed)(bool on); /* thread context, when it has gone on or is about to go off; may be NULL */
	struct static_key *const *of;
};
#define STATIC_KEY_ANY(var, ...)                                  \
	static const struct static_key_any var = { __VA_ARGS__ }; \
	REGISTER_IN(static_key_anys, var)
#define ANY_OF(...) ((struct static_key *const[]){ __VA_ARGS__, NULL })
DECLARE_REGISTRY(static_key_anys);

/* What each site leaves in .static_sites. */
struct static_site {
	u64 code, target; /* five bytes of nop or jump, and where the jump goes */
	struct static_key *key;
};

/* clang-format off */
/* Any context, hidden code too. Laid out for "no": the other way is out of line. */
static __always_inline bool static_branch_unlikely(const struct static_key *key)
{
	__asm__ goto("1:\t.byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n\t"
		     ".pushsection .static_sites, \"a\", @progbits\n\t.balign 8\n\t"
		     ".quad 1b, %l[yes], %c0\n\t.popsection"
		     :
		     : "i"(key)
		     :
		     : yes);
	return false;
yes:
	return true;
}
/* clang-format on */

/* Any context. For what can't have a site: the key's own word. */
static inline bool static_key_enabled(const struct static_key *key) { return READ_ONCE(key->on); }

/*
 * Thread context. When it returns, no CPU takes the old way any more; meanwhile each site is old or new, and two
 * sites may differ. ftrace/'s.
 */
void static_key_set(struct static_key *key, bool on);
