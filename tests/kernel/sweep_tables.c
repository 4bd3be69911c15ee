/* What boot loaders and firmware leave in memory, made up for the sweep: good tables, and each with a byte spoiled. */
#include "arch/x86/boot/boot_info.h"
#include "arch/x86/cpu/acpi.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "tests/kernel/sweep.h"

#define BASE 0x5000ul /* where the bytes seem to be */
static u8 memory[1024];
static size_t end;

static void read_memory(u64 pa, void *buf, size_t len)
{
	memset(buf, 0, len);
	for (size_t i = 0; i < len; i++)
		if (pa + i - BASE < sizeof(memory))
			((u8 *)buf)[i] = memory[pa + i - BASE];
}

static u64 put(const void *bytes, size_t len)
{
	u64 at = BASE + end;

	memcpy(memory + end, bytes, len);
	end += len;
	return at;
}

static void begin(void)
{
	memset(memory, 0, sizeof(memory));
	end = 0;
}

static void make_sum_zero(u64 pa, u32 len, u32 at)
{
	u8 *bytes = memory + (pa - BASE);

	bytes[at] = 0;
	for (u32 i = 0; i < len; i++)
		bytes[at] = (u8)(bytes[at] - (i == at ? 0 : bytes[i]));
}

static u64 put_table(const char *signature, const void *body, u32 len)
{
	struct {
		char signature[4];
		u32 length;
		u8 revision, checksum, rest[26];
	} head = { .length = 36 + len, .revision = 1 };
	u64 at;

	memcpy(head.signature, signature, 4);
	at = put(&head, sizeof(head));
	put(body, len);
	make_sum_zero(at, head.length, 9);
	end = ALIGN_UP(end, 16);
	return at;
}

static u64 put_madt(void)
{
	static const u8 body[] = {
		0,  0,	0xe0, 0xfe, 1, 0, 0,	0, /* the local APIC's address, flags */
		0,  8,	0,    0,    1, 0, 0,	0,    0, 8, 1, 1,
		1,  0,	0,    0, /* CPUs: two, */
		0,  8,	2,    1,    1, 0, 0,	0,    0, 8, 3, 3,
		2,  0,	0,    0, /* one twice, one that may come, */
		0,  8,	4,    4,    0, 0, 0,	0,    0, 8, 5, 255,
		1,  0,	0,    0,				  /* one that is off, one without an id */
		1,  12, 1,    0,    0, 0, 0xc0, 0xfe, 0, 0, 0, 0, /* an I/O APIC */
		2,  10, 0,    0,    2, 0, 0,	0,    5, 0,	  /* an override */
		4,  6,	255,  5,    0, 1,			  /* an NMI */
		9,  16, 0,    0,    7, 0, 0,	0,    1, 0, 0, 0,
		7,  0,	0,    0, /* a CPU in the other form, */
		9,  16, 0,    0,    0, 1, 0,	0,    1, 0, 0, 0,
		8,  0,	0,    0,				  /* and out of reach */
		5,  12, 0,    0,    0, 0, 0xe0, 0xfe, 0, 0, 0, 0, /* the local APIC's address again */
		10, 4,	0,    0,				  /* something else */
	};

	return put_table("APIC", body, sizeof(body));
}

static u64 put_acpi(bool new)
{
	struct {
		char signature[8];
		u8 checksum, oem[6], revision;
		u32 rsdt, length;
		u64 xsdt;
		u8 extended, reserved[3];
	} __packed rsdp = { .revision = new ? 2 : 0, .length = 36 };
	u64 tables[2], at;
	u32 old[2];

	begin();
	tables[0] = put_table("HPET", "", 0);
	tables[1] = put_madt();
	old[0] = (u32)tables[0];
	old[1] = (u32)tables[1];
	memcpy(rsdp.signature, "RSD PTR ", 8);
	rsdp.xsdt = put_table("XSDT", tables, sizeof(tables));
	rsdp.rsdt = (u32)put_table("RSDT", old, sizeof(old));
	at = put(&rsdp, sizeof(rsdp));
	make_sum_zero(at, 20, 8);
	make_sum_zero(at, 36, 32);
	return at;
}

static u64 put_multiboot2(void)
{
	struct {
		u32 total, reserved;
		u32 type, size;
		char cmdline[16];
		u32 map, map_size, entry_size, version;
		struct {
			u64 base, size;
			u32 type, reserved;
		} entries[3];
		u32 old, old_size;
		u8 rsdp[24];
		u32 new, new_size;
		u8 rsdp2[40];
		u32 none, none_size;
	} m = { .total = sizeof(m),
		.type = 1,
		.size = 8 + sizeof(m.cmdline),
		.cmdline = "test debug",
		.map = 6,
		.map_size = 16 + sizeof(m.entries),
		.entry_size = sizeof(m.entries[0]),
		.entries = { { 0, 0x9fc00, 1, 0 },
			     { 0x100000, 0x7f00000, 1, 0 },
			     { 0x200000, 0x1000, 2, 0 } },
		.old = 14,
		.old_size = 8 + sizeof(m.rsdp),
		.new = 15,
		.new_size = 8 + sizeof(m.rsdp2),
		.none_size = 8 };

	begin();
	return put(&m, sizeof(m));
}

static u64 put_pvh(void)
{
	struct {
		u32 magic, version, flags, nr_modules;
		u64 modules, cmdline, rsdp, map;
		u32 entries, reserved;
	} si = { .magic = BOOT_MAGIC_PVH, .version = 1, .entries = 3 };
	static const struct {
		u64 base, size;
		u32 type, reserved;
	} entries[] = { { 0, 0x9fc00, 1, 0 }, { 0x100000, 0x7f00000, 1, 0 }, { 0x200000, 0x1000, 2, 0 } };

	begin();
	si.map = put(entries, sizeof(entries));
	si.cmdline = put("test", 5);
	return put(&si, sizeof(si));
}

static u64 parse(u64 at, const char *(*parser)(u64 pa, phys_read_fn read, struct boot_info *out))
{
	u64 sum = parser(at, read_memory, &sweep_parsed.boot) != NULL;

	for (size_t i = 0; i < end; i += 3) {
		memory[i] ^= 0xa5;
		sum = sum * 3 + (parser(at, read_memory, &sweep_parsed.boot) != NULL);
		memory[i] ^= 0xa5;
	}
	return sum + sweep_parsed.boot.nr_regions;
}

static u64 parse_acpi(u64 at)
{
	u64 sum = acpi_parse(at, read_memory, &sweep_parsed.acpi) != NULL;

	for (size_t i = 0; i < end; i += 3) {
		memory[i] ^= 0xa5;
		sum = sum * 3 + (acpi_parse(at, read_memory, &sweep_parsed.acpi) != NULL) +
		      sweep_parsed.acpi.nr_cpus;
		memory[i] ^= 0xa5;
	}
	return sum;
}

u64 sweep_tables(void)
{
	u64 sum = parse_acpi(put_acpi(true));

	sum = sum * 31 + parse_acpi(put_acpi(false));
	sum = sum * 31 + parse(put_multiboot2(), multiboot2_parse);
	return sum * 31 + parse(put_pvh(), pvh_parse);
}
