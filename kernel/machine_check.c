/* Dying of broken hardware: what the banks say, and the report of any other death. */
#include "arch/x86/cpu/mce.h"
#include "kernel/panic.h"
#include "kernel/traps.h"
#include "lib/printk.h"

/* The bank to name in the one line that everyone reads: an uncorrected error before a corrected one. */
static int worst_bank(struct mce_bank *worst)
{
	struct mce_bank bank;
	int found = -1;

	for (unsigned i = 0; i < mce_nr_banks(); i++) {
		if (!mce_bank_read(i, &bank))
			continue;
		printk("mce: bank %u: status %016lx, address %lx, misc %lx\n", i, bank.status, bank.addr,
		       bank.misc);
		if (found < 0 || (bank.status & MCI_STATUS_UC && !(worst->status & MCI_STATUS_UC))) {
			*worst = bank;
			found = (int)i;
		}
	}
	return found;
}

void die_of_machine_check(struct pt_regs *regs)
{
	u64 global = mce_global_status();
	const char *back = global & MCG_STATUS_RIPV ? "" : ", and no way back";
	struct mce_bank bank = { 0 };
	int number = worst_bank(&bank);

	if (!(global & MCG_STATUS_MCIP))
		panic_regs(regs, "a machine check with no error in progress: an int 18?");
	if (number < 0)
		panic_regs(regs, "machine check, MCG_STATUS %lx%s; no bank says why", global, back);
	panic_regs(regs,
		   "machine check, MCG_STATUS %lx%s; bank %d: %scorrected error, status %016lx, address %lx",
		   global, back, number, bank.status & MCI_STATUS_UC ? "un" : "", bank.status, bank.addr);
}
