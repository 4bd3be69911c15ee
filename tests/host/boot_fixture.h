/* A loader's structures, built byte by byte in a small physical memory whose every reader is watched. */
#pragma once

#include "tests/host/host.h"
#include "arch/x86/boot/boot_info.h"
#include "lib/compiler.h"

#define RAM_BASE 0x9000ull
#define RAM_SIZE 0x6000

/* Outside of it there is something, too: bytes that depend on their address alone. */
extern u8 ram[RAM_SIZE];
extern u64 lowest_read, highest_read; /* since ram_reset(): first byte, and first byte after */
extern u64 reads;

void ram_reset(void);
void ram_read(u64 pa, void *buf, size_t len);

void put32(u64 pa, u32 value);
void put64(u64 pa, u64 value);

#define MB2_AT (RAM_BASE + 0x100)

/* Tags, appended; mb2_end() adds the closing one and the total, which it returns. */
void mb2_begin(void);
u64 mb2_tag(u32 type, const void *payload, u32 len);
void mb2_cmdline(const char *text);
/* The map: a head, and then entries. Types: 1 is usable. */
u64 mb2_map_begin(u32 entry_size);
void mb2_map_entry(u64 base, u64 size, u32 type);
void mb2_map_end(void);
void mb2_module(u32 start, u32 end);
u32 mb2_end(void);

#define PVH_AT	    (RAM_BASE + 0x200)
#define PVH_MAP	    (RAM_BASE + 0x300)
#define PVH_MODULES (RAM_BASE + 0x280)
#define PVH_CMDLINE (RAM_BASE + 0x4000)

void pvh_begin(const char *cmdline);
void pvh_map_entry(u64 base, u64 size, u32 type);
void pvh_module(u64 base, u64 size);

/* What no structure, however bad, may lead to. */
void assert_regions_sane(const struct boot_info *b);
