/* The context word and the current thread's name, and the list of traps: one copy a CPU. */
#include "context/context.h"

#include "context/trap.h"

DEFINE_PER_CPU(u32, context_word) = CONTEXT_NO_RESCHED;
DEFINE_PER_CPU(s32, current_tid) = 1;
DEFINE_PER_CPU(struct trap_record *, trap_top);
DEFINE_PER_CPU(u32, guard_bits);
static u32 no_ring; /* as long as there are none */
DEFINE_PER_CPU(u32 *, ring_nests[2]) = { &no_ring, &no_ring };
DEFINE_PER_CPU(u32, step_depth);
