/* "qemu -kernel"'s door: the PVH start_info structure (Xen's public header start_info.h). */
#include "arch/x86/boot/boot_info.h"

#include "lib/compiler.h"

#define PVH_RAM		1
#define PVH_MAX_ENTRIES 512
#define PVH_END		(1ull << 32) /* we are entered in 32-bit mode: what we are to read lies below */

struct pvh_start_info {
	u32 magic, version, flags, nr_modules;
	u64 modules, cmdline, rsdp;
	u64 memmap; /* from version 1 on */
	u32 memmap_entries, reserved;
};
struct pvh_module {
	u64 base, size, cmdline, reserved;
};
struct pvh_entry {
	u64 base, size;
	u32 type, reserved;
};

static const char *read_map(const struct pvh_start_info *si, phys_read_fn read, struct boot_info *out,
			    bool usable)
{
	for (u32 i = 0; i < si->memmap_entries; i++) {
		struct pvh_entry e;
		const char *why;

		read(si->memmap + i * sizeof(e), &e, sizeof(e));
		if ((e.type == PVH_RAM) != usable)
			continue;
		why = usable ? regions_add(out, e.base, e.size) : regions_reserve(out, e.base, e.size);
		if (why)
			return why;
	}
	return NULL;
}

static const char *read_cmdline(u64 pa, phys_read_fn read, struct boot_info *out)
{
	if (!pa)
		return NULL;
	if (pa >= PVH_END)
		return "pvh: the command line lies beyond 4 GiB";
	for (size_t i = 0; i < sizeof(out->cmdline); i++) {
		read(pa + i, &out->cmdline[i], 1);
		if (!out->cmdline[i])
			return NULL;
	}
	return "pvh: the command line is longer than 4 KiB, or doesn't end";
}

/* The first one. */
static const char *read_module(const struct pvh_start_info *si, phys_read_fn read, struct boot_info *out)
{
	struct pvh_module m;

	if (!si->nr_modules)
		return NULL;
	if (!si->modules || si->modules >= PVH_END)
		return "pvh: the list of modules makes no sense";
	read(si->modules, &m, sizeof(m));
	out->module = (struct mem_region){ m.base, m.size };
	return regions_take_module(out);
}

const char *pvh_parse(u64 pa, phys_read_fn read, struct boot_info *out)
{
	struct pvh_start_info si;
	const char *why;

	*out = (struct boot_info){ .protocol = "PVH" };
	read(pa, &si, sizeof(si));
	if (si.magic != BOOT_MAGIC_PVH)
		return "pvh: the start_info structure has a wrong magic";
	if (si.version < 1)
		return "pvh: version 0 carries no memory map";
	if (!si.memmap || !si.memmap_entries || si.memmap_entries > PVH_MAX_ENTRIES)
		return "pvh: the memory map's size makes no sense";
	if (si.memmap >= PVH_END)
		return "pvh: the memory map lies beyond 4 GiB";
	out->rsdp = si.rsdp;
	why = read_cmdline(si.cmdline, read, out);
	if (!why)
		why = read_map(&si, read, out, true);
	if (!why)
		why = read_map(&si, read, out, false);
	if (!why)
		why = read_module(&si, read, out);
	return why ? why : regions_finish(out);
}
