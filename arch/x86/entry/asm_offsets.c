/* Every number assembly needs from C, said by the compiler: the Makefile turns "->NAME value" into %define. */
#include "arch/x86/cpu/machine.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/boot/boot_info.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/detour.h"
#include "arch/x86/entry/fentry.h"
#include "arch/x86/entry/graph.h"
#include "arch/x86/entry/handlers.h"
#include "arch/x86/entry/pt_regs.h"
#include "arch/x86/entry/switch.h"
#include "arch/x86/entry/syscall.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/entry/black_box.h"
#include "arch/x86/mm/stacks.h"
#include "arch/x86/mm/text_poke.h"

#define DEFINE(name, value) __asm__ volatile("\n.ascii \"->" #name " %0\"" ::"i"(value))

void asm_offsets(void);
void asm_offsets(void)
{
	DEFINE(REGS_SIZE, sizeof(struct pt_regs));
	DEFINE(REGS_AX, offsetof(struct pt_regs, ax));
	DEFINE(REGS_CX, offsetof(struct pt_regs, cx));
	DEFINE(REGS_R11, offsetof(struct pt_regs, r11));
	DEFINE(REGS_DX, offsetof(struct pt_regs, dx));
	DEFINE(REGS_SI, offsetof(struct pt_regs, si));
	DEFINE(REGS_DI, offsetof(struct pt_regs, di));
	DEFINE(REGS_BP, offsetof(struct pt_regs, bp));
	DEFINE(REGS_R8, offsetof(struct pt_regs, r8));
	DEFINE(REGS_R9, offsetof(struct pt_regs, r9));
	DEFINE(REGS_R10, offsetof(struct pt_regs, r10));
	DEFINE(REGS_R12, offsetof(struct pt_regs, r12));
	DEFINE(REGS_R13, offsetof(struct pt_regs, r13));
	DEFINE(REGS_R14, offsetof(struct pt_regs, r14));
	DEFINE(REGS_R15, offsetof(struct pt_regs, r15));
	DEFINE(SPINLOCK_SERVING, SPINLOCK_SERVING);
	DEFINE(REGS_VECTOR, offsetof(struct pt_regs, vector));
	DEFINE(REGS_ERROR, offsetof(struct pt_regs, error));
	DEFINE(REGS_IP, offsetof(struct pt_regs, ip));
	DEFINE(REGS_SP, offsetof(struct pt_regs, sp));
	DEFINE(REGS_FLAGS, offsetof(struct pt_regs, flags));
	DEFINE(REGS_SS, offsetof(struct pt_regs, ss));
	DEFINE(REGS_PUSH, REGS_PUSH);
	DEFINE(TRAP_RECORD_SIZE, TRAP_RECORD_SIZE);
	DEFINE(RECOVERY_SIZE, RECOVERY_SIZE);
	DEFINE(STEP_AT, offsetof(struct step_end, at));
	DEFINE(STEP_TO, offsetof(struct step_end, to));
	DEFINE(STEP_FLIP, offsetof(struct step_end, flip));
	DEFINE(STEP_SHIFT, STEP_SHIFT);
	DEFINE(STEP_SIZE, 1 << STEP_SHIFT);
	DEFINE(SLOT_AREA, SLOT_AREA);
	DEFINE(DR6_RESERVED, DR6_RESERVED);
	DEFINE(DR6_BS, DR6_BS);

	DEFINE(VECTOR_SYSCALL, VECTOR_SYSCALL);
	DEFINE(VECTOR_TWIN, VECTOR_TWIN);
	DEFINE(FLAGS_TF, X86_EFLAGS_TF);
	DEFINE(FLAGS_IF, X86_EFLAGS_IF);
	DEFINE(FLAGS_RF, X86_EFLAGS_RF);
	DEFINE(VECTOR_NONE, VECTOR_NONE);
	DEFINE(FRAME_IP, offsetof(struct ftrace_frame, ip));
	DEFINE(FRAME_PARENT, offsetof(struct ftrace_frame, parent));
	DEFINE(SITE_SIZE, SITE_SIZE);
	DEFINE(SITE_ONLY, SITE_ONLY);
	DEFINE(KPROBE_PRE, KPROBE_PRE);
	DEFINE(KPROBE_HITS, KPROBE_HITS);
	DEFINE(GUARD_KPROBE_TASK, GUARD_KPROBE_TASK);
	DEFINE(NOT_THREAD, NOT_THREAD);

	DEFINE(DETOUR_GUARD, DETOUR_GUARD);

	DEFINE(BB_SIZE, sizeof(struct bb_record));
	DEFINE(BB_MASK, BLACK_BOX_RECORDS * sizeof(struct bb_record) - 1);
	DEFINE(BB_TSC, offsetof(struct bb_record, tsc));
	DEFINE(BB_IP, offsetof(struct bb_record, ip));
	DEFINE(BB_SP, offsetof(struct bb_record, sp));
	DEFINE(BB_DEPTH, offsetof(struct bb_record, depth));
	DEFINE(BB_VECTOR, offsetof(struct bb_record, vector));
	DEFINE(BB_EXIT_BIT, BB_EXIT << 16);

	DEFINE(KERNEL_CS, KERNEL_CS);
	DEFINE(KERNEL_DS, KERNEL_DS);
	DEFINE(USER_CS, USER_CS);
	DEFINE(USER_DS, USER_DS);
	DEFINE(TSS_RSP0, offsetof(struct tss, rsp));
	DEFINE(IST_GS_BASE, offsetof(struct ist_top, gs_base));
	DEFINE(IST_NMI_RUNNING, offsetof(struct ist_top, nmi_running));
	DEFINE(IST_NMI_NESTED, offsetof(struct ist_top, nmi_nested));
	DEFINE(MSR_GS_BASE, MSR_GS_BASE);
	DEFINE(AP_BOOT_PAGE, AP_BOOT_PAGE);
	DEFINE(THREAD_SP, THREAD_SP_OFFSET);
	DEFINE(THREAD_KILLED, THREAD_KILLED_OFFSET);
	DEFINE(TASK_STACK_TOP, GUARD_SIZE + TASK_STACK_SIZE);
	DEFINE(BOOT_PVH, BOOT_MAGIC_PVH);
	DEFINE(EXIT_PORT, EXIT_PORT);
	DEFINE(EXIT_PANIC, EXIT_PANIC);
}
