/* Vector numbers (SDM vol. 3, table 6-1) and what each is called. */
#pragma once

#define X86_TRAP_DE  0
#define X86_TRAP_DB  1
#define X86_TRAP_NMI 2
#define X86_TRAP_BP  3
#define X86_TRAP_UD  6
#define X86_TRAP_DF  8
#define X86_TRAP_GP  13
#define X86_TRAP_PF  14
#define X86_TRAP_MC  18

#define VECTOR_TWIN 238 /* asm_exc_twin's; nothing but the file rcu/twin asks for it */

#define NR_EXCEPTIONS	32
#define NR_VECTORS	256
#define IRQ_BASE_VECTOR 32 /* the two PICs' sixteen lines follow each other from here */

/* "#BP", "#PF", "NMI", "irq4", "vec200": a short name that fits a picture. @buf of 8 bytes is used for the made-up ones. */
const char *vector_name(unsigned vector, char buf[8]);
