/* The order of lock classes, as seen so far. Private to lockdep.c, which knows who holds what. */
#pragma once

#include "context/lockdep.h"
#include "lib/seq.h"

#define LOCKDEP_MAX_CLASSES 64 /* one bit each in a word */
#define LOCKDEP_OTHERS \
	(LOCKDEP_MAX_CLASSES - 1) /* all that found the table full; nothing is said of their order */

/* Not in NMI-like contexts. The class of locks called @name; a new one is made. */
u32 lockdep_class(const char *name);
/* Any context. The same, LOCKDEP_OTHERS when there is none yet. */
u32 lockdep_find_class(const char *name);
const char *lockdep_class_name(u32 class);

/* Not in NMI-like contexts. @h is held and @to wanted, at @where: learned, or reported when it contradicts what is known. */
void lockdep_order(const struct held_lock *h, u32 to, u64 where);
/* Any context. One line, for a broken rule that takes no second lock. */
void lockdep_report(const char *name, u64 where, const char *what);

void lockdep_graph_show(struct seq *out);
void lockdep_graph_reset(void);
extern u32 lockdep_graph_resets; /* how often; classes change their meaning */
