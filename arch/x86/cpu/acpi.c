/*
 * From the firmware's root pointer to the one table we want: RSDP, then RSDT or XSDT, then MADT (ACPI
 * specification 6.5, sections 5.2.5 to 5.2.8), each checked before the next step relies on it.
 */
#include "arch/x86/cpu/acpi.h"

#include "lib/compiler.h"
#include "lib/string.h"

#define PHYS_END  (1ull << 52)
#define RSDP_MAX  4096
#define TABLE_MAX 65536 /* a MADT of 4,000 processors; sums and walks end soon */

/* Where a BIOS may leave the RSDP (5.2.5.1). */
#define EBDA_SEGMENT 0x40e /* here the BIOS says where its extended data area is */
#define EBDA_MIN     0x400
#define EBDA_END     0xa0000
#define EBDA_SEARCH  1024
#define BIOS_START   0xe0000
#define BIOS_END     0x100000
#define RSDP_STEP    16

#define RSDP_V1_SIZE 20 /* as far as the first checksum reaches */

struct rsdp {
	char signature[8];
	u8 checksum;
	char oem[6];
	u8 revision;
	u32 rsdt;
	u32 length; /* from here on only since revision 2 */
	u64 xsdt;
	u8 extended_checksum, reserved[3];
} __packed;
static_assert(sizeof(struct rsdp) == 36, "the specification's layout");

struct sdt {
	char signature[4];
	u32 length;
	u8 revision, checksum;
	char oem[6], oem_table[8];
	u32 oem_revision, creator, creator_revision;
};
static_assert(sizeof(struct sdt) == 36, "the head of every table");

/* A table to be checked, and a sentence for each way to be bad. */
struct table_kind {
	char signature[4];
	u32 size_min, entry_size;
	const char *bad_address, *bad_signature, *bad_length, *bad_checksum, *bad_entry;
};
#define TABLE_KIND(sign, name, min_size, entry)                                            \
	{                                                                                  \
		.signature = sign, .size_min = min_size, .entry_size = entry,              \
		.bad_address = "the " name " lies beyond physical memory",                 \
		.bad_signature = "the " name " isn't where it should be: wrong signature", \
		.bad_length = "the " name "'s length makes no sense",                      \
		.bad_checksum = "the " name " has a wrong checksum",                       \
		.bad_entry = "the " name " points beyond physical memory"                  \
	}
static const struct table_kind rsdt_kind = TABLE_KIND("RSDT", "RSDT", sizeof(struct sdt), 4),
			       xsdt_kind = TABLE_KIND("XSDT", "XSDT", sizeof(struct sdt), 8),
			       madt_kind = TABLE_KIND("APIC", "MADT", MADT_HEAD, 1);

static const char rsdp_signature[8] = "RSD PTR "; /* no NUL */

static bool in_memory(u64 pa, u64 size) { return pa < PHYS_END && size <= PHYS_END - pa; }

/* Good structures sum to 0 in 8 bits. */
static u8 checksum(u64 pa, u32 length, phys_read_fn read)
{
	u8 chunk[64], sum = 0;

	while (length) {
		u32 n = min(length, (u32)sizeof(chunk));

		read(pa, chunk, n);
		for (u32 i = 0; i < n; i++)
			sum = (u8)(sum + chunk[i]);
		pa += n;
		length -= n;
	}
	return sum;
}

static const char *check_rsdp(u64 pa, phys_read_fn read, struct rsdp *out)
{
	*out = (struct rsdp){ 0 };
	if (!in_memory(pa, sizeof(*out)))
		return "the RSDP lies beyond physical memory";
	read(pa, out, RSDP_V1_SIZE);
	if (memcmp(out->signature, rsdp_signature, sizeof(out->signature)) != 0)
		return "the RSDP isn't where the boot loader says: wrong signature";
	if (checksum(pa, RSDP_V1_SIZE, read) != 0)
		return "the RSDP has a wrong checksum";
	if (out->revision < 2)
		return NULL;
	read(pa + RSDP_V1_SIZE, (u8 *)out + RSDP_V1_SIZE, sizeof(*out) - RSDP_V1_SIZE);
	if (out->length < sizeof(*out) || out->length > RSDP_MAX || !in_memory(pa, out->length))
		return "the RSDP's length makes no sense";
	if (checksum(pa, out->length, read) != 0)
		return "the RSDP has a wrong extended checksum";
	return NULL;
}

/*
 * The first good one at one of the steps. A stray signature isn't the end of the search; but if nothing better
 * turns up, @why says what was wrong with it.
 */
static bool search_rsdp(u64 start, u64 end, phys_read_fn read, struct rsdp *out, const char **why)
{
	for (u64 pa = start; pa + RSDP_V1_SIZE <= end; pa += RSDP_STEP) {
		char signature[sizeof(out->signature)];
		const char *bad;

		read(pa, signature, sizeof(signature));
		if (memcmp(signature, rsdp_signature, sizeof(signature)) != 0)
			continue;
		bad = check_rsdp(pa, read, out);
		if (!bad)
			return true;
		if (!*why)
			*why = bad;
	}
	return false;
}

static const char *find_rsdp(u64 hint, phys_read_fn read, struct rsdp *out)
{
	const char *why = NULL;
	u16 segment;
	u64 ebda;

	if (hint) {
		why = check_rsdp(hint, read, out);
		if (!why)
			return NULL;
	}
	read(EBDA_SEGMENT, &segment, sizeof(segment));
	ebda = (u64)segment << 4;
	if (ebda >= EBDA_MIN && ebda <= EBDA_END - EBDA_SEARCH &&
	    search_rsdp(ebda, ebda + EBDA_SEARCH, read, out, &why))
		return NULL;
	if (search_rsdp(BIOS_START, BIOS_END, read, out, &why))
		return NULL;
	return why ? why : "the firmware has no RSDP, so no tables";
}

static const char *check_table(const struct table_kind *kind, u64 pa, phys_read_fn read, u32 *length)
{
	struct sdt head;

	if (!in_memory(pa, sizeof(head)))
		return kind->bad_address;
	read(pa, &head, sizeof(head));
	if (memcmp(head.signature, kind->signature, sizeof(head.signature)) != 0)
		return kind->bad_signature;
	if (head.length < kind->size_min || head.length > TABLE_MAX || !in_memory(pa, head.length) ||
	    (head.length - kind->size_min) % kind->entry_size)
		return kind->bad_length;
	if (checksum(pa, head.length, read) != 0)
		return kind->bad_checksum;
	*length = head.length;
	return NULL;
}

/* The root table lists the others' addresses. One kind is followed, and only once: no cycle is possible. */
static const char *find_madt(const struct table_kind *root, u64 root_pa, phys_read_fn read, u64 *madt_pa)
{
	const char *why;
	u32 length;

	why = check_table(root, root_pa, read, &length);
	if (why)
		return why;
	for (u32 at = sizeof(struct sdt); at < length; at += root->entry_size) {
		char signature[sizeof(madt_kind.signature)];
		u64 pa = 0;

		read(root_pa + at, &pa, root->entry_size);
		if (!pa)
			continue;
		if (!in_memory(pa, sizeof(signature)))
			return root->bad_entry;
		read(pa, signature, sizeof(signature));
		if (memcmp(signature, madt_kind.signature, sizeof(signature)) == 0) {
			*madt_pa = pa;
			return NULL;
		}
	}
	return "there is no MADT, so nothing is known of processors";
}

static const char *parse(u64 rsdp_hint, phys_read_fn read, struct acpi_info *out)
{
	struct rsdp rsdp;
	const char *why;
	u64 madt_pa;
	u32 length;

	why = find_rsdp(rsdp_hint, read, &rsdp);
	if (why)
		return why;
	if (rsdp.xsdt) /* zeroed before revision 2 */
		why = find_madt(&xsdt_kind, rsdp.xsdt, read, &madt_pa);
	else
		why = find_madt(&rsdt_kind, rsdp.rsdt, read, &madt_pa);
	if (!why)
		why = check_table(&madt_kind, madt_pa, read, &length);
	return why ? why : madt_parse(madt_pa, length, read, out);
}

const char *acpi_parse(u64 rsdp_hint, phys_read_fn read, struct acpi_info *out)
{
	const char *why;

	*out = (struct acpi_info){ 0 };
	why = parse(rsdp_hint, read, out);
	if (why)
		*out = (struct acpi_info){ 0 };
	return why;
}
