/* The two 8259 interrupt controllers, remapped away from the exception vectors. */
#pragma once

#include "lib/types.h"

/* All lines masked, vectors IRQ_BASE_VECTOR … +15. */
void pic_init(void);
void pic_unmask(unsigned irq);
void pic_mask(unsigned irq);
/* Any vector of ours: true when @irq was spurious (nothing to handle); otherwise call pic_eoi() after handling. */
bool pic_spurious(unsigned irq);
void pic_eoi(unsigned irq);
