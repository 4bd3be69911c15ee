/* A bust at each instruction of a function. */
#include "tests/kernel/kprobe_bust_each.h"

#include "kprobe/bust.h"
#include "lib/symtab.h"

bool bust_wanted;
u64 busts;

u64 original[2];
void original_keep(void) { memcpy(original, jt_four, sizeof(original)); }
bool is_original(void) { return memcmp(original, jt_four, sizeof(original)) == 0; }

static void bust(struct kprobe *p, struct pt_regs *regs)
{
	if (!bust_wanted)
		return;
	bust_wanted = false;
	busts++;
	bust_disarm_all();
}

unsigned bust_at_each(const void *function, void (*meet)(struct kprobe *at))
{
	struct symbol f;
	struct insn insn;
	unsigned n = 0;

	original_keep();
	busts = 0;
	symtab_find(&kernel_symtab, (u64)function, &f);
	for (u64 ip = f.start + SITE_SIZE; ip < f.start + f.size; ip += insn.length) {
		struct kprobe at = { .addr = ip, .pre = bust, .technique = KPROBE_STEP };
		const char *why;

		if (insn_decode(&insn, (const u8 *)ip, f.start + f.size - ip) != 0)
			break;
		if (kprobe_register(&at, &why) != 0)
			continue; /* it can't be stepped */
		EXPECT_EQ(kprobe_arm(&at), 0);
		meet(&at);
		probe_off(&at);
		n++;
	}
	return n;
}
