/* Switching the checks of context/rcu_check.c. */
#pragma once

#include "lib/types.h"

/* Thread context, RCU's threads running. Switched on, what was reported before may be again. */
void rcu_check_set(bool on);
