/* The least that a program needs. */
#include "user/lib/user.h"

#include "user/lib/syscall.h"

s64 print(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return syscall3(SYS_print, (u64)text, n, 0);
}

void process_exit(int status)
{
	syscall3(SYS_process_kill, 0, (u64)(s64)status, 0);
	__builtin_unreachable(); /* the process has ended on the way back */
}
