/* Copies as far as it goes; at a fault, has the page made as for the user himself, and goes on. */
#include "kernel/usercopy.h"

#include "abi/errno.h"
#include "arch/x86/cpu/smap.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/user.h"
#include "mm/space.h"
#include "sched/thread.h"

#define ERROR_USER 4 /* of a page fault's error code (SDM vol. 3, figure 4-12) */

/* How many bytes are left: 0, or a fault at the first of them. */
static size_t copy(void *to, const void *from, size_t n)
{
	user_access_begin();
	__asm__ volatile("1:\trep movsb\n2:\n" EX_TABLE(1b, 2b) : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	user_access_end();
	return n;
}

int copy_from_user(void *to, u64 from, size_t n)
{
	struct user_half *u = current()->user;
	size_t done = 0, stuck = ~0ul;

	if (!n)
		return 0;
	if (!u || from < USER_START || from >= USER_END || n > USER_END - from)
		return -EFAULT;
	for (;;) {
		int err;

		done = n - copy((u8 *)to + done, (const void *)(from + done), n - done);
		if (done == n)
			return 0;
		if (done == stuck) /* the page is there, and it faults all the same */
			return -EFAULT;
		stuck = done;
		err = space_fault(u->space, from + done, ERROR_USER);
		if (err)
			return err == -ENOMEM ? err : -EFAULT;
	}
}
