/* Copies as far as it goes; at a fault, has the page made as for the user himself, and goes on. */
#include "kernel/usercopy.h"

#include "abi/errno.h"
#include "arch/x86/cpu/smap.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/user.h"
#include "mm/space.h"
#include "sched/thread.h"

/* Of a page fault's error code (SDM vol. 3, figure 4-12). */
#define ERROR_WRITE 2
#define ERROR_USER  4

/* How many bytes are left: 0, or a fault at the first of them. */
static size_t copy(void *to, const void *from, size_t n)
{
	user_access_begin();
	__asm__ volatile("1:\trep movsb\n2:\n" EX_TABLE(1b, 2b) : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	user_access_end();
	return n;
}

/* One of the two is @user; a fault there is with @error. */
static int copy_all(void *to, const void *from, size_t n, u64 user, u64 error)
{
	struct user_half *u = current()->user;
	size_t done = 0, stuck = ~0ul;

	if (!n)
		return 0;
	if (!u || user < USER_START || user >= USER_END || n > USER_END - user)
		return -EFAULT;
	for (;;) {
		int err;

		done = n - copy((u8 *)to + done, (const u8 *)from + done, n - done);
		if (done == n)
			return 0;
		if (done == stuck) /* the page is there, and it faults all the same */
			return -EFAULT;
		stuck = done;
		err = space_fault(u->space, user + done, error);
		if (err)
			return err == -ENOMEM ? err : -EFAULT;
	}
}

int copy_from_user(void *to, u64 from, size_t n)
{
	return copy_all(to, (const void *)from, n, from, ERROR_USER);
}

int copy_to_user(u64 to, const void *from, size_t n)
{
	return copy_all((void *)to, from, n, to, ERROR_USER | ERROR_WRITE);
}
