/* A page is the user's when every entry on the way says so (SDM vol. 3, 4.6.1): map_pages() makes the kernel's only. */
#include "tests/kernel/user_page.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "lib/ktest.h"
#include "mm/frames.h"

#define TABLES	  3
#define LAST_SLOT 255

static u64 tables[TABLES], last_tables[TABLES];

static void flush_all(void *arg) { write_cr3(read_cr3()); }

static void free_tables(u64 *of)
{
	for (int i = 0; i < TABLES; i++) {
		if (of[i])
			frames_free(of[i], 1);
		of[i] = 0;
	}
}

/* One for each level below @slot of the root, each in the same entry, @at, of the one above. */
static bool make_tables(u64 *of, unsigned slot, unsigned at)
{
	for (int i = 0; i < TABLES; i++) {
		of[i] = frame_alloc();
		if (!of[i]) {
			ktest_fail(__FILE__, __LINE__, "no frame", 0, 0);
			free_tables(of);
			return false;
		}
	}
	for (int i = 1; i < TABLES; i++)
		((u64 *)phys_to_virt(of[i - 1]))[at] = of[i] | PTE_P | PTE_W | PTE_U;
	boot_pml4[slot] = of[0] | PTE_P | PTE_W | PTE_U;
	return true;
}

bool user_pages_make(void) { return make_tables(tables, USER_SLOT, 0); }

bool user_last_page_map(u64 pa, u64 rights)
{
	if (!make_tables(last_tables, LAST_SLOT, 511))
		return false;
	((u64 *)phys_to_virt(last_tables[TABLES - 1]))[511] = pa | rights | PTE_U;
	return true;
}

void user_pages_map(unsigned n, u64 pa, u64 rights)
{
	((u64 *)phys_to_virt(tables[TABLES - 1]))[n] = pa | rights | PTE_U;
}

void user_pages_drop(void)
{
	boot_pml4[USER_SLOT] = boot_pml4[LAST_SLOT] = 0;
	flush_all(NULL);
	smp_call_others(flush_all, NULL);
	free_tables(tables);
	free_tables(last_tables);
}
