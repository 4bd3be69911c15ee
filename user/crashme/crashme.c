/* Makes random system calls, from two threads; or is the witness that all is well beside, or the server that the witness calls. */
#include "user/crashme/crashme.h"

#include "user/lib/syscall.h"
#include "user/lib/thread.h"
#include "user/lib/user.h"

static volatile bool second_done;

static void second(void *arg)
{
	const struct crash_start *s = arg;

	crash_calls(s, s->seed ^ 0x9e3779b97f4a7c15, s->calls);
	second_done = true;
}

static int crash(struct crash_start *s)
{
	if (thread_start(second, s, PRIORITY_SHELL) != 0)
		second_done = true;
	crash_calls(s, s->seed, s->calls);
	for (u32 i = 0; i < 1000 && !second_done; i++)
		syscall0(SYS_yield);
	return 0;
}

int main(int argc, char **argv)
{
	static struct crash_start s; /* the stack may not be there for long */

	if (!start_argument)
		return print("crashme: it is started by the tests\n") || 1;
	s = *(const struct crash_start *)start_argument;
	switch (s.role) {
	case CRASH_CALLS:
		return crash(&s);
	case CRASH_WITNESS:
		return crash_witness(s.endpoint);
	default:
		return crash_server(s.endpoint);
	}
}
