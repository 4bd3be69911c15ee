/*
 * The function tracer before there are tables, threads or memory: every site calls a trampoline of the image, and later
 * finds itself registered as the first consumer's.
 */
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/internal.h"
#include "ftrace/tracer.h"

extern const u64 __start_mcount_loc[], __stop_mcount_loc[];

/*
 * notrace: no call of a site before all are done. Text is written where it lies, with CR0.WP off: it has no writable
 * alias yet, nothing else runs, and nothing of it has been executed. What is no nop stays, for ftrace_init() to complain of.
 */
notrace void ftrace_early_start(void)
{
	static const u8 nop5[SITE_SIZE] = NOP5;
	u64 cr0 = read_cr0();

	function_ops.trampoline = (u64)ftrace_early_caller;
	write_cr0(cr0 & ~X86_CR0_WP);
	for (const u64 *ip = __start_mcount_loc; ip < __stop_mcount_loc; ip++)
		if (*ip - (u64)__text_start < (u64)(__text_end - __text_start) &&
		    __builtin_memcmp((void *)*ip, nop5, SITE_SIZE) == 0)
			ftrace_site_code((u8 *)*ip, *ip, function_ops.trampoline);
	write_cr0(cr0);
}
