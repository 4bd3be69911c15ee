/* System calls from C (abi/syscall.h): each is one instruction, so all of it is inline. */
#pragma once

#include "abi/syscall.h"
#include "lib/types.h"

static inline s64 syscall6(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	register u64 r9 __asm__("r9") = f;
	s64 result;

	__asm__ volatile("syscall"
			 : "=a"(result), "+D"(a), "+S"(b), "+d"(c)
			 : "a"(number), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
static inline s64 syscall3(u64 number, u64 a, u64 b, u64 c) { return syscall6(number, a, b, c, 0, 0, 0); }
static inline s64 syscall0(u64 number) { return syscall6(number, 0, 0, 0, 0, 0, 0); }
/* The second result, in rdx, too. */
static inline s64 syscall_value(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 *value)
{
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	s64 result;

	__asm__ volatile("syscall"
			 : "=a"(result), "+D"(a), "+S"(b), "+d"(c)
			 : "a"(number), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	*value = c;
	return result;
}
