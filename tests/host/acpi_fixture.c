/* The firmware's memory and the writers of its tables. */
#include "tests/host/acpi_fixture.h"

u8 mem[MEM_SIZE];
u64 reads, bytes_read, stray_reads;

static struct {
	u64 pa, size;
} allowed[16];
static unsigned nr_allowed;
static u64 madt_next;

/* Clearing a whole MiB each time would take most of a fuzzer's time: tests write to these places only. */
void mem_reset(void)
{
	memset(mem, 0, 0x2000);
	memset(mem + TABLES, 0, 0x2000);
	memset(mem + EBDA, 0, 0x400);
	memset(mem + RSDP_BIOS - 0x100, 0, 0x200);
	memset(mem + MEM_SIZE - 0x100, 0, 0x100);
	nr_allowed = 0;
	mem_forget();
}

void mem_forget(void) { reads = bytes_read = stray_reads = 0; }

void mem_allow(u64 pa, u64 size)
{
	unsigned i = 0;

	while (i < nr_allowed && allowed[i].pa != pa)
		i++;
	assert_true(i < ARRAY_SIZE(allowed));
	allowed[i].pa = pa;
	allowed[i].size = size;
	nr_allowed = max(nr_allowed, i + 1);
}

static bool is_allowed(u64 pa, u64 size)
{
	for (unsigned i = 0; i < nr_allowed; i++)
		if (pa >= allowed[i].pa && size <= allowed[i].size &&
		    pa - allowed[i].pa <= allowed[i].size - size)
			return true;
	return false;
}

void mem_read(u64 pa, void *buf, size_t len)
{
	reads++;
	bytes_read += len;
	stray_reads += !is_allowed(pa, len);
	/* Physical memory has an end, and a read may not wrap around it. */
	assert_true(pa < 1ull << 52 && len <= (1ull << 52) - pa);
	for (size_t i = 0; i < len; i++) {
		u64 at = pa + i;

		((u8 *)buf)[i] = at < MEM_SIZE ? mem[at] : (u8)(at * 0x9e3779b97f4a7c15ull >> 56);
	}
}

static void put(u64 pa, const void *bytes, size_t len)
{
	assert_true(pa + len <= MEM_SIZE);
	memcpy(mem + pa, bytes, len);
}

void put8(u64 pa, u8 value) { put(pa, &value, sizeof(value)); }
void put16(u64 pa, u16 value) { put(pa, &value, sizeof(value)); }
void put32(u64 pa, u32 value) { put(pa, &value, sizeof(value)); }
void put64(u64 pa, u64 value) { put(pa, &value, sizeof(value)); }

u32 get32(u64 pa)
{
	u32 value;

	memcpy(&value, mem + pa, sizeof(value));
	return value;
}

void fix_sum(u64 pa, u64 size, u64 at)
{
	u8 sum = 0;

	assert_true(pa + size <= MEM_SIZE);
	put8(pa + at, 0);
	for (u64 i = 0; i < size; i++)
		sum = (u8)(sum + mem[pa + i]);
	put8(pa + at, (u8)-sum);
}

void rsdp_put(u64 pa, u8 revision)
{
	put(pa, "RSD PTR ", 8);
	put(pa + 9, "MAKER ", 6);
	put8(pa + RSDP_REVISION, revision);
	put32(pa + RSDP_RSDT, RSDT);
	fix_sum(pa, 20, RSDP_CHECKSUM);
	mem_allow(pa, revision < 2 ? 20 : 36);
	if (revision < 2)
		return;
	put32(pa + RSDP_LENGTH, 36);
	put64(pa + RSDP_XSDT, XSDT);
	fix_sum(pa, 36, RSDP_CHECKSUM2);
}

static void table_put(u64 pa, const char *signature, u32 length)
{
	put(pa, signature, 4);
	put32(pa + SDT_LENGTH, length);
	put(pa + 10, "MAKER MACHINE ", 14);
	fix_sum(pa, length, SDT_CHECKSUM);
}

void root_put(u64 pa)
{
	u64 entries[] = { FACP, 0, MADT };
	u32 wide = pa == XSDT ? 8 : 4;

	for (u32 i = 0; i < ARRAY_SIZE(entries); i++)
		put(pa + SDT_HEAD + i * wide, &entries[i], wide);
	table_put(pa, wide == 8 ? "XSDT" : "RSDT", SDT_HEAD + 3 * wide);
	mem_allow(pa, SDT_HEAD + 3 * wide);
}

void madt_begin(u32 local_apic)
{
	put32(MADT + 36, local_apic);
	put32(MADT + 40, 1);
	madt_next = MADT + MADT_HEAD;
}

u64 madt_entry(u8 type, u8 length)
{
	u64 at = madt_next;

	put8(at, type);
	put8(at + 1, length);
	madt_next += length;
	return at;
}

void madt_cpu(u8 uid, u8 apic_id, u32 flags)
{
	u64 at = madt_entry(0, 8);

	put8(at + 2, uid);
	put8(at + 3, apic_id);
	put32(at + 4, flags);
}

void madt_x2apic(u32 uid, u32 apic_id, u32 flags)
{
	u64 at = madt_entry(9, 16);

	put32(at + 4, apic_id);
	put32(at + 8, flags);
	put32(at + 12, uid);
}

void madt_ioapic(u8 id, u32 address, u32 first_gsi)
{
	u64 at = madt_entry(1, 12);

	put8(at + 2, id);
	put32(at + 4, address);
	put32(at + 8, first_gsi);
}

void madt_override(u8 source, u32 gsi, u16 flags)
{
	u64 at = madt_entry(2, 10);

	put8(at + 3, source);
	put32(at + 4, gsi);
	put16(at + 8, flags);
}

void madt_nmi(u8 uid, u16 flags, u8 lint)
{
	u64 at = madt_entry(4, 6);

	put8(at + 2, uid);
	put16(at + 3, flags);
	put8(at + 5, lint);
}

void madt_local_apic(u64 address) { put64(madt_entry(5, 12) + 4, address); }

u32 madt_end(void)
{
	u32 length = (u32)(madt_next - MADT);

	table_put(MADT, "APIC", length);
	mem_allow(MADT, length);
	return length;
}

void good_tables(u64 rsdp, u8 revision, unsigned cpus)
{
	mem_reset();
	put16(0x40e, EBDA >> 4);
	mem_allow(0x40e, 2);
	mem_allow(EBDA, 0x400);
	mem_allow(0xe0000, 0x20000);
	rsdp_put(rsdp, revision);
	root_put(RSDT);
	if (revision >= 2)
		root_put(XSDT);
	table_put(FACP, "FACP", 116);
	mem_allow(FACP, 4); /* its signature is all that is anyone's business */
	madt_begin(0xfee00000);
	for (unsigned i = 0; i < cpus; i++)
		madt_cpu((u8)(i + 10), (u8)(i * 2), 1);
	madt_ioapic(3, 0xfec00000, 0);
	madt_override(0, 2, 0);
	madt_override(9, 9, 0xd);
	madt_nmi(0xff, 5, 1);
	madt_end();
}

/* Field by field, for there are gaps between them. */
void assert_same_info(const struct acpi_info *a, const struct acpi_info *b)
{
	assert_int_equal(a->local_apic, b->local_apic);
	assert_true(a->nr_cpus == b->nr_cpus && a->nr_ioapics == b->nr_ioapics);
	assert_true(a->nr_overrides == b->nr_overrides && a->nr_nmis == b->nr_nmis);
	for (unsigned i = 0; i < a->nr_cpus; i++)
		assert_true(a->cpus[i].uid == b->cpus[i].uid && a->cpus[i].apic_id == b->cpus[i].apic_id);
	for (unsigned i = 0; i < a->nr_ioapics; i++) {
		const struct acpi_ioapic *x = &a->ioapics[i], *y = &b->ioapics[i];

		assert_true(x->id == y->id && x->address == y->address && x->first_gsi == y->first_gsi);
	}
	for (unsigned i = 0; i < a->nr_overrides; i++) {
		const struct acpi_override *x = &a->overrides[i], *y = &b->overrides[i];

		assert_true(x->source == y->source && x->gsi == y->gsi && x->flags == y->flags);
	}
	for (unsigned i = 0; i < a->nr_nmis; i++) {
		const struct acpi_nmi *x = &a->nmis[i], *y = &b->nmis[i];

		assert_true(x->uid == y->uid && x->lint == y->lint && x->flags == y->flags);
	}
	assert_memory_equal(a->enabled_ids, b->enabled_ids, sizeof(a->enabled_ids));
	assert_int_equal(a->enabled_cpus, b->enabled_cpus);
	assert_int_equal(a->hotplug_cpus, b->hotplug_cpus);
	assert_int_equal(a->dropped, b->dropped);
}

void assert_info_sane(const char *why, const struct acpi_info *a)
{
	static const struct acpi_info nothing;

	if (why) {
		assert_true(strlen(why) > 10);
		assert_same_info(a, &nothing);
		return;
	}
	assert_in_range(a->nr_cpus, 1, ACPI_MAX_CPUS);
	assert_true(a->enabled_cpus >= a->nr_cpus);
	assert_true(a->local_apic && a->local_apic % 4096 == 0 && a->local_apic < 1ull << 52);
	assert_true(a->nr_ioapics <= ACPI_MAX_IOAPICS && a->nr_overrides <= ACPI_MAX_OVERRIDES);
	assert_true(a->nr_nmis <= ACPI_MAX_NMIS);
	for (unsigned i = 0; i < a->nr_cpus; i++) {
		assert_true(a->cpus[i].apic_id < ACPI_NO_APIC_ID);
		for (unsigned k = 0; k < i; k++)
			assert_true(a->cpus[k].apic_id != a->cpus[i].apic_id);
	}
	for (unsigned i = 0; i < a->nr_nmis; i++)
		assert_true(a->nmis[i].lint <= 1);
}
