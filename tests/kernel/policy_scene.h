/* A policy for a while, on this CPU, and how much of each kind it has dropped. */
#pragma once

#include "lib/types.h"
#include "trace/guard.h"

/* Task context: the thread stays on its CPU until policy_end(), which wants all guards of it given back. */
void policy_begin(enum guard_policy policy);
u64 policy_dropped(enum guard_kind kind);
void policy_end(void);

/* A call, and five nops behind its entry: any context. */
void policed(void);
