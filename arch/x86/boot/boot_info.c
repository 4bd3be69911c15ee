/* Finds the boot loader's structure by the door we came through, and reads it through a window. */
#include "arch/x86/boot/boot_info.h"

#include "arch/x86/mm/paging.h"
#include "lib/bug.h"

struct boot_info boot_info;

static const char *why = "neither multiboot2 nor PVH: who loaded this kernel?";

void boot_info_read(void)
{
	if (boot_magic == BOOT_MAGIC_MULTIBOOT2)
		why = multiboot2_parse(boot_info_phys, early_phys_read, &boot_info);
	else if (boot_magic == BOOT_MAGIC_PVH)
		why = pvh_parse(boot_info_phys, early_phys_read, &boot_info);
}

void boot_info_check(void)
{
	if (why)
		panic("boot: %s", why);
}
