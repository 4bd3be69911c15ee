/*
 * What the firmware's ACPI tables say about processors and their interrupt controllers, checked and brought
 * to one form.
 *
 * Of all the tables only the MADT is read, and nothing in it is believed: signatures, checksums, lengths and
 * addresses are checked before use, and bad tables are refused with a sentence that says what was wrong. The
 * kernel then goes on with the processor it runs on.
 */
#pragma once

#include "arch/x86/boot/boot_info.h"
#include "lib/bitmap.h"
#include "lib/types.h"

#define ACPI_MAX_CPUS	   8
#define ACPI_MAX_IOAPICS   8
#define ACPI_MAX_OVERRIDES 16
#define ACPI_MAX_NMIS	   16

#define ACPI_NO_APIC_ID 255 /* as a destination it means everybody; beyond it xAPIC can't address */
#define ACPI_ALL_CPUS	255 /* the uid of an NMI entry that speaks of every processor */

struct acpi_cpu {
	u32 uid; /* the firmware's name for it, which NMI entries use */
	u8 apic_id;
};
struct acpi_ioapic {
	u8 id;
	u32 address, first_gsi;
};
/* ISA line @source arrives as global interrupt @gsi. */
struct acpi_override {
	u8 source;
	u32 gsi;
	u16 flags; /* bits 1:0 polarity, 3:2 trigger mode; 0 as the bus has it, 1 high/edge, 3 low/level */
};
/* Local interrupt input @lint (0 or 1) of processor @uid is its NMI. */
struct acpi_nmi {
	u8 uid, lint;
	u16 flags;
};

struct acpi_info {
	u64 local_apic;
	unsigned nr_cpus, nr_ioapics, nr_overrides, nr_nmis; /* kept below */
	struct acpi_cpu cpus[ACPI_MAX_CPUS]; /* enabled, in the firmware's order, no id twice */
	struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
	struct acpi_override overrides[ACPI_MAX_OVERRIDES];
	struct acpi_nmi nmis[ACPI_MAX_NMIS];

	u64 enabled_ids[BITMAP_WORDS(256)]; /* bit i of all: APIC id i is an enabled processor's */
	unsigned enabled_cpus; /* all there were, with those beyond ACPI_MAX_CPUS or without a usable id */
	unsigned hotplug_cpus; /* absent now, might be plugged in later: no use trying to start them */
	unsigned dropped;      /* I/O APICs, overrides and NMI inputs for which there was no room */
};

/*
 * Looks for the tables from the RSDP (root pointer) at @rsdp_hint, or, with 0 or a bad one there, from the
 * first good one in the firmware's memory. NULL; or the sentence to print, with @out all zero.
 */
const char *acpi_parse(u64 rsdp_hint, phys_read_fn read, struct acpi_info *out);

/* Its second half: the entries of a MADT of @length bytes at @pa, whose checksum is right. */
#define MADT_HEAD 44 /* the entries start here */
const char *madt_parse(u64 pa, u32 length, phys_read_fn read, struct acpi_info *out);

/*
 * Boot, once, between boot_info_read() and paging_init(): the tables lie in reserved memory, which only the
 * boot window reaches. Fills acpi_info, and prints one line: what there is, or why it isn't known.
 */
void acpi_init(void);
extern struct acpi_info acpi_info; /* all zero after bad tables */
