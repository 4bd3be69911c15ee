/* Code that has run at boot, or that only a device reaches, called by the sweep: on the same data. */
#include "arch/x86/boot/boot_info.h"
#include "arch/x86/cpu/acpi.h"
#include "arch/x86/cpu/fw_cfg.h"
#include "arch/x86/cpu/pic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/serial.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/paging.h"
#include "kernel/cmdline.h"
#include "kernel/printk.h"
#include "kprobe/boot.h"
#include "kernel/traps.h"
#include "lib/compiler.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/symtab.h"
#include "mm/frames.h"
#include "tests/kernel/sweep.h"
#include "tracefs/tracefs.h"

/* What isn't usable memory has left the page tables: zeros, which the parsers refuse. */
static void read_phys(u64 pa, void *buf, size_t len)
{
	if (kernel_read_nofault(buf, phys_to_virt(pa), len) != 0)
		memset(buf, 0, len);
}

struct sweep_parsed sweep_parsed;

/* A memory map as firmware likes it: overlapping, out of order. */
static u64 regions_again(void)
{
	struct boot_info *info = &sweep_parsed.boot;
	u64 sum = 0;

	memset(info, 0, sizeof(*info));
	sum += regions_add(info, 0x100000, 0x7f00000) != NULL;
	sum += regions_add(info, 0, 0x9fc00) != NULL;
	sum += regions_reserve(info, 0x7e00123, 0x2000) != NULL;
	sum += regions_reserve(info, 0x200000, 0x100) != NULL;
	sum += regions_finish(info) != NULL;
	for (unsigned i = 0; i < info->nr_regions; i++)
		sum = sum * 31 + info->regions[i].base + info->regions[i].size;
	return sum;
}

u64 sweep_parse_again(void)
{
	struct cmdline saved = cmdline;
	struct symbol sym;
	u64 sum = regions_again();

	sum += multiboot2_parse(boot_info_phys, read_phys, &sweep_parsed.boot) != NULL;
	sum += pvh_parse(boot_info_phys, read_phys, &sweep_parsed.boot) != NULL;
	sum += acpi_parse(boot_info.rsdp, read_phys, &sweep_parsed.acpi) != NULL;
	cmdline_init("test debug stress=3 chaos=1 trace=nop trace_buf_size=1M nosuch stress=x trace");
	cmdline = saved;
	kprobe_boot_events("p:again/one,run_cd+5;p:again/two,nosuch;r:again/three,run_cd,x=$retval go=on");
	tracefs_write(TRACEFS_MOUNT "/events/again/enable", "0", 1, false);
	tracefs_write(TRACEFS_MOUNT "/kprobe_events", "-:again/", 8, true);
	sum += cmdline_has(boot_info.cmdline, "test");
	sum += (u64)fw_cfg_size("opt/nestling/cmd") + (u64)fw_cfg_size("nosuch");
	for (u32 i = 0; symtab_nth(&kernel_symtab, i, &sym) && i < 100; i++)
		sum += symtab_find_name(&kernel_symtab, sym.name, &sym, NULL);
	return sum;
}

#define LINE 5

static void count(void) {}

/* A device's interrupt, as it would come, recorded in each way. */
u64 sweep_interrupt(void)
{
	static const char *const files[] = { "tracing_on", "options/stacktrace", "events/irq/enable" };

	irq_set_handler(LINE, count);
	for (unsigned i = 0; i < 1u << ARRAY_SIZE(files); i++) {
		for (unsigned k = 0; k < ARRAY_SIZE(files); k++) {
			char path[TRACEFS_PATH_MAX];

			snprintf(path, sizeof(path), TRACEFS_MOUNT "/%s", files[k]);
			tracefs_write(path, i & 1u << k ? "0" : "1", 1, false);
		}
		__asm__ volatile("int %0" ::"i"(IRQ_BASE_VECTOR + LINE) : "memory");
	}
	irq_set_handler(LINE, NULL);
	pic_mask(LINE);
	tracefs_write(TRACEFS_MOUNT "/tracing_on", "1", 1, false);
	tracefs_write(TRACEFS_MOUNT "/trace", "\n", 1, false);
	return 0;
}

__asm__(".pushsection .text\n.globl sweep_planted\n.type sweep_planted, @function\nsweep_planted:\n\tmovl $7, %eax\n\tnop\n\ttestl $1, %eax\n\tret\n"
	".size sweep_planted, . - sweep_planted\n.popsection");
