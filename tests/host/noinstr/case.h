/* What every case of the checker's catalogue starts with: the kernel's own marks, and somebody to call. */
#pragma once

#include "lib/compiler.h"
#include "lib/instrumentation.h"
#include "lib/types.h"

struct pt_regs;
void do_int3(struct pt_regs *regs);
void do_debug(struct pt_regs *regs);
void do_nmi(struct pt_regs *regs);
void do_double_fault(struct pt_regs *regs);

/* common.c. Visible: */
void visible(void);
int visible_int(int n);
void __noreturn visible_end(void);
extern void (*pointer)(void);
extern volatile int knob;
/* Hidden: */
void rcu_nmi_enter(void);
void rcu_nmi_exit(void);
void hidden(void);
