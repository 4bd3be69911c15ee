/* A piece of heap that doubles. */
#include "user/sh/keep.h"

#include "lib/compiler.h"
#include "lib/string.h"
#include "user/lib/heap.h"

static bool grow(struct filter *f, size_t room)
{
	char *more = heap_alloc(room);

	if (!more) {
		seq_puts(f->out, "(no memory for more lines)\n");
		f->failed = true;
		filter_close(f);
		return false;
	}
	memcpy(more, f->text, f->used);
	heap_free(f->text);
	f->text = more;
	f->room = room;
	return true;
}

bool keep_line(struct filter *f, const char *text, size_t len)
{
	if (f->used + len + 1 > f->room && !grow(f, max(f->room * 2, 8192ul)))
		return false;
	memcpy(f->text + f->used, text, len);
	f->text[f->used + len] = '\0';
	f->used += len + 1;
	return true;
}

void keep_drop(struct filter *f, size_t bytes)
{
	f->used -= bytes;
	memmove(f->text, f->text + bytes, f->used);
}
