/* Physical page frames, by a buddy allocator. */
#pragma once

#include "arch/x86/boot/boot_info.h"
#include "lib/types.h"

/* Below this much usable memory above 1 MiB there is no room to trace anything. */
#define MEM_MINIMUM (8ul << 20)

/* The most that one frames_alloc() can give: 4 MiB. */
#define FRAMES_MAX 1024ul

/* Boot, before frames_init: a zeroed frame above the image, never to be freed. 0 when memory ends. */
u64 frames_early_alloc(void);
/* Boot, once: takes over all usable memory above 1 MiB but what the image and frames_early_alloc took. */
void frames_init(const struct boot_info *info);

/*
 * Task or hardirq context. @n adjacent zeroed frames, exactly, the first aligned to the next power of
 * two; its physical address, or 0 (-ENOMEM to the caller's caller), also when @n is 0 or over FRAMES_MAX.
 */
u64 frames_alloc(size_t n);
/* Also of a part of what was allocated. Freeing what isn't taken is a BUG. */
void frames_free(u64 pa, size_t n);
/*
 * For what few need, and is too much for the image: memory of the type @pointer points to, zeroed, allocated when @pointer is first
 * asked for, and kept. Task or hardirq context. The pointer, which is set by then; NULL when there is none.
 */
#define FRAMES_ONCE(pointer) ((typeof(pointer))frames_once((void **)&(pointer), sizeof(*(pointer))))
void *frames_once(void **pointer, size_t size);
/* One frame: as page tables want it. */
u64 frame_alloc(void);
void frame_free(u64 pa);

size_t frames_free_count(void);
size_t frames_total(void);
