/*
 * The kernel's page tables: the image by its segments' rights, all usable RAM in the direct map,
 * and nothing executable that is writable through any name.
 *
 *   0xffff888000000000  direct map of RAM, RW-NX; the image's frames are absent from it, the boot module's are R--
 *   0xffffc90000000000  stacks of threads, RW-NX, each above unmapped pages (stacks.h)
 *   0xffffffff80000000  the image (+1 MiB), as linker.ld's segments say
 *   0xffffffff80400000  a window of single pages for boot, dropped afterwards
 *   0xffffffffa0000000  probe slots: R-X
 *   0xffffffffa4000000  trampolines of traced functions: R-X (arch/x86/entry/fentry.h)
 *   0xffffffffb0000000  the local APIC's registers, uncached
 *   0x0000000000001000  the poke alias, in the poke tables only (text_poke.c)
 */
#pragma once

#include "arch/x86/boot/boot_info.h"
#include "lib/types.h"

#define PAGE_SIZE   4096ul
#define KERNEL_BASE 0xffffffff80000000ul
#define DIRECT_MAP  0xffff888000000000ul
#define SLOT_AREA   0xffffffffa0000000ul
#define APIC_VA	    0xffffffffb0000000ul

/* Page-table entry bits (SDM vol. 3, table 4-20). */
#define PTE_P	 (1ul << 0)
#define PTE_W	 (1ul << 1)
#define PTE_U	 (1ul << 2)
#define PTE_PWT	 (1ul << 3)
#define PTE_PCD	 (1ul << 4)
#define PTE_PS	 (1ul << 7)
#define PTE_NX	 (1ul << 63)
#define PTE_ADDR 0x000ffffffffff000ul

#define PAGE_RX (PTE_P)
#define PAGE_RO (PTE_P | PTE_NX)
#define PAGE_RW (PTE_P | PTE_W | PTE_NX)

/* A zeroed frame's physical address, or 0. Page tables are made of these; who gives them is mm/'s business. */
typedef u64 (*table_alloc_fn)(void);
typedef void (*table_free_fn)(u64 pa);

/* Before paging_init: copies physical memory through the boot window. */
void early_phys_read(u64 pa, void *buf, size_t len);

/* Boot, once: direct map, guard pages, identity map and window gone, SMEP/SMAP/UMIP on. Panics when out of memory. */
void paging_init(const struct boot_info *info, table_alloc_fn alloc);
/* From now on tables come from @alloc, and those that were not needed go to @free. */
void paging_set_allocator(table_alloc_fn alloc, table_free_fn free);

/* Task or hardirq context: from that allocator, and back to it. */
u64 table_take(void);
void table_give(u64 pa);

/*
 * Thread context, one caller at a time. Maps @pages pages; -EEXIST when one is already, or -ENOMEM:
 * then nothing is mapped and no memory was kept. A table, once made, stays for later mappings.
 */
int map_pages(u64 va, u64 pa, size_t pages, u64 flags);
/* Thread context. Unmaps and flushes, on all CPUs; pages that were not mapped are passed over. */
void unmap_pages(u64 va, size_t pages);

/* Any context. The entry that maps @va and the size it maps, or NULL. */
u64 *lookup_pte(u64 va, u64 *size);
/* Any context. Physical address behind a mapped kernel address; 0 when not mapped. */
u64 virt_to_phys(const void *va);
static inline void *phys_to_virt(u64 pa) { return (void *)(DIRECT_MAP + pa); }

/* Thread context, no spinlock held. When it returns, no CPU has an old translation of these pages. */
void flush_everywhere(u64 va, size_t pages);
/* Thread context, one caller at a time. The frame at @pa leaves the direct map; TLBs are not flushed. -ENOMEM. */
int direct_map_clear(u64 pa);
/* Thread context. Takes the frame at @pa out of the direct map, or puts it back: for frames that become executable. */
int direct_map_hide(u64 pa);
int direct_map_show(u64 pa);
/* Thread context, one caller at a time. From now on the frame at @pa can't be written there; TLBs are not flushed. -ENOMEM. */
int direct_map_read_only(u64 pa);

extern u64 boot_pml4[512];

/* Each CPU: SMEP, SMAP and UMIP, where there are. */
void protect_cpu(void);
