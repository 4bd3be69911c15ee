/* The line, as the shell sees it, over the console's server. */
#include "user/sh/console.h"

#include "lib/compiler.h"
#include "user/lib/console.h"
#include "user/lib/user.h"

void console_write(const char *text, size_t len) { print_bytes(text, len); }

int console_getc(void)
{
	static char keys[CONSOLE_BYTES];
	static s64 have, next;

	while (next >= have) {
		have = console_read_from(program()->out, keys);
		next = 0;
		if (have < 0)
			return 'D' - 0x40; /* no console, no more to come */
	}
	return (u8)keys[next++];
}
