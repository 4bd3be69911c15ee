/*
 * For user probes to stand in: instructions of each kind that a probe must run elsewhere, and functions that call. Its status is what they
 * have computed, and the same whatever is probed.
 */
#include "user/lib/user.h"

u64 probed_zoo(u64 seed);
u64 probed_call(u64 n, const char *text);
u64 probed_leave(u64 n);

/*
 * rax: what becomes of the seed. Each kind once: plain, with memory, with memory by rip, pushes and pops, branches of all kinds, by
 * register and by memory, returns with and without arguments, flags, strings, floating-point registers.
 */
__asm__(".text\n"
	".globl probed_zoo, probed_zoo_end, probed_touch, probed_trap\n"
	".type probed_zoo, @function\n"
	"probed_zoo:\n"
	"	endbr64\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	pushq $0x1234567\n"
	"	pop %r12\n"
	"	lea 3(%rdi,%rdi,2), %rax\n"
	"	mov %rax, probed_word(%rip)\n"
	"	add probed_constant(%rip), %rax\n"
	"	cmpl $77, probed_constant(%rip)\n"
	"	jne 1f\n"
	"	xor %r12, %rax\n"
	"1:	mov $5, %ecx\n"
	"2:	add %rcx, %rax\n"
	"	rol $3, %rax\n"
	"	loop 2b\n"
	"	jrcxz 3f\n"
	"	ud2\n"
	"3:	call 10f\n"
	"	lea 10f(%rip), %rbx\n"
	"	call *%rbx\n"
	"	call *probed_table(%rip)\n"
	"	lea probed_table(%rip), %rbx\n"
	"	call *(%rbx)\n"
	"	push %rbx\n"
	"	call 11f\n"
	"	lea 4f(%rip), %rbx\n"
	"	jmp *%rbx\n"
	"	ud2\n"
	"4:	jmp *probed_table+8(%rip)\n"
	"	ud2\n"
	".globl probed_landing\n"
	"probed_landing:\n"
	"	pushfq\n"
	"	pop %rbx\n"
	"	and $0x8d5, %ebx\n"
	"	add %rbx, %rax\n"
	"	push %rsp\n"
	"	pop %rbx\n"
	"	sub %rsp, %rbx\n"
	"	add %rbx, %rax\n"
	"	pushfq\n"
	"	orl $1, (%rsp)\n"
	"	popfq\n"
	"	adc $0, %rax\n"
	"	pushfq\n"
	"	andl $~0x400, (%rsp)\n"
	"	popfq\n"
	"	lea probed_table(%rip), %rsi\n"
	"	lea probed_copy(%rip), %rdi\n"
	"	mov $16, %ecx\n"
	"	rep movsb\n"
	"	mov probed_copy(%rip), %rbx\n"
	"	sub probed_table(%rip), %rbx\n"
	"	add %rbx, %rax\n"
	"	add %rcx, %rax\n"
	"	movq %rax, %xmm3\n"
	"	paddq probed_constant(%rip), %xmm3\n"
	"	movq %xmm3, %rax\n"
	"	xchg %rax, probed_word(%rip)\n"
	"	lock xadd %rax, probed_word(%rip)\n"
	"	setc %cl\n"
	"	cmovz %rcx, %rax\n"
	"	nop\n"
	"	pause\n"
	".type probed_behind_pause, @function\n"
	"probed_behind_pause:\n"
	"	enter $16, $0\n"
	"	leave\n"
	"	cmp %al, %ah\n"
	"	jg 5f\n"
	"	inc %rax\n"
	"5:	jmp 6f\n"
	"	ud2\n"
	"6:	pop %r12\n"
	"	pop %rbx\n"
	"	ret\n"
	"10:	imul $31, %rax, %rax\n"
	"	ret\n"
	"11:	add 8(%rsp), %al\n"
	"	sub 8(%rsp), %al\n"
	"	ret $8\n"
	"probed_zoo_end:\n"
	".size probed_zoo, . - probed_zoo\n"
	/* (address): reads there, or faults. */
	".type probed_touch, @function\n"
	"probed_touch:\n"
	"	xor %eax, %eax\n"
	"	add (%rdi), %rax\n"
	"	ret\n"
	".size probed_touch, . - probed_touch\n"
	/* An int3 of its own. */
	".type probed_trap, @function\n"
	"probed_trap:\n"
	"	nop\n"
	"	int3\n"
	"	ret\n"
	/* What is never reached, and no probe may be at. */
	"	syscall\n"
	"	hlt\n"
	"	ud2\n"
	".size probed_trap, . - probed_trap\n"
	".data\n"
	".balign 16\n"
	"probed_constant: .quad 77, 0\n"
	"probed_word: .quad 0\n"
	"probed_table: .quad 10b, probed_landing\n"
	"probed_copy: .quad 0, 0\n");

/*
 * Each runs one instruction a hundred times, and ends with the least that it took, in ticks of the TSC. What is behind "probed_at" is where
 * a probe may be.
 */
#define TIME(name, before, insn)                  \
	".type probed_time_" name ", @function\n" \
	"probed_time_" name ":\n"                 \
	"	mov $101, %ebx\n"                       \
	"	mov $-1, %r12d\n"                       \
	"1:	" before "\n"                     \
	"	rdtsc\n"                                \
	"	mov %eax, %r13d\n"                      \
	".type probed_at_" name ", @function\n"   \
	"probed_at_" name ":\n"                   \
	".size probed_at_" name ", 1\n"           \
	"	" insn "\n"                       \
	"	rdtsc\n"                                \
	"	sub %r13d, %eax\n"                      \
	"	cmp %r12d, %eax\n"                      \
	"	cmovb %eax, %r12d\n"                    \
	"	dec %ebx\n"                             \
	"	jnz 1b\n"                               \
	"	mov %r12d, %edi\n"                      \
	"	call process_exit\n"                    \
	".size probed_time_" name ", . - probed_time_" name "\n"

__asm__(".text\n" TIME("nop", "", "nop") TIME("add", "", "add $1, %r14") TIME("popf", "pushfq", "popfq")
		TIME("call", "", "call probed_callee") ".type probed_callee, @function\n"
						       "probed_callee:\n"
						       "	nop\n"
						       "	ret\n"
						       ".size probed_callee, . - probed_callee\n");

/* Calls itself. */
noinline u64 probed_call(u64 n, const char *text)
{
	u64 below = n ? probed_call(n - 1, text) : (u64)(u8)text[0];

	__asm__ volatile("" : "+r"(below));
	return below * 3 + n;
}

static u64 jump[3];

/* Leaves all its calls at once. */
noinline static u64 fall(u64 n)
{
	u64 below;

	if (!n)
		__builtin_longjmp(jump, 1);
	below = fall(n - 1);
	__asm__ volatile("" : "+r"(below));
	return below + 1;
}

noinline u64 probed_leave(u64 n)
{
	if (__builtin_setjmp(jump))
		return 7;
	return fall(n);
}

int main(int argc, char **argv)
{
	u64 sum = 0;

	for (u64 i = 0; i < 4; i++)
		sum = sum * 17 + probed_zoo(i * 0x123456789) + probed_call(i, "some text");
	sum += probed_leave(3) + probed_call(2, "x");
	return (int)((sum ^ sum >> 32) & 0x3fffffff);
}
