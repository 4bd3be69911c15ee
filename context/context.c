/* The context word and the current thread's name, and the list of traps: one copy a CPU. */
#include "context/context.h"

#include "context/trap.h"

ACCOUNT(1, u32, context_word) __aligned(16) = CONTEXT_NO_RESCHED;
ACCOUNT(2, u32, guard_bits);
DEFINE_PER_CPU(struct recovery *, recovery_top);
DEFINE_PER_CPU(s32, current_tid) = 1;
DEFINE_PER_CPU(struct trap_record *, trap_top);
static u32 no_ring[2]; /* as long as there are none; of two words, since entry.asm reads two */
DEFINE_PER_CPU(u32 *, ring_nests[2]) = { no_ring, no_ring };
DEFINE_PER_CPU(u32, step_depth);
