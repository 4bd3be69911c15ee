/* A console's clients. */
#include "user/lib/console.h"

#include "lib/compiler.h"
#include "lib/string.h"
#include "user/lib/client.h"

s64 console_write_to(u32 console, const char *text, size_t len)
{
	s64 err = 0;

	while (len && err >= 0) {
		size_t n = min(len, CONSOLE_BYTES);
		struct message m = { .label = CONSOLE_LABEL(CONSOLE_WRITE, n) };

		memcpy(m.words, text, n);
		err = client_call(console, &m);
		text += n;
		len -= n;
	}
	return err;
}

s64 console_read_from(u32 console, char *text)
{
	struct message m = { .label = CONSOLE_READ };
	s64 n = client_call(console, &m);

	if (n > 0)
		memcpy(text, m.words, min((size_t)n, CONSOLE_BYTES));
	return n;
}

s64 console_interrupt_by(u32 console, u32 notification)
{
	struct message m = { .label = CONSOLE_INTERRUPT, .handle = notification };

	return client_call(console, &m);
}
