/* A page is the user's when every entry on the way says so (SDM vol. 3, 4.6.1): map_pages() makes the kernel's only. */
#include "tests/kernel/user_page.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "lib/ktest.h"
#include "mm/frames.h"

#define TABLES 3

static u64 tables[TABLES];

static void flush_all(void *arg) { write_cr3(read_cr3()); }

static void free_tables(void)
{
	for (int i = 0; i < TABLES; i++) {
		if (tables[i])
			frames_free(tables[i], 1);
		tables[i] = 0;
	}
}

bool user_pages_make(void)
{
	for (int i = 0; i < TABLES; i++) {
		tables[i] = frame_alloc();
		if (!tables[i]) {
			ktest_fail(__FILE__, __LINE__, "no frame", 0, 0);
			free_tables();
			return false;
		}
	}
	for (int i = 1; i < TABLES; i++)
		*(u64 *)phys_to_virt(tables[i - 1]) = tables[i] | PTE_P | PTE_W | PTE_U;
	boot_pml4[USER_SLOT] = tables[0] | PTE_P | PTE_W | PTE_U;
	return true;
}

void user_pages_map(unsigned n, u64 pa, u64 rights)
{
	((u64 *)phys_to_virt(tables[TABLES - 1]))[n] = pa | rights | PTE_U;
}

void user_pages_drop(void)
{
	boot_pml4[USER_SLOT] = 0;
	flush_all(NULL);
	smp_call_others(flush_all, NULL);
	free_tables();
}
