/* Machine checks: every bank told to report, and read when one has. */
#include "arch/x86/cpu/mce.h"

#include "arch/x86/cpu/regs.h"

#define MSR_MCG_CAP    0x179
#define MSR_MCG_STATUS 0x17a
#define MSR_MCG_CTL    0x17b
#define MSR_MC_CTL(i)  (0x400 + 4 * (i))

#define MCG_CAP_COUNT 0xff
#define MCG_CAP_CTL   (1ul << 8)

#define CPUID_MCE (1u << 7)
#define CPUID_MCA (1u << 14)

/* The same on all CPUs. 0: there is no such architecture, and its MSRs mustn't be touched. */
static unsigned nr_banks;
static bool present;

void mce_init_cpu(void)
{
	u32 r[4];
	u64 cap;

	cpuid(1, 0, r);
	if (!(r[3] & CPUID_MCE))
		return;
	if (r[3] & CPUID_MCA) {
		cap = rdmsr(MSR_MCG_CAP);
		nr_banks = cap & MCG_CAP_COUNT;
		present = true;
		if (cap & MCG_CAP_CTL)
			wrmsr(MSR_MCG_CTL, ~0ul);
		for (unsigned i = 0; i < nr_banks; i++) {
			wrmsr(MSR_MC_CTL(i), ~0ul);
			wrmsr(MSR_MC_CTL(i) + 1, 0); /* what is left of a time before this kernel */
		}
	}
	write_cr4(read_cr4() | X86_CR4_MCE);
}

unsigned mce_nr_banks(void) { return nr_banks; }
u64 mce_global_status(void) { return present ? rdmsr(MSR_MCG_STATUS) : 0; }
bool mce_in_progress(void) { return mce_global_status() & MCG_STATUS_MCIP; }

bool mce_bank_read(unsigned i, struct mce_bank *bank)
{
	u32 ctl = MSR_MC_CTL(i);

	bank->status = rdmsr(ctl + 1);
	bank->addr = bank->status & MCI_STATUS_ADDRV ? rdmsr(ctl + 2) : 0;
	bank->misc = bank->status & MCI_STATUS_MISCV ? rdmsr(ctl + 3) : 0;
	return bank->status & MCI_STATUS_VAL;
}
