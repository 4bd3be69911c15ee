/* The boot, in ticks: to its end, and to the first program. */
#include "kernel/boot_time.h"

#include "arch/x86/boot/boot_info.h"
#include "arch/x86/cpu/fw_cfg.h"
#include "arch/x86/cpu/regs.h"
#include "kernel/printk.h"
#include "lib/compiler.h"

static u64 waited;
static bool user_awaited;

void boot_time_waited(u64 ticks) { waited += ticks; }

/* Under an instruction-counting emulator, which the runner tells us of, the TSC counts instructions. */
static void tell(const char *to, u64 ticks)
{
	bool icount = fw_cfg_size("opt/nestling/icount") >= 0;

	printk("boot: %s%lu %s\n", to, ticks,
	       icount ? "instructions" : "TSC ticks (instructions with ICOUNT=1)");
}

void boot_time_tell(void) { tell("", rdtsc() - boot_tsc - waited); }

void boot_time_await_user(void) { WRITE_ONCE(user_awaited, true); }

/* Said a moment before it goes: what telling costs isn't counted, nor are the few dozen instructions that are left. */
void boot_time_user(void)
{
	u64 now = rdtsc();

	if (!READ_ONCE(user_awaited) || !__atomic_exchange_n(&user_awaited, false, __ATOMIC_RELAXED))
		return;
	tell("to the first program ", now - boot_tsc - waited);
	printk_boot_done();
}
