/*
 * The MADT's list of processors and interrupt controllers (ACPI specification 6.5, section 5.2.12): entries of
 * a type and a length each, of which the types we know are kept and all others passed over.
 */
#include "arch/x86/cpu/acpi.h"

#include "lib/bitmap.h"
#include "lib/compiler.h"

#define MADT_LOCAL_APIC 36 /* its address' place in the head */

#define CPU_ENABLED	   1
#define CPU_ONLINE_CAPABLE 2

struct entry_head {
	u8 type, length;
};
union entry {
	struct entry_head head;
	struct {
		struct entry_head head;
		u8 uid, apic_id;
		u32 flags;
	} __packed cpu;
	struct {
		struct entry_head head;
		u8 id, reserved;
		u32 address, first_gsi;
	} __packed ioapic;
	struct {
		struct entry_head head;
		u8 bus, source;
		u32 gsi;
		u16 flags;
	} __packed override;
	struct {
		struct entry_head head;
		u8 uid;
		u16 flags;
		u8 lint;
	} __packed nmi;
	struct {
		struct entry_head head;
		u16 reserved;
		u64 address;
	} __packed local_apic;
	struct {
		struct entry_head head;
		u16 reserved;
		u32 apic_id, flags, uid;
	} __packed x2apic;
};

/* Firmware may list a processor in both the old and the new form: it is one all the same. */
static bool seen_before(struct acpi_info *out, u32 apic_id)
{
	if (apic_id > ACPI_NO_APIC_ID)
		return false;
	if (bitmap_test(out->enabled_ids, apic_id))
		return true;
	bitmap_set(out->enabled_ids, apic_id, 1);
	return false;
}

static const char *add_cpu(struct acpi_info *out, u32 uid, u32 apic_id, u32 flags)
{
	if (!(flags & CPU_ENABLED)) {
		if (flags & CPU_ONLINE_CAPABLE)
			out->hotplug_cpus++;
		return NULL;
	}
	if (seen_before(out, apic_id))
		return NULL;
	out->enabled_cpus++;
	if (apic_id < ACPI_NO_APIC_ID && out->nr_cpus < ACPI_MAX_CPUS)
		out->cpus[out->nr_cpus++] = (struct acpi_cpu){ .uid = uid, .apic_id = (u8)apic_id };
	return NULL;
}

static const char *take_cpu(struct acpi_info *out, const union entry *e)
{
	return add_cpu(out, e->cpu.uid, e->cpu.apic_id, e->cpu.flags);
}

static const char *take_x2apic(struct acpi_info *out, const union entry *e)
{
	return add_cpu(out, e->x2apic.uid, e->x2apic.apic_id, e->x2apic.flags);
}

static const char *take_ioapic(struct acpi_info *out, const union entry *e)
{
	if (out->nr_ioapics == ACPI_MAX_IOAPICS)
		out->dropped++;
	else
		out->ioapics[out->nr_ioapics++] =
			(struct acpi_ioapic){ e->ioapic.id, e->ioapic.address, e->ioapic.first_gsi };
	return NULL;
}

static const char *take_override(struct acpi_info *out, const union entry *e)
{
	if (out->nr_overrides == ACPI_MAX_OVERRIDES)
		out->dropped++;
	else
		out->overrides[out->nr_overrides++] =
			(struct acpi_override){ e->override.source, e->override.gsi, e->override.flags };
	return NULL;
}

static const char *take_nmi(struct acpi_info *out, const union entry *e)
{
	if (e->nmi.lint > 1)
		return "the MADT names a local interrupt input other than 0 and 1";
	if (out->nr_nmis == ACPI_MAX_NMIS)
		out->dropped++;
	else
		out->nmis[out->nr_nmis++] = (struct acpi_nmi){ e->nmi.uid, e->nmi.lint, e->nmi.flags };
	return NULL;
}

/* The head has room for 32 bits only; this entry replaces what stands there. */
static const char *take_local_apic(struct acpi_info *out, const union entry *e)
{
	out->local_apic = e->local_apic.address;
	return NULL;
}

#define KIND(number, member, fn) [number] = { sizeof(((union entry *)0)->member), fn }
static const struct {
	u8 size;
	const char *(*take)(struct acpi_info *out, const union entry *e);
} kinds[] = {
	KIND(0, cpu, take_cpu), KIND(1, ioapic, take_ioapic),	      KIND(2, override, take_override),
	KIND(4, nmi, take_nmi), KIND(5, local_apic, take_local_apic), KIND(9, x2apic, take_x2apic),
};

/* @left bytes are left of the table. */
static const char *read_entry(u64 pa, u32 left, phys_read_fn read, union entry *e)
{
	if (left < sizeof(e->head))
		return "the MADT ends inside an entry";
	read(pa, &e->head, sizeof(e->head));
	if (e->head.length < sizeof(e->head))
		return "the MADT has an entry without length";
	if (e->head.length > left)
		return "the MADT ends inside an entry";
	if (e->head.type >= ARRAY_SIZE(kinds) || !kinds[e->head.type].take)
		return NULL;
	if (e->head.length < kinds[e->head.type].size)
		return "the MADT has an entry too short for its type";
	read(pa + sizeof(e->head), (u8 *)e + sizeof(e->head), kinds[e->head.type].size - sizeof(e->head));
	return NULL;
}

static const char *check_result(const struct acpi_info *out)
{
	if (!out->local_apic || out->local_apic % 4096 || out->local_apic >= 1ull << 52)
		return "the MADT's address of the local APIC makes no sense";
	if (!out->nr_cpus)
		return "the MADT has no processor that could run";
	return NULL;
}

const char *madt_parse(u64 pa, u32 length, phys_read_fn read, struct acpi_info *out)
{
	u32 local_apic;
	union entry e;

	read(pa + MADT_LOCAL_APIC, &local_apic, sizeof(local_apic));
	out->local_apic = local_apic;
	for (u32 at = MADT_HEAD; at < length; at += e.head.length) {
		const char *why = read_entry(pa + at, length - at, read, &e);

		if (!why && e.head.type < ARRAY_SIZE(kinds) && kinds[e.head.type].take)
			why = kinds[e.head.type].take(out, &e);
		if (why)
			return why; /* cppcheck-suppress returnDanglingLifetime ; a constant, no part of e */
	}
	return check_result(out);
}
