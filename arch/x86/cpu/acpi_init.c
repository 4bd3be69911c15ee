/* Reads the firmware's tables while they can be read, and says in one line what they told us. */
#include "arch/x86/cpu/acpi.h"

#include "arch/x86/mm/paging.h"
#include "lib/printk.h"

struct acpi_info acpi_info;

void acpi_init(void)
{
	const struct acpi_info *a = &acpi_info;
	const char *why = acpi_parse(boot_info.rsdp, early_phys_read, &acpi_info);

	if (why) {
		printk("acpi: %s; going on with one CPU\n", why);
		return;
	}
	printk("acpi: %u CPU%s, local APIC at %#lx\n", a->nr_cpus, a->nr_cpus == 1 ? "" : "s", a->local_apic);
	if (a->enabled_cpus > a->nr_cpus)
		printk("acpi: %u more CPUs are left alone\n", a->enabled_cpus - a->nr_cpus);
	if (a->dropped)
		printk("acpi: %u interrupt entries are left alone\n", a->dropped);
}
