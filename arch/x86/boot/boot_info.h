/*
 * What the boot loader told us, checked and brought to one form: usable memory and a command line.
 *
 * Nothing a loader says is believed: lengths, counts and addresses are bounded before use, and a
 * bad structure is refused with a sentence that says what was wrong.
 */
#pragma once

#include "lib/types.h"

#define BOOT_MAGIC_MULTIBOOT2 0x36d76289
#define BOOT_MAGIC_PVH	      0x336ec578 /* the magic of its start_info structure, too */

#define BOOT_MAX_REGIONS 64
#define BOOT_CMDLINE_MAX 4096

struct mem_region {
	u64 base, size;
};

struct boot_info {
	const char *protocol;
	char cmdline[BOOT_CMDLINE_MAX];
	unsigned nr_regions;
	struct mem_region regions[BOOT_MAX_REGIONS]; /* usable RAM, ascending, disjoint, whole pages */
	struct mem_region
		module; /* the first boot module, byte for byte, in none of the regions; size 0: none */
	u64 rsdp; /* where ACPI's root pointer or a copy of it is said to be, unchecked; 0 when nothing is said */
};

/* Reads physical memory: through a window of page tables in the kernel, from a buffer in tests. */
typedef void (*phys_read_fn)(u64 pa, void *buf, size_t len);

/* Fill @out from the structure at @pa. NULL, or the sentence to die with. */
const char *multiboot2_parse(u64 pa, phys_read_fn read, struct boot_info *out);
const char *pvh_parse(u64 pa, phys_read_fn read, struct boot_info *out);

/*
 * The memory map under construction: first all usable ranges, then all reserved ones, each in any order
 * and overlapping as firmware likes it. Reserved wins; what is left is cut to whole pages. NULL, or the
 * sentence to die with.
 */
const char *regions_add(struct boot_info *out, u64 base, u64 size);
const char *regions_reserve(struct boot_info *out, u64 base, u64 size);
/* Behind both: takes b->module out of it, which must lie in usable memory. */
const char *regions_take_module(struct boot_info *b);
const char *regions_finish(struct boot_info *out);

/* From boot.asm: which door we came in by, and when. */
extern u32 boot_magic, boot_info_phys;
extern u64 boot_tsc;

/* Boot, first of all, and once: reads whichever structure there is. */
void boot_info_read(void);
/* Boot, when a panic can be seen: panics when that structure was bad, with its sentence. */
void boot_info_check(void);
extern struct boot_info boot_info;
