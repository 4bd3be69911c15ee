/* GRUB's door: a list of tags (Multiboot2 specification, section 3.6), each bounded before it is believed. */
#include "arch/x86/boot/boot_info.h"

#include "lib/compiler.h"

#define MB2_TAG_END	0
#define MB2_TAG_CMDLINE 1
#define MB2_TAG_MODULE	3
#define MB2_TAG_MMAP	6
#define MB2_TAG_RSDP_V1 14
#define MB2_TAG_RSDP_V2 15
#define MB2_MAX_SIZE	(1u << 20) /* GRUB's own is a few KiB */
#define MB2_RAM		1

struct mb2_tag {
	u32 type, size;
};
struct mb2_mmap {
	struct mb2_tag tag;
	u32 entry_size, entry_version;
};
struct mb2_entry {
	u64 base, length;
	u32 type, reserved;
};

static const char *parse_mmap(u64 pa, u32 size, phys_read_fn read, struct boot_info *out, bool usable)
{
	struct mb2_mmap head;
	struct mb2_entry e;

	if (size < sizeof(head))
		return "multiboot2: the memory map tag is truncated";
	read(pa, &head, sizeof(head));
	if (head.entry_size < sizeof(e) || head.entry_size > 4096)
		return "multiboot2: the memory map's entry size makes no sense";
	if ((size - sizeof(head)) % head.entry_size)
		return "multiboot2: the memory map ends inside an entry";
	for (u32 at = sizeof(head); at + head.entry_size <= size; at += head.entry_size) {
		const char *why;

		read(pa + at, &e, sizeof(e));
		if ((e.type == MB2_RAM) != usable)
			continue;
		why = usable ? regions_add(out, e.base, e.length) : regions_reserve(out, e.base, e.length);
		if (why)
			return why;
	}
	return NULL;
}

static const char *parse_cmdline(u64 pa, u32 size, phys_read_fn read, struct boot_info *out)
{
	u32 len = size - sizeof(struct mb2_tag);

	if (len > sizeof(out->cmdline))
		return "multiboot2: the command line is longer than 4 KiB";
	read(pa + sizeof(struct mb2_tag), out->cmdline, len);
	if (len == 0 || out->cmdline[len - 1] != 0)
		return "multiboot2: the command line doesn't end";
	return NULL;
}

/* The first one; its string has been for GRUB's user. */
static const char *note_module(u64 pa, const struct mb2_tag *tag, phys_read_fn read, struct boot_info *out)
{
	u32 ends[2];

	if (tag->size < sizeof(*tag) + sizeof(ends))
		return "multiboot2: a module's tag is truncated";
	if (out->module.size)
		return NULL;
	read(pa + sizeof(*tag), ends, sizeof(ends));
	if (ends[0] >= ends[1])
		return "multiboot2: a module's end isn't behind its start";
	out->module = (struct mem_region){ ends[0], ends[1] - ends[0] };
	return NULL;
}

/*
 * The tags hold copies, and all that is to be known of a copy is where it lies. The new form wins: the old
 * one's 20 bytes may be cut from it. One that is too short is none, for there are other ways to find the RSDP.
 */
static void note_rsdp(u64 pa, const struct mb2_tag *tag, u32 *best, struct boot_info *out)
{
	u32 size = tag->type == MB2_TAG_RSDP_V2 ? 36 : 20;

	if (tag->size - sizeof(*tag) < size || tag->type <= *best)
		return;
	*best = tag->type;
	out->rsdp = pa + sizeof(*tag);
}

const char *multiboot2_parse(u64 pa, phys_read_fn read, struct boot_info *out)
{
	u32 total, mmap_at = 0, mmap_size = 0, rsdp_form = 0;
	struct mb2_tag tag;
	const char *why;

	*out = (struct boot_info){ .protocol = "multiboot2" };
	if (pa % 8)
		return "multiboot2: the information structure isn't 8-aligned";
	read(pa, &total, sizeof(total));
	if (total < 16 || total > MB2_MAX_SIZE)
		return "multiboot2: the information structure's size makes no sense";
	for (u32 at = 8;; at += ALIGN_UP(tag.size, 8u)) {
		if (at + sizeof(tag) > total)
			return "multiboot2: the tags run past the end";
		read(pa + at, &tag, sizeof(tag));
		if (tag.type == MB2_TAG_END)
			break;
		if (tag.size < sizeof(tag) || tag.size > total - at)
			return "multiboot2: a tag's size makes no sense";
		if (tag.type == MB2_TAG_CMDLINE) {
			why = parse_cmdline(pa + at, tag.size, read, out);
			if (why)
				return why;
		} else if (tag.type == MB2_TAG_MODULE) {
			why = note_module(pa + at, &tag, read, out);
			if (why)
				return why;
		} else if (tag.type == MB2_TAG_MMAP) {
			mmap_at = at;
			mmap_size = tag.size;
		} else if (tag.type == MB2_TAG_RSDP_V1 || tag.type == MB2_TAG_RSDP_V2) {
			note_rsdp(pa + at, &tag, &rsdp_form, out);
		}
	}
	if (!mmap_at)
		return "multiboot2: no memory map tag";
	why = parse_mmap(pa + mmap_at, mmap_size, read, out, true);
	if (!why)
		why = parse_mmap(pa + mmap_at, mmap_size, read, out, false);
	if (!why)
		why = regions_take_module(out);
	return why ? why : regions_finish(out);
}
