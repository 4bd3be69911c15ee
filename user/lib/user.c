/* The least that a program needs: a beginning, an end, and a line of text. */
#include "user/lib/user.h"

#include "abi/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "user/lib/console.h"
#include "user/lib/syscall.h"

const void *start_argument;

const struct program_start *program(void)
{
	static const struct program_start none;

	return start_argument ?: &none;
}

void program_begin(const void *start);
void program_begin(const void *start)
{
	const struct program_start *s;

	start_argument = start;
	s = program();
	process_exit(main((int)s->argc, (char **)s->argv));
}

s64 print_kernel(const char *text, size_t len)
{
	s64 err = 0;

	while (len && !err) {
		size_t n = min(len, 4096ul);

		err = syscall3(SYS_print, (u64)text, n, 0);
		text += n;
		len -= n;
	}
	return err;
}

s64 print_bytes(const char *text, size_t len)
{
	return program()->out ? console_write_to(program()->out, text, len) : print_kernel(text, len);
}

s64 print(const char *text) { return print_bytes(text, strlen(text)); }

s64 print_format(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return print(line);
}

void process_exit(int status)
{
	syscall3(SYS_process_kill, 0, (u64)(s64)status, 0);
	__builtin_unreachable(); /* the process has ended on the way back */
}

/* What formatted text needs: a program has no table of its own names. */
int sprint_symbol(char *buf, size_t size, u64 addr);
int sprint_symbol(char *buf, size_t size, u64 addr) { return snprintf(buf, size, "0x%lx", addr); }

void panic(const char *fmt, ...) __printf(1, 2) __noreturn;
void panic(const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	print_kernel(line, strlen(line));
	print_kernel("\n", 1);
	process_exit(-EINVAL);
}
