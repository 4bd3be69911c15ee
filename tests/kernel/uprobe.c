/* The program "probed" run, and probed at each instruction. */
#include "tests/kernel/uprobe.h"

#include "lib/bug.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/frames.h"

static struct archive_file *file(void)
{
	static struct archive_file f;
	const char *why;

	if (!f.data && !program_find("probed", &f, &why)) {
		ktest_fail(why, 0, "no program", 0, 0);
		return NULL;
	}
	return &f;
}

bool probed_begin(struct probed_run *r)
{
	struct archive_file *f = file();
	const char *why;

	*r = (struct probed_run){ .ended = notification_create() };
	r->process = f ? program_create("probed", f, &r->prog, &why) : NULL;
	if (r->process && r->ended && process_watch(r->process, r->ended, 1) == 0)
		return true;
	ktest_fail(__FILE__, __LINE__, "no process", 0, 0);
	return false;
}

bool probed_start(struct probed_run *r, u64 at, u64 arg)
{
	int err;

	if (at)
		r->prog.entry = at;
	if (arg)
		err = process_start(r->process, at, USER_START, (u64[2]){ arg, 0 }, PRIORITY_DEFAULT,
				    PRIORITY_DEFAULT);
	else
		err = program_begin(r->process, &r->prog, NULL, 0, PRIORITY_DEFAULT);
	EXPECT_EQ(err, 0);
	return !err;
}

int probed_end(struct probed_run *r)
{
	int status = 0;
	u64 bits;

	notification_wait(r->ended, IPC_FOR_EVER, &bits);
	EXPECT_EQ(process_status(r->process, &status), 0);
	object_put(&r->process->object);
	object_put(&r->ended->object);
	return status;
}

int probed_status(void)
{
	struct probed_run r;

	return probed_begin(&r) && probed_start(&r, 0, 0) ? probed_end(&r) : -1;
}

u64 probed_function(const char *name, u64 *size)
{
	struct archive_file *f = file();
	u64 addr = 0;

	if (f && elf_symbol_find(f->data, f->size, name, strlen(name), &addr, size) == 1)
		return addr;
	ktest_fail(name, 0, "no such function", 0, 0);
	*size = 0;
	return 0;
}

bool probed_spot(u64 va, struct uprobe_spot *out)
{
	struct archive_file *f = file();
	struct uprobe_text text;
	u64 offset, again;
	const char *why;

	return f && uprobe_offset(f->data, f->size, va, &offset) &&
	       uprobe_text_at(f->data, f->size, offset, &text, &again, &why) == 0 && again == va &&
	       uprobe_check(&text, va, out, &why) == 0;
}

static void nothing(struct uprobe *u, struct pt_regs *regs) {}

struct probed_all *probed_places(void)
{
	static struct probed_all *all;

	BUG_ON(!FRAMES_ONCE(all));
	return all;
}

void probed_add(struct probed_all *all, const char *function)
{
	u64 size, start = probed_function(function, &size);

	for (u64 va = start; va < start + size && all->n < PROBED_MAX; va++) {
		struct uprobe *u = &all->probes[all->n];
		struct uprobe_spot spot;

		if (!probed_spot(va, &spot)) {
			all->refused++;
			continue;
		}
		*u = (struct uprobe){ .handler = nothing };
		EXPECT_EQ(uprobe_register(u, &spot), 0);
		all->at[all->n++] = va;
	}
}

void probed_arm(struct probed_all *all)
{
	for (unsigned i = 0; i < all->n; i++)
		EXPECT_EQ(uprobe_arm(&all->probes[i]), 0);
}

void probed_drop(struct probed_all *all)
{
	for (unsigned i = 0; i < all->n; i++)
		uprobe_unregister(&all->probes[i]);
	all->n = 0;
}

u64 probed_hits(const struct probed_all *all)
{
	u64 hits = 0;

	for (unsigned i = 0; i < all->n; i++)
		hits += all->probes[i].hits;
	return hits;
}
