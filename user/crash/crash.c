/* A program that does what it mustn't, some calls deep: for the report that follows. */
#include "user/lib/user.h"

#define AS_WRITTEN __attribute__((__noipa__))

static AS_WRITTEN void write_to(volatile int *where) { *where = 1; }

static AS_WRITTEN void deeper(int n, volatile int *where)
{
	if (n)
		deeper(n - 1, where);
	else
		write_to(where);
	__asm__ volatile(""); /* something after the call: it is no jump */
}

int main(int argc, char **argv)
{
	print("about to fall\n");
	deeper(2, NULL);
	return 0;
}
