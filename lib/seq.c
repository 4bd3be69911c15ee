/* Text sinks: everything that prints ends in one write callback, so a printer needn't know its reader. */
#include "lib/seq.h"
#include "lib/printf.h"
#include "lib/string.h"

static void seq_buf_write(struct seq *s, const char *text, size_t len)
{
	struct seq_buf *b = container_of(s, struct seq_buf, seq);
	size_t room = b->size ? b->size - 1 - b->len : 0;

	if (len > room) {
		s->overflow = true;
		len = room;
	}
	if (!b->size)
		return;
	memcpy(b->buf + b->len, text, len);
	b->len += len;
	b->buf[b->len] = '\0';
}

void seq_buf_init(struct seq_buf *b, char *buf, size_t size)
{
	*b = (struct seq_buf){ .seq.write = seq_buf_write, .buf = buf, .size = size };
	if (size)
		buf[0] = '\0';
}

/* Whoever is closed in the middle of a line gets its end: what was read to print it is read by nobody else. */
void seq_write(struct seq *s, const char *text, size_t len)
{
	if (seq_is_closed(s)) {
		const char *end = s->in_line ? memchr(text, '\n', len) : NULL;

		if (!s->in_line)
			return;
		if (end)
			len = (size_t)(end + 1 - text);
	}
	if (!len)
		return;
	s->in_line = text[len - 1] != '\n';
	s->write(s, text, len);
}

void seq_puts(struct seq *s, const char *text) { seq_write(s, text, strlen(text)); }

void seq_putc(struct seq *s, char c) { seq_write(s, &c, 1); }

static void emit_to_seq(void *arg, const char *text, size_t len) { seq_write(arg, text, len); }

void seq_vprintf(struct seq *s, const char *fmt, va_list ap) { vformat(emit_to_seq, s, fmt, ap); }

void seq_printf(struct seq *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	seq_vprintf(s, fmt, ap);
	va_end(ap);
}
