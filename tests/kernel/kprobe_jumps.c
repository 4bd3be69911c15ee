/* What the tests of jumps share. */
#include "tests/kernel/kprobe_jumps.h"

CODE(jt_four, "", "incq %rax", "incq %rax\n\tincq %rax\n\tincq %rax", "");
CODE(jt_behind, "", "incq %rax", "incq %rax\n3:\tincl %eax\n\tcmpq $4, %rax\n\tjb 3b", "");

#define ROW(n) "incq %rax\n\tincq %rax\n\t"
CODE(jt_row, "", "incq %rax",
     "incq %rax\n\t" ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7) ROW(8) ROW(9) ROW(10) ROW(11) ROW(12),
     "");
__asm__(".globl jt_four, jt_behind, jt_row");

u64 run_code(const void *code)
{
	u64 ax = 0;

	__asm__ volatile("call *%1" : "+a"(ax) : "r"(code) : "rcx", "memory", "cc");
	return ax;
}

u64 hits;
void count_hit(struct kprobe *p, struct pt_regs *regs) { hits++; }

bool jumps(const struct kprobe *p)
{
	kprobe_settle();
	return *(volatile u8 *)p->addr == JMP32_BYTE && p->site->jump == JUMP_IN;
}
