/* Instructions that not every CPU has stand in the text as nops; at boot those it has are put in. */
#include "arch/x86/cpu/features.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/text_poke.h"
#include "lib/bug.h"
#include "lib/printk.h"
#include "lib/string.h"

#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CPUID_7_EBX_SMAP       (1u << 20)

/* 0f 1f ca and 0f 1f cb are nops, 0f 01 ca is clac, 0f 01 cb is stac: the second byte is the whole difference. */
#define ESCAPE	    0x0f
#define OPCODE_NOP  0x1f
#define OPCODE_SMAP 0x01
#define MODRM_CLAC  0xca
#define MODRM_STAC  0xcb

extern const u64 __start_smap_sites[], __stop_smap_sites[];

bool cpu_has_smap(void)
{
	u32 r[4];

	cpuid(0, 0, r);
	if (r[0] < 7)
		return false; /* a leaf too high repeats another one's answer */
	cpuid(7, 0, r);
	return r[1] & CPUID_7_EBX_SMAP;
}

bool cpu_is_tcg(void)
{
	u32 r[4];

	cpuid(1, 0, r);
	if (!(r[2] & CPUID_1_ECX_HYPERVISOR))
		return false;
	cpuid(0x40000000, 0, r);
	return memcmp(&r[1], "TCGTCGTCGTCG", 12) == 0;
}

static void check_site(u64 addr)
{
	const u8 *b = (const u8 *)addr;

	if (b[0] != ESCAPE || b[1] != OPCODE_NOP || (b[2] != MODRM_CLAC && b[2] != MODRM_STAC))
		panic("boot: the SMAP site at %pS (%lx) is no 3-byte nop: %02x %02x %02x", (void *)addr, addr,
		      b[0], b[1], b[2]);
}

void features_init(void)
{
	const u8 opcode = OPCODE_SMAP;
	size_t n = (size_t)(__stop_smap_sites - __start_smap_sites);
	bool smap = cpu_has_smap();

	for (size_t i = 0; i < n; i++)
		check_site(__start_smap_sites[i]);
	for (size_t i = 0; smap && i < n; i++)
		text_poke((void *)(__start_smap_sites[i] + 1), &opcode, 1);
	if (smap)
		printk("features: SMAP, %lu sites patched\n", n);
	else
		printk("features: no SMAP, %lu sites left as nops\n", n);
}
