/* The threads there are: the file "threads", for people who would rather type two letters. */
#include "abi/errno.h"
#include "lib/string.h"
#include "user/lib/trace.h"
#include "user/lib/user.h"

int main(int argc, char **argv)
{
	static char text[16384];
	s64 n = trace_read("/sys/kernel/tracing/threads", text, sizeof(text));

	if (n < 0) {
		print_format("ps: threads: %s\n", strerror((int)n));
		return 1;
	}
	return print_bytes(text, (size_t)n) != 0;
}
