/* The sweep of the boot itself: probes on it as soon as there are threads, and with the first command it is over. */
#include "kprobe/kprobe.h"
#include "lib/glob.h"
#include "lib/ktest.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "lib/symtab.h"
#include "tests/kernel/sweep.h"

#define BOOT_PLACES_MAX 6144

extern const u8 __text_start[];

/* What runs at boot, once there are threads. Not segments_init(): a CPU that is being started has no IDT then. */
static const char *const boot_functions[] = {
	"kernel_main",
	"[!s]*_init",
	"s[!e]*_init",
	"*_init_cpu",
	"*_init_others",
	"apic_*",
	"tsc_calibrate",
	"fw_cfg_*",
	"sched_start*",
	"sched_begin*",
	"protect_cpu",
	"start_cpu",
	"make*",
	"chaos_start",
	"ap_boot_*",
	"ap_start",
	"now",
	"trace_add_per_cpu",
	"idle_thread_create",
};
static unsigned boot_technique = NR_TECHNIQUES;

static bool runs_at_boot(const struct sweep_place *place)
{
	struct symbol sym;

	if (!symtab_find(&kernel_symtab, (u64)__text_start + place->offset, &sym))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(boot_functions); i++)
		if (glob_match(boot_functions[i], sym.name))
			return true;
	return false;
}

/* "sweep=TECHNIQUE": probes on what the rest of the boot runs. */
void ktest_boot(const char *text)
{
	char name[16];
	size_t len = 0;
	u32 n = 0, *which = sweep_pages(BOOT_PLACES_MAX * sizeof(*which));

	while (text[len] && !isspace(text[len]) && len < sizeof(name) - 1)
		len++;
	strscpy(name, text, len + 1);
	if (!which || !sweep_take_technique(name) || sweep_prepare() != 0) {
		printk("sweep: \"sweep=%s\" ignored: no such technique, or no memory\n", name);
		return;
	}
	boot_technique = (unsigned)sweep_options.technique;
	for (u32 i = 0; i < nr_places && n < BOOT_PLACES_MAX; i++)
		if (runs_at_boot(&places[i]))
			which[n++] = i;
	sweep_arm(which, n);
	printk("sweep: %u places of the boot have probes\n", n);
}

unsigned sweep_end_of_boot(void)
{
	static bool over;

	if (boot_technique == NR_TECHNIQUES || over)
		return boot_technique;
	over = true;
	sweep_disarm();
	for (u32 i = 0; i < nr_places; i++)
		places[i].boot = places[i].how == SWEEP_HIT;
	return boot_technique;
}
