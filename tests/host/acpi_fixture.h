/* A firmware's memory: 1 MiB with ACPI tables in it, which can be told to lie, and a reader that is watched. */
#pragma once

#include "tests/host/host.h"
#include "arch/x86/cpu/acpi.h"
#include "lib/compiler.h"

#define MEM_SIZE   0x100000ull
#define TABLES	   0x20000ull
#define EBDA	   0x9fc00ull
#define RSDP_BIOS  0xf5a40ull
#define RSDP_EBDA  (EBDA + 0x30)
#define RSDP_OTHER 0x1800ull /* neither place: as a loader's copy */
#define RSDT	   (TABLES + 0x100)
#define XSDT	   (TABLES + 0x200)
#define FACP	   (TABLES + 0x300)
#define MADT	   (TABLES + 0x400)

/* Places in tables. */
#define SDT_LENGTH     4
#define SDT_CHECKSUM   9
#define SDT_HEAD       36
#define RSDP_CHECKSUM  8
#define RSDP_REVISION  15
#define RSDP_RSDT      16
#define RSDP_LENGTH    20
#define RSDP_XSDT      24
#define RSDP_CHECKSUM2 32

/* Beyond it there is something, too: bytes that depend on their address alone. */
extern u8 mem[MEM_SIZE];
/* Since mem_reset() or mem_forget(): calls, bytes, and reads not wholly within one of the allowed ranges. */
extern u64 reads, bytes_read, stray_reads;

void mem_reset(void);
void mem_forget(void);
void mem_read(u64 pa, void *buf, size_t len);
/* Instead of what was said of the range at @pa before. */
void mem_allow(u64 pa, u64 size);

void put8(u64 pa, u8 value);
void put16(u64 pa, u16 value);
void put32(u64 pa, u32 value);
void put64(u64 pa, u64 value);
u32 get32(u64 pa);
/* Makes @size bytes at @pa sum to 0 by way of the byte at @pa + @at. */
void fix_sum(u64 pa, u64 size, u64 at);

/* The pieces, each right by itself. Reading them is allowed. */
void rsdp_put(u64 pa, u8 revision);
void root_put(u64 pa); /* RSDT or XSDT, by address: FACP, an empty place, MADT */
void madt_begin(u32 local_apic);
u64 madt_entry(u8 type, u8 length); /* where it is; filled with what the put functions write */
void madt_cpu(u8 uid, u8 apic_id, u32 flags);
void madt_x2apic(u32 uid, u32 apic_id, u32 flags);
void madt_ioapic(u8 id, u32 address, u32 first_gsi);
void madt_override(u8 source, u32 gsi, u16 flags);
void madt_nmi(u8 uid, u16 flags, u8 lint);
void madt_local_apic(u64 address);
u32 madt_end(void); /* its length */

/* All of it, with a MADT like QEMU's for @cpus processors; revision 0 has an RSDT, 2 an XSDT as well. */
void good_tables(u64 rsdp, u8 revision, unsigned cpus);

void assert_same_info(const struct acpi_info *a, const struct acpi_info *b);
/* What no tables, however bad, may lead to. */
void assert_info_sane(const char *why, const struct acpi_info *a);
