/* A sink for text: what a control file or a command prints to, whoever is reading. */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct seq {
	/* Takes all of @len bytes, or drops what does not fit and sets @overflow. */
	void (*write)(struct seq *s, const char *text, size_t len);
	bool overflow;
	/*
	 * Its reader has gone, as by ^C, perhaps meanwhile: all is dropped but the rest of a line. Who prints much, or
	 * waits, asks seq_is_closed().
	 */
	bool closed;
	/*
	 * What was printed waits to be read. Who prints much calls seq_wait() then, between lines and with nothing in hand that may
	 * change meanwhile: others are let in.
	 */
	bool full;
	void (*wait)(struct seq *s); /* until it isn't full; NULL: it never is */
	bool in_line;		     /* a line has begun; a write() that closes says itself that it hasn't */
};

/* A sink that fills a caller's buffer and keeps it NUL-terminated. */
struct seq_buf {
	struct seq seq;
	char *buf;
	size_t size, len;
};

void seq_buf_init(struct seq_buf *b, char *buf, size_t size);

static inline bool seq_is_closed(const struct seq *s) { return READ_ONCE(s->closed); }
static inline void seq_wait(struct seq *s)
{
	if (s->full && s->wait)
		s->wait(s);
}
void seq_write(struct seq *s, const char *text, size_t len);
void seq_puts(struct seq *s, const char *text);
void seq_putc(struct seq *s, char c);
void seq_vprintf(struct seq *s, const char *fmt, va_list ap);
void seq_printf(struct seq *s, const char *fmt, ...) __printf(2, 3);
