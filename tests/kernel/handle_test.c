/* Handles: what they stand for, what they don't, and that an object goes when nobody refers to it any more. */
#include "kernel/handle.h"

#include "abi/errno.h"
#include "abi/rights.h"
#include "arch/x86/cpu/regs.h"
#include "lib/compiler.h"
#include "lib/ktest.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"
#include "sched/thread.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/stress.h"

static unsigned destroyed, closings;
static u32 rights_closed;

static void destroy(struct object *o) { __atomic_fetch_add(&destroyed, 1, __ATOMIC_RELAXED); }
static void closed(struct object *o, u32 rights)
{
	closings++;
	rights_closed = rights;
}

static struct object *object(enum object_type type)
{
	struct object *o = kmalloc(sizeof(*o));

	object_init(o, type, destroy);
	return o;
}

static struct handles table;
static void begin(void)
{
	destroyed = closings = 0;
	table = (struct handles){ 0 };
	handles_init(&table);
}

static int find(u32 h, enum object_type type, u32 rights, struct handle *out)
{
	u64 flags = local_irq_save();
	int err = handle_find(&table, h, type, rights, out);

	local_irq_restore(flags);
	return err;
}

KTEST(handle, stands_for_its_object)
{
	struct object *o = object(OBJECT_ENDPOINT);
	struct handle found;
	s64 h, less;
	int err;

	begin();
	o->closed = closed;
	h = handle_open(&table, o, RIGHT_SEND | RIGHT_DUPLICATE, 0);
	EXPECT(h > 0);
	object_put(o);
	EXPECT_EQ(find((u32)h, OBJECT_ENDPOINT, RIGHT_SEND, &found), 0);
	EXPECT(found.object == o);
	EXPECT_EQ(found.rights, RIGHT_SEND | RIGHT_DUPLICATE);
	EXPECT_EQ(find((u32)h, OBJECT_MEMORY, RIGHT_SEND, &found), -EINVAL);
	EXPECT_EQ(find((u32)h, OBJECT_ENDPOINT, RIGHT_SEND | RIGHT_RECEIVE, &found), -EACCES);
	EXPECT_EQ(find((u32)h + 1, OBJECT_ENDPOINT, 0, &found), -EBADF);
	EXPECT_EQ(find((u32)h + HANDLES_MAX, OBJECT_ENDPOINT, 0, &found), -EBADF);
	EXPECT_EQ(find(0, OBJECT_ENDPOINT, 0, &found), -EBADF);
	EXPECT_EQ(find(~0u, OBJECT_ENDPOINT, 0, &found), -EBADF);

	EXPECT_EQ(handle_duplicate(&table, (u32)h, RIGHT_SEND | RIGHT_MANAGE, 0), -EACCES);
	EXPECT_EQ(handle_duplicate(&table, (u32)h, RIGHTS_ALL + 1, 0), -EINVAL);
	EXPECT_EQ(handle_duplicate(&table, 7, 0, 0), -EBADF);
	less = handle_duplicate(&table, (u32)h, RIGHT_SEND, 42);
	EXPECT_EQ(find((u32)less, OBJECT_ENDPOINT, RIGHT_SEND, &found), 0);
	EXPECT_EQ(found.badge, 42);
	EXPECT_EQ(handle_duplicate(&table, (u32)less, RIGHT_SEND, 0), -EACCES);

	EXPECT(handle_object(&table, (u32)less, OBJECT_ENDPOINT, RIGHT_SEND, &err) == o);
	EXPECT_EQ(o->refs, 3);
	object_put(o);
	EXPECT_EQ(handle_close(&table, (u32)h), 0);
	EXPECT_EQ(rights_closed, RIGHT_SEND | RIGHT_DUPLICATE);
	EXPECT_EQ(handle_close(&table, (u32)h), -EBADF);
	EXPECT_EQ(find((u32)h, OBJECT_ENDPOINT, 0, &found), -EBADF);
	EXPECT_EQ(destroyed, 0);
	EXPECT_EQ(handle_close(&table, (u32)less), 0);
	EXPECT_EQ(closings, 2);
	EXPECT_EQ(destroyed, 1);
	EXPECT_EQ(table.count, 0);
	handles_destroy(&table);
}

KTEST(handle, a_badge_stays)
{
	struct object *o = object(OBJECT_ENDPOINT);
	struct handle found;
	s64 h;

	begin();
	h = handle_open(&table, o, RIGHTS_ALL, 5);
	h = handle_duplicate(&table, (u32)h, RIGHTS_ALL, 6);
	EXPECT_EQ(find((u32)h, OBJECT_ENDPOINT, RIGHTS_ALL, &found), 0);
	EXPECT_EQ(found.badge, 5);
	handles_destroy(&table);
	EXPECT_EQ(destroyed, 0);
	object_put(o);
	EXPECT_EQ(destroyed, 1);
}

/* The same place again, more often than there are places: the old number never names the new object. */
KTEST(handle, a_number_is_not_used_again)
{
	struct object *o = object(OBJECT_MEMORY);
	struct handle found;
	s64 last = 0;

	begin();
	for (u32 i = 0; i < 2000; i++) {
		s64 h = handle_open(&table, o, 0, 0);

		EXPECT(h > 0 && h != last);
		EXPECT_EQ(HANDLE_INDEX(h), 0);
		if (last)
			EXPECT_EQ(find((u32)last, OBJECT_MEMORY, 0, &found), -EBADF);
		EXPECT_EQ(handle_close(&table, (u32)h), 0);
		last = h;
	}
	handles_destroy(&table);
	object_put(o);
}

KTEST(handle, there_is_an_end_of_them)
{
	struct object *o;
	size_t frames;
	s64 h = 0;

	begin();
	rcu_barrier(); /* what others have left is free */
	frames = frames_free_count();
	o = object(OBJECT_MEMORY);
	for (u32 i = 0; i < HANDLES_MAX; i++)
		h = handle_open(&table, o, RIGHTS_ALL, 0);
	EXPECT(h > 0);
	EXPECT_EQ(handle_open(&table, o, 0, 0), -EMFILE);
	EXPECT_EQ(handle_duplicate(&table, (u32)h, 0, 0), -EMFILE);
	EXPECT_EQ(o->refs, HANDLES_MAX + 1);
	EXPECT_EQ(handle_close(&table, (u32)h), 0);
	EXPECT_EQ(HANDLE_INDEX(handle_open(&table, o, 0, 0)), HANDLE_INDEX(h));
	handles_destroy(&table);
	EXPECT_EQ(o->refs, 1);
	object_put(o);
	rcu_barrier();
	EXPECT_EQ(frames_free_count(), frames);
}

/* Who has found an object with interrupts off may find that its last reference goes meanwhile. */
KTEST(handle, what_goes_is_not_brought_back)
{
	struct object *o = object(OBJECT_MEMORY);
	u64 flags;

	begin();
	flags = local_irq_save();
	object_put(o);
	EXPECT_EQ(handle_open(&table, o, RIGHTS_ALL, 0), -EBADF);
	local_irq_restore(flags);
	EXPECT_EQ(table.count, 0);
	handles_destroy(&table);
	EXPECT_EQ(destroyed, 1);
}

/* One that is taken names nothing, but has its place and its object. */
KTEST(handle, what_is_taken_is_nobodys)
{
	struct object *o = object(OBJECT_MEMORY);
	struct handle found;
	u32 h;

	begin();
	h = (u32)handle_open(&table, o, RIGHT_READ | RIGHT_DUPLICATE, 3);
	EXPECT_EQ(handle_take(&table, h, OBJECT_ENDPOINT, 0, &found), -EINVAL);
	EXPECT_EQ(handle_take(&table, h, OBJECT_MEMORY, RIGHT_WRITE, &found), -EACCES);
	EXPECT_EQ(handle_take(&table, h + 1, OBJECT_MEMORY, 0, &found), -EBADF);
	handle_close_taken(&table, h); /* it isn't */
	EXPECT_EQ(handle_take(&table, h, OBJECT_MEMORY, RIGHT_READ, &found), 0);
	EXPECT(found.object == o && found.rights == (RIGHT_READ | RIGHT_DUPLICATE) && found.badge == 3);
	EXPECT_EQ(handle_take(&table, h, OBJECT_MEMORY, 0, &found), -EBADF);
	EXPECT_EQ(find(h, OBJECT_MEMORY, 0, &found), -EBADF);
	EXPECT_EQ(find(h | HANDLE_TAKEN, OBJECT_MEMORY, 0, &found), -EBADF);
	EXPECT_EQ(handle_close(&table, h), -EBADF);
	EXPECT_EQ(handle_duplicate(&table, h, 0, 0), -EBADF);
	EXPECT(HANDLE_INDEX(handle_open(&table, o, 0, 0)) != HANDLE_INDEX(h));
	EXPECT_EQ(o->refs, 3);
	handle_put_back(&table, h);
	EXPECT_EQ(find(h, OBJECT_MEMORY, RIGHT_READ | RIGHT_DUPLICATE, &found), 0);
	EXPECT_EQ(handle_take(&table, h, OBJECT_MEMORY, 0, &found), 0);
	handle_close_taken(&table, h);
	EXPECT_EQ(o->refs, 2);
	handle_close_taken(&table, h); /* it has gone */
	handle_put_back(&table, h);
	EXPECT_EQ(find(h, OBJECT_MEMORY, 0, &found), -EBADF);
	EXPECT_EQ(table.count, 1);
	h = (u32)handle_open_taken(&table, &(struct handle){ o, 9, RIGHT_SEND, 0 });
	EXPECT_EQ(find(h, OBJECT_MEMORY, 0, &found), -EBADF);
	handle_put_back(&table, h);
	EXPECT_EQ(find(h, OBJECT_MEMORY, RIGHT_SEND, &found), 0);
	EXPECT_EQ(found.badge, 9);
	EXPECT_EQ(handle_take(&table, h, OBJECT_MEMORY, 0, &found), 0); /* also what is taken goes with all */
	handles_destroy(&table);
	EXPECT_EQ(o->refs, 1);
	object_put(o);
}

/* One opens and closes, the others look and duplicate by numbers old and new: an object is what its handle's rights say. */
static u32 current_handle;
static bool over;

static int look(void *arg)
{
	struct handle found;
	u64 wrong = 0;

	while (!READ_ONCE(over)) {
		u32 h = READ_ONCE(current_handle);
		u64 flags = local_irq_save();

		if (handle_find(&table, h, OBJECT_MEMORY, 0, &found) == 0)
			wrong += found.rights != RIGHT_READ || found.badge != 1;
		else if (handle_find(&table, h, OBJECT_ENDPOINT, 0, &found) == 0)
			wrong += found.rights != RIGHT_SEND || found.badge != 2;
		local_irq_restore(flags);
		cpu_relax();
	}
	return (int)wrong;
}

static int take(void *arg)
{
	int err;

	while (!READ_ONCE(over)) {
		struct object *o =
			handle_object(&table, READ_ONCE(current_handle), OBJECT_MEMORY, RIGHT_READ, &err);

		object_put(o);
		cpu_relax();
	}
	return 0;
}

KTEST(handle, is_found_whole_or_not_at_all)
{
	unsigned n = stressed(300);
	struct thread *threads[NR_CPUS];
	unsigned cpus = crowd_cpus(), nr = 0;

	begin();
	over = false;
	for (unsigned i = 0; i < cpus; i++)
		threads[nr++] =
			thread_create("looks", i % 2 ? take : look, NULL, PRIORITY_DEFAULT, CPU_MASK_ALL);
	for (unsigned i = 0; i < n; i++) {
		struct object *o = object(i % 2 ? OBJECT_ENDPOINT : OBJECT_MEMORY);
		s64 h = handle_open(&table, o, i % 2 ? RIGHT_SEND : RIGHT_READ, i % 2 ? 2 : 1);

		object_put(o);
		WRITE_ONCE(current_handle, (u32)h);
		for (unsigned turns = 0; turns < 50; turns++)
			cpu_relax();
		EXPECT_EQ(handle_close(&table, (u32)h), 0);
	}
	WRITE_ONCE(over, true);
	while (nr--)
		EXPECT_EQ(thread_join(threads[nr]), 0);
	EXPECT_EQ(destroyed, n);
	handles_destroy(&table);
}
