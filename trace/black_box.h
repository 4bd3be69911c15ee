/* Reading the black box: the last entries and exits of this CPU's vectors, as a list or as a picture of the nesting. */
#pragma once

#include "arch/x86/entry/black_box.h"
#include "lib/seq.h"

/* Any context. Where the ring stands: records written from here on can be shown later. */
u32 black_box_mark(void);
/* Any context; also in a panic, so no locks and little stack. The records since @mark, at most the ring's last @max. */
void black_box_list(struct seq *out, u32 mark, unsigned max);
/* The same as indented text: one line an entry or exit, deeper means inside; equal rounds of a recursion are folded. */
void black_box_draw(struct seq *out, u32 mark);
/*
 * Any context, preemption off. Draws what has begun since *@from and is over, as far as there are traps in it: interrupts alone aren't told. Moves *@from
 * behind that.
 */
void black_box_follow(struct seq *out, u32 *from);
/* Any context. Writes a record from C: for events that are no vector (BB_RESUME). */
void black_box_note(u16 vector, enum bb_direction direction, u64 ip, u64 sp, u32 depth);
