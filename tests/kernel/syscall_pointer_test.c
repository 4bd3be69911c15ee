/* Each address that a system call takes, by table: what isn't there, or isn't the user's, or isn't so all the way. */
#include "abi/errno.h"
#include "abi/rights.h"
#include "abi/stream.h"
#include "abi/syscall.h"
#include "arch/x86/mm/stacks.h"
#include "lib/compiler.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "tests/kernel/user_objects.h"

/* Pages at PLACE: writable, readable, writable, nothing, writable, mapped without rights. */
#define PLACE	    0x800000ul
#define PLACE_PAGES 6
#define PAGE_AT(n)  (PLACE + (n)*PAGE_SIZE)
#define FILE_AT	    (WORDS_BASE + PAGE_SIZE)
#define FILE	    "/sys/kernel/tracing/trace_marker"

/* In a row's arguments: a handle of such an object, with all rights. */
#define HANDLE(type) (0xbad0000000000000 | (type))

/* @pointer and @bytes: which arguments are an address and its length. */
static const struct row {
	u64 number, args[6];
	u8 pointer, bytes;
	bool writes, prints; /* what it is given, to the console: so only what it refuses */
} rows[] = {
	{ SYS_print, { 0 }, 0, 1, false, true },
	{ SYS_process_create, { 0 }, 0, 1, false, false },
	{ SYS_trace_open, { HANDLE(OBJECT_TRACE), 0, 0, STREAM_FILE }, 1, 2, false, false },
	{ SYS_trace_open, { HANDLE(OBJECT_TRACE), 0, 0, STREAM_COMMAND }, 1, 2, false, false },
	{ SYS_trace_write, { HANDLE(OBJECT_TRACE), 0, 0, PLACE, 8 }, 1, 2, false, false },
	{ SYS_trace_write, { HANDLE(OBJECT_TRACE), FILE_AT, sizeof(FILE) - 1 }, 3, 4, false, false },
	{ SYS_trace_stat, { HANDLE(OBJECT_TRACE) }, 1, 2, false, false },
	{ SYS_stream_read, { HANDLE(OBJECT_STREAM) }, 1, 2, true, false },
	{ SYS_space_read, { 0, PLACE }, 2, 3, true, false },
	{ SYS_space_read, { 0, 0, PLACE }, 1, 3, false, false },
};

/* Those that take none. Where a thread is to begin is looked at when it does (the suite "privilege"). */
static const u8 without[] = {
	SYS_null,
	SYS_clock,
	SYS_yield,
	SYS_handle_close,
	SYS_handle_duplicate,
	SYS_memory_create,
	SYS_memory_seal,
	SYS_space_map,
	SYS_space_unmap,
	SYS_space_protect,
	SYS_endpoint_create,
	SYS_endpoint_bind,
	SYS_ipc_call,
	SYS_ipc_receive,
	SYS_ipc_reply,
	SYS_ipc_reply_receive,
	SYS_notification_create,
	SYS_notification_signal,
	SYS_notification_wait,
	SYS_process_give,
	SYS_process_start,
	SYS_process_faults,
	SYS_process_watch,
	SYS_process_status,
	SYS_process_kill,
	SYS_thread_exit,
	SYS_ports_in,
	SYS_ports_out,
	SYS_irq_bind,
	SYS_irq_done,
	SYS_stream_interrupt,
	SYS_machine_exit,
};

KTEST(pointer, each_call_has_a_row_or_takes_none)
{
	bool seen[NR_SYSCALLS] = { false };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		seen[rows[i].number] = true;
	expect_all_calls(seen, without, ARRAY_SIZE(without));
}

static u64 secret;

enum { BAD_TO_WRITE = 1, BAD_TO_READ = 2, ALWAYS_BAD = 3 };

/* clang-format off */
static const struct place {
	u64 addr, bytes;
	int bad;
} places[] = {
	{ 0, 8, ALWAYS_BAD },
	{ USER_START - 4, 8, ALWAYS_BAD },
	{ USER_START, 8, ALWAYS_BAD }, /* nothing is mapped there */
	{ PAGE_AT(3), 8, ALWAYS_BAD },
	{ PAGE_AT(3) - 1, 8, ALWAYS_BAD },
	{ PAGE_AT(4) - 4, 8, ALWAYS_BAD },
	{ PAGE_AT(5), 8, ALWAYS_BAD },
	{ PAGE_AT(5) - 7, 8, ALWAYS_BAD },
	{ USER_END - 8, 8, ALWAYS_BAD },
	{ USER_END - 4, 8, ALWAYS_BAD },
	{ USER_END, 8, ALWAYS_BAD },
	{ 0x00007ffffffffffc, 8, ALWAYS_BAD }, /* into where no address is */
	{ 0x0000800000000000, 8, ALWAYS_BAD },
	{ 0x8000000000000000, 8, ALWAYS_BAD },
	{ 0xffff7ffffffffffc, 8, ALWAYS_BAD }, /* and out of there */
	{ 0xffff800000000000, 8, ALWAYS_BAD },
	{ DIRECT_MAP, 8, ALWAYS_BAD },
	{ DIRECT_MAP + (1ul << 20), 8, ALWAYS_BAD },
	{ STACK_AREA + STACK_SLOT_SIZE - 8, 8, ALWAYS_BAD },
	{ KERNEL_BASE, 8, ALWAYS_BAD },
	{ (u64)&secret, 8, ALWAYS_BAD },
	{ (u64)rows, 8, ALWAYS_BAD },
	{ SLOT_AREA, 8, ALWAYS_BAD },
	{ APIC_VA, 8, ALWAYS_BAD },
	{ ~7ul, 8, ALWAYS_BAD },
	{ ~3ul, 8, ALWAYS_BAD }, /* once around */
	{ PROGRAM_BASE, 8, BAD_TO_WRITE },
	{ PAGE_AT(1), 8, BAD_TO_WRITE },
	{ PAGE_AT(1) - 4, 8, BAD_TO_WRITE },
	{ PAGE_AT(2) - 4, 8, BAD_TO_WRITE },
	{ PAGE_AT(0), 8, 0 },
	{ PAGE_AT(1) - 8, 8, 0 },
	{ PAGE_AT(2), 8, 0 },
};
/* clang-format on */

static bool map_places(struct user_process *u)
{
	struct memory *m = memory_create(PLACE_PAGES);
	struct space *s = u->process->space;
	char text[PAGE_SIZE / 8];
	bool ok = m;

	memset(text, 'a', sizeof(text));
	for (unsigned i = 0; ok && i < PLACE_PAGES * PAGE_SIZE; i += sizeof(text))
		ok = memory_write(m, i, text, sizeof(text)) == 0;
	ok = ok && space_map(s, PLACE, PLACE_PAGES, m, 0, MAP_READ | MAP_WRITE) == 0 &&
	     space_protect(s, PAGE_AT(1), 1, MAP_READ) == 0 && space_unmap(s, PAGE_AT(3), 1) == 0 &&
	     space_protect(s, PAGE_AT(5), 1, 0) == 0 &&
	     memory_write(u->words, FILE_AT - WORDS_BASE, FILE, sizeof(FILE)) == 0;
	if (m)
		memory_put(m);
	EXPECT(ok);
	return ok;
}

static void make_calls(const struct row *r, const struct user_objects *o, struct user_process *u,
		       struct user_call *calls)
{
	u64 args[6];

	for (unsigned a = 0; a < 6; a++)
		args[a] = r->args[a] >> 48 == HANDLE(0) >> 48
				  ? user_objects_give(o, u, (enum object_type)(r->args[a] & 0xff), RIGHTS_ALL)
				  : r->args[a];
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		calls[i] = (struct user_call){ .number = r->number };
		memcpy(calls[i].args, args, sizeof(args));
		calls[i].args[r->pointer] = places[i].addr;
		calls[i].args[r->bytes] = r->prints && !(places[i].bad & BAD_TO_READ) ? 0 : places[i].bytes;
	}
}

static void try(const struct row *r, const struct user_objects *o)
{
	struct user_call calls[ARRAY_SIZE(places)];
	struct user_process u;

	if (!user_process(&u, "pointers"))
		return;
	if (map_places(&u))
		make_calls(r, o, &u, calls);
	EXPECT_EQ(user_process_calls(&u, calls, ARRAY_SIZE(places)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		bool bad = places[i].bad & (r->writes ? BAD_TO_WRITE : BAD_TO_READ);

		if (((s64)calls[i].result == -EFAULT) != bad)
			ktest_fail(bad ? "a bad address is taken, by row"
				       : "a good address is refused, by row",
				   (int)(r - rows), "the result", calls[i].result, places[i].addr);
	}
}

KTEST(pointer, a_bad_address_is_refused_and_a_good_one_taken)
{
	struct user_objects o;

	static_assert(sizeof(struct user_call) * ARRAY_SIZE(places) <= PAGE_SIZE,
		      "behind the calls is a page left");
	for (size_t i = 0; i < ARRAY_SIZE(rows) && user_objects_make(&o); i++) {
		try(&rows[i], &o);
		user_objects_drop(&o);
	}
	user_processes_settle();
}
