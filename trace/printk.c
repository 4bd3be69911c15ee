/*
 * trace_printk(): the arguments are kept as they are, and become text when somebody reads the trace.
 *
 * Kept as Linux keeps those of its "bprint": one behind the other, numbers as words, texts with their NUL.
 */
#include "lib/trace_printk.h"

#include "lib/printf.h"
#include "lib/string.h"
#include "trace/event.h"
#include "trace/options.h"
#include "trace/output.h"
#include "trace/ring_buffer.h"
#include "trace/stack.h"

struct bprint_event {
	u64 ip;
	const char *fmt;
	u32 buf[];
};

static bool with_printk = true;
TRACE_OPTION(trace_printk, "trace_printk", &with_printk);

struct args {
	u32 n, size; /* size: of all, in bytes */
	u64 value[TRACE_PRINTK_ARGS];
	u32 at[TRACE_PRINTK_ARGS], len[TRACE_PRINTK_ARGS];
};

/* notrace, here and below: traced, it would double what a note costs. */
static notrace void place(struct args *a, u32 kind)
{
	u32 n = a->n++, room;

	if (kind < 3) {
		a->size = ALIGN_UP(a->size, 4u);
		a->len[n] = kind * 4;
	} else {
		/* Room for a number each that may follow. */
		room = TRACE_PRINTK_MAX - a->size - 12 * (TRACE_PRINTK_ARGS - a->n);
		if (!a->value[n])
			a->value[n] = (u64) "(null)";
		a->len[n] = (u32)strnlen((const char *)a->value[n], room - 1) + 1;
	}
	a->at[n] = a->size;
	a->size += a->len[n];
}

static notrace void keep(u8 *buf, const struct args *a, u32 args)
{
	for (u32 i = 0; i < a->n; i++, args >>= 2) {
		u8 *to = buf + a->at[i];

		switch (args & 3) {
		case 1:
			*(u32 *)to = (u32)a->value[i];
			break;
		case 2:
			*(u64 *)to = a->value[i];
			break;
		default:
			memcpy(to, (const void *)a->value[i], a->len[i] - 1);
			to[a->len[i] - 1] = 0;
		}
	}
}

notrace void trace_printk_at(u64 ip, u32 args, const char *fmt, ...)
{
	struct bprint_event *e;
	struct args a;
	va_list ap;

	if (!with_printk || !ring_buffer_is_live())
		return;
	a.n = a.size = 0;
	va_start(ap, fmt);
	for (u32 left = args; left; left >>= 2) {
		a.value[a.n] = va_arg(ap, u64);
		place(&a, left & 3);
	}
	va_end(ap);
	e = ring_buffer_reserve(TRACE_BPRINT, sizeof(*e) + a.size);
	if (!e)
		return;
	e->ip = ip;
	e->fmt = fmt;
	keep((u8 *)e->buf, &a, args);
	ring_buffer_commit(e);
	trace_stack_if_wanted();
}

/* The conversion behind a '%' at @p; what takes no argument of its own has kind 0. Returns what follows. */
static const char *conversion(const char *p, u32 *kind)
{
	bool wide = false;

	while (*p && strchr("-+ #0123456789.hlzt", *p))
		wide |= strchr("lzt", *p++) != NULL;
	*kind = *p == '%' || !*p ? 0 : *p == 's' ? 3 : wide || *p == 'p' ? 2 : 1;
	return *p && *p != '*' ? p + 1 : p;
}

/* What va_arg() is to find. A '*' is a number, too, and the conversion goes on behind it. */
static u32 unpack(const char *fmt, const u8 *buf, u64 *slots)
{
	const u8 *at = buf;
	u32 n = 0, kind;

	while ((fmt = strchr(fmt, '%')) != NULL) {
		fmt = conversion(fmt + 1, &kind);
		while (kind && n < TRACE_PRINTK_ARGS) {
			if (kind == 3) {
				slots[n++] = (u64)at;
				at += strlen((const char *)at) + 1;
			} else {
				at = buf + ALIGN_UP((size_t)(at - buf), 4ul);
				slots[n++] = kind == 2 ? *(const u64 *)at : *(const u32 *)at;
				at += kind * 4;
			}
			if (*fmt != '*')
				break;
			fmt = conversion(fmt + 1, &kind);
		}
	}
	return n;
}

static void print(struct seq *out, const void *payload)
{
	const struct bprint_event *e = payload;
	u64 slots[TRACE_PRINTK_ARGS] = { 0 };
	/* As if all arguments had been passed on the stack. */
	/* cppcheck-suppress va_list_usedBeforeStarted */
	va_list ap = { { .gp_offset = 6 * 8, .fp_offset = 6 * 8 + 8 * 16, .overflow_arg_area = slots } };
	size_t len;
	char text[512];

	unpack(e->fmt, (const u8 *)e->buf, slots);
	/* cppcheck-suppress va_list_usedBeforeStarted */
	len = (size_t)vsnprintf(text, sizeof(text), e->fmt, ap);
	len = min(len, sizeof(text) - 1);
	trace_print_ip(out, e->ip);
	seq_puts(out, ": ");
	seq_write(out, text, len - (len && text[len - 1] == '\n'));
}
EVENT_TYPE(bprint_event_type, .type = TRACE_BPRINT, .print = print, .raw = print);
