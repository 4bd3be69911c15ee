/* Code that has run at boot, or that only a terminal reaches, called by the sweep: on the same data, with typed keys. */
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
#include "kernel/shell/complete.h"
#include "kernel/shell/console.h"
#include "kernel/shell/internal.h"
#include "kernel/shell/line.h"
#include "kernel/shell/shell.h"
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

#define LINE   5
#define CTRL_D 4

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

static void draw(void *arg, const char *text, size_t len) {}

static struct {
	struct shell shell;
	struct line line;
	char listed[4096];
} * typed;

static void complete(void *arg, const char *text, size_t len, struct completion *c)
{
	shell_complete(&typed->shell, text, len, c);
}

static void list(void *arg, const char *text, size_t len)
{
	struct seq_buf b;

	seq_buf_init(&b, typed->listed, sizeof(typed->listed));
	shell_list_candidates(&typed->shell, text, len, &b.seq);
}

/* Every key of the line editor: words, their completion, moving, deleting, history, a line wider than the screen. */
u64 sweep_type(void)
{
	static const char keys[] =
		"ca\t set_ftr\t\t\x01"
		"echo \x05\x02\x06\x7f\x15"
		"abc def\x17\x0b\x14\r"
		"\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F\x1b[3~\x1b[1~\x1b[4~\x1bOH\x1bOF\x1b[1;5C\x1bx\x0c\x10\x0e\r"
		"tou\t\t\t1\rls ev\tsch\t\t\x1b[A\x1b[A\x1b[A\x1b[B\x1b[B\x1b[B\x03nosuch\t\t\rcat k\t\t\"x\\\t'\t\x04\r"
		"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
		"\x1b[H\x1b[C\x1b[C\x04\x0b\x15\x04";
	static const struct line_client client = { draw, complete, list, NULL };
	struct line *line;
	u64 sum = 0;

	if (!FRAMES_ONCE(typed))
		return 0;
	line = &typed->line;
	shell_init(&typed->shell);
	line_init(line, &client);
	line_start(line, "# ");
	for (size_t i = 0; i < sizeof(keys) - 1; i++) {
		enum line_state state = line_feed(line, keys[i]);

		sum = sum * 31 + (u64)state;
		if (state != LINE_MORE)
			line_start(line, "# ");
	}
	return sum;
}

/* A person at the terminal, who at once has had enough: the UART hands back to itself what it is told to send. */
u64 sweep_terminal(void)
{
	u64 flags = local_irq_save();

	console_lock();
	serial_loop(true);
	serial_putc(CTRL_D);
	serial_loop(false);
	console_unlock();
	local_irq_restore(flags);
	shell_interactive();
	seq_puts(&shell_console, "\n");
	shell_flush();
	shell_poweroff_requested = false;
	return 0;
}

__asm__(".pushsection .text\n.globl sweep_planted\n.type sweep_planted, @function\nsweep_planted:\n\tmovl $7, %eax\n\tnop\n\ttestl $1, %eax\n\tret\n"
	".size sweep_planted, . - sweep_planted\n.popsection");
