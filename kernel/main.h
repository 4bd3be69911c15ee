/* Where boot.asm hands over. */
#pragma once

/* On the boot stack, interrupts off, paging on, W^X from the first instruction. Doesn't return. */
void kernel_start(void);
void kernel_main(void);
