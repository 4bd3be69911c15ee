/* Machine checks: the CPU's own report of broken hardware (SDM vol. 3, chapter 15). */
#pragma once

#include "lib/types.h"

/* Each CPU, once, when #MC has its stub: has errors reported, where the CPU can. */
void mce_init_cpu(void);

/* Any context. Has this CPU an error to report? An "int 18" has none. */
bool mce_in_progress(void);
/* Any context. This CPU's IA32_MCG_STATUS; 0 where there is none. */
u64 mce_global_status(void);

#define MCG_STATUS_RIPV (1ul << 0) /* one could go on at the interrupted ip */
#define MCG_STATUS_MCIP (1ul << 2)

#define MCI_STATUS_ADDRV (1ul << 58)
#define MCI_STATUS_MISCV (1ul << 59)
#define MCI_STATUS_UC	 (1ul << 61) /* uncorrected */
#define MCI_STATUS_VAL	 (1ul << 63)

/* What one bank of registers says. */
struct mce_bank {
	u64 status, addr, misc; /* the latter two are 0 where the status says that they hold nothing */
};

/* Any context. How many banks there are. */
unsigned mce_nr_banks(void);
/* Any context. Reads this CPU's bank @i; false when it holds no error. */
bool mce_bank_read(unsigned i, struct mce_bank *bank);
