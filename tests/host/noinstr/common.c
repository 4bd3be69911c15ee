/* Visible and hidden functions for the cases to call, and a memcpy for the compiler. */
#include "tests/host/noinstr/case.h"

void (*pointer)(void) = visible;
volatile int knob;

void visible(void) { knob++; }
int visible_int(int n) { return knob + n; }
/* noreturn_namesake.c has one that returns; most have none. */
void __noreturn __attribute__((weak)) ends(void);
void visible_end(void)
{
	if (ends)
		ends();
	for (;;)
		knob = 1;
}

noinstr void rcu_nmi_enter(void) { barrier(); }
noinstr void rcu_nmi_exit(void) { barrier(); }
noinstr void hidden(void) { knob = 2; }

/* Visible here: the kernel's are in .kprobes.text, which is refused just the same where no context is. */
void *memcpy(void *to, const void *from, __SIZE_TYPE__ n);
void *memset(void *to, int c, __SIZE_TYPE__ n);
void __noreturn __stack_chk_fail(void);
void __fentry__(void);

void *memcpy(void *to, const void *from, __SIZE_TYPE__ n)
{
	for (volatile char *t = to; n--;)
		*t++ = *(const char *)from;
	return to;
}

void *memset(void *to, int c, __SIZE_TYPE__ n)
{
	for (volatile char *t = to; n--;)
		*t++ = (char)c;
	return to;
}

void __stack_chk_fail(void) { visible_end(); }
notrace void __fentry__(void) { barrier(); }

__asm__(".text\n\t.globl __x86_indirect_thunk_rax\n\t.type __x86_indirect_thunk_rax, @function\n"
	"__x86_indirect_thunk_rax:\n\tjmp *%rax\n\t.size __x86_indirect_thunk_rax, . - __x86_indirect_thunk_rax\n");
