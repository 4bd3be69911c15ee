/*
 * The trace ring in every order of its instructions: before one instruction after the other of a writer in turn
 * somebody else does all he does: an NMI that writes, one event or more than the ring holds; an NMI that is
 * interrupted itself; a reader, who then stands for one on another CPU. And a writer at each
 * instruction of a reader.
 */
#include "tests/host/trace_ring_fixture.h"

#include <sys/mman.h>
#include <ucontext.h>

#define TRAP_FLAG 0x100
#define INT3	  0xcc

static struct fixture f;
static struct ring_reader reader;
static struct ring_page copy __aligned(RING_PAGE_SIZE);

/* Which instructions of this program were executed, each once. */
#define MAX_STEPS 8192
static struct steps {
	u8 *at[MAX_STEPS];
	u32 n;
} steps[2], *tracing;
static u32 traced; /* signals are dear: of long ones the beginning is traced */
#define TRACE_MAX 1500

/* Where an int3 stands, one at each depth, and what happens when it is hit: then it is gone. */
static struct {
	u8 *at, byte;
	void (*interrupt)(void);
} stops[2];

extern u8 __executable_start[], etext[];

static void trace_step(u8 *at)
{
	if (at < __executable_start || at >= etext || tracing->n == MAX_STEPS)
		return;
	for (u32 i = 0; i < tracing->n; i++)
		if (tracing->at[i] == at)
			return;
	tracing->at[tracing->n++] = at;
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	u8 *at = (u8 *)regs[REG_RIP];

	if (tracing && traced++ < TRACE_MAX) {
		trace_step(at);
		return;
	}
	regs[REG_EFL] &= ~TRAP_FLAG;
	for (u32 i = 0; i < 2; i++)
		if (stops[i].at == at - 1) {
			*stops[i].at = stops[i].byte;
			stops[i].at = NULL;
			regs[REG_RIP]--;
			stops[i].interrupt();
			return;
		}
}

static void trace(struct steps *t, void (*fn)(void))
{
	t->n = traced = 0;
	tracing = t;
	/* Not in the red zone. */
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushf\n\torl $0x100, (%%rsp)\n\tpopf\n\t"
			 "lea 128(%%rsp), %%rsp" ::
				 : "memory", "cc");
	fn();
	tracing = NULL;
	/* The next instruction traps for the last time. */
	__asm__ volatile("nop" ::: "memory");
}

/* Runs @fn, and @interrupt once before the instruction at @at. */
static void interrupted(u32 depth, void (*fn)(void), u8 *at, void (*interrupt)(void))
{
	stops[depth].at = at;
	stops[depth].byte = *at;
	stops[depth].interrupt = interrupt;
	*at = INT3;
	fn();
	if (stops[depth].at) /* it went another way */
		*at = stops[depth].byte;
	stops[depth].at = NULL;
}

static u32 level; /* of who writes now */
static void one(void) { fixture_write(&f, level, 5); }
static void big(void) { fixture_write(&f, level, 900); }
/* The first has room where a big one hasn't: so the page is left by another one, and with more on it. */
static void small_and_big(void)
{
	one();
	big();
}
static void some(void)
{
	for (u32 i = 0; i < 3; i++)
		fixture_write(&f, level, 400);
}
static void more_than_it_holds(void)
{
	for (u32 i = 0; i < 40; i++)
		fixture_write(&f, level, 500);
}
static void take_back(void) { fixture_discard(&f, level, 5); }
static void take_back_many(void)
{
	for (u32 i = 0; i < 8; i++) {
		fixture_discard(&f, level, 300);
		fixture_write(&f, level, 10);
	}
}
static void read_one(void) { fixture_read(&f, &reader); }
static void read_all(void)
{
	while (fixture_read(&f, &reader))
		;
}
static void write_and_read(void)
{
	small_and_big();
	read_all();
}
static void read_page(void) { fixture_read_page(&f, &reader); }

static void (*inner)(void), (*innermost)(void);
static u8 *inner_at;

static void interrupt_inner(void)
{
	level++;
	innermost();
	level--;
}

static void interrupt(void)
{
	level++;
	if (innermost && *inner_at != INT3)
		interrupted(1, inner, inner_at, interrupt_inner);
	else
		inner();
	level--;
}

static void finish(void)
{
	ring_reader_begin(&reader, &f.ring, &copy, true);
	read_all();
	f.lost += f.ring.overrun - f.ring.overrun_seen;
	f.ring.overrun_seen = f.ring.overrun;
	fixture_conserved(&f);
	fixture_end(&f);
}

/* @fill bytes, about, are on the last page that is begun. */
static void begin(u32 pages, bool overwrite, u32 fill)
{
	fixture_begin(&f, pages, overwrite);
	level = 0;
	for (u32 i = 0; overwrite && i < pages * 2; i++)
		fixture_write(&f, 0, 900);
	while (RING_OFFSET(f.ring.head.word) < fill)
		fixture_write(&f, 0, 2);
	ring_reader_begin(&reader, &f.ring, &copy, true);
}

/* One way to be interrupted, at each instruction. */
static u32 every_step(u32 pages, bool overwrite, u32 fill, void (*outer)(void), u32 stride)
{
	u32 n = 0;

	begin(pages, overwrite, fill);
	trace(&steps[0], outer);
	trace(&steps[1], inner);
	finish();
	for (u32 i = 0; i < steps[0].n; i += 1 + (stride > 1 ? (u32)host_random_below(stride) : 0), n++) {
		begin(pages, overwrite, fill);
		inner_at = steps[1].at[host_random_below(steps[1].n)];
		interrupted(0, outer, steps[0].at[i], interrupt);
		finish();
	}
	return n;
}

static void (*const writers[])(void) = { one,	    small_and_big, some, more_than_it_holds,
					 take_back, take_back_many };
static void (*const readers[])(void) = { read_one, read_all, read_page };
static const u32 fills[] = { 0, 4070 };

static u32 each_outer_writer(u32 stride)
{
	u32 n = 0;

	for (u32 i = 0; i < 8; i++) {
		bool overwrite = i & 1;
		u32 pages = i & 2 ? 3 : 2, fill = fills[i / 4];

		n += every_step(pages, overwrite, fill, one, stride);
		n += every_step(pages, overwrite, fill, take_back, stride);
		n += every_step(pages, overwrite, 3900, big, stride);
	}
	return n;
}

static void test_a_writer_in_a_writer(void **state)
{
	u32 n = 0;

	innermost = NULL;
	for (u32 i = 0; i < ARRAY_SIZE(writers); i++) {
		inner = writers[i];
		n += each_outer_writer(host_torture() ? 2 : 8);
	}
	fprintf(stderr, "# %u times a writer in a writer\n", n);
}

static void test_a_writer_in_that_again(void **state)
{
	u32 n = 0;

	for (u32 i = 0; i < ARRAY_SIZE(writers) * ARRAY_SIZE(writers); i++) {
		inner = writers[i % ARRAY_SIZE(writers)];
		innermost = writers[i / ARRAY_SIZE(writers)];
		n += each_outer_writer(100);
	}
	innermost = NULL;
	fprintf(stderr, "# %u times a writer in a writer in a writer\n", n);
}

static void test_a_reader_in_a_writer(void **state)
{
	u32 n = 0;

	for (u32 i = 0; i < ARRAY_SIZE(readers); i++) {
		inner = readers[i];
		n += each_outer_writer(8);
	}
	fprintf(stderr, "# %u times a reader in a writer\n", n);
}

static void test_a_writer_in_a_reader(void **state)
{
	u32 n = 0;

	for (u32 i = 0; i < ARRAY_SIZE(readers) * ARRAY_SIZE(writers); i++) {
		inner = writers[i / ARRAY_SIZE(readers)];
		for (u32 k = 0; k < 2; k++)
			n += every_step(3, k, k ? 4000 : 40, readers[i % ARRAY_SIZE(readers)], 100);
	}
	fprintf(stderr, "# %u times a writer in a reader\n", n);
}

static u8 *then_at;

/* Only now, as the interrupt comes by there, too. */
static void interrupt_then(void)
{
	interrupt();
	stops[1].at = then_at;
	stops[1].byte = *then_at;
	stops[1].interrupt = read_all;
	*then_at = INT3;
}

/* First a writer, a few instructions later a reader, who must not see what was published taken back. */
static void test_a_writer_then_a_reader(void **state)
{
	u32 n = 0;

	inner = write_and_read;
	for (u32 k = 0; k < 2; k++) {
		u32 fill = k ? 3900 : 0;

		begin(3, true, fill);
		trace(&steps[0], one);
		finish();
		for (u32 i = 0; i < steps[0].n; i++)
			for (u32 j = i + 1; j < steps[0].n && j < i + 8; j++, n++) {
				begin(3, true, fill);
				then_at = steps[0].at[j];
				interrupted(0, one, steps[0].at[i], interrupt_then);
				if (stops[1].at)
					*stops[1].at = stops[1].byte;
				stops[1].at = NULL;
				finish();
			}
	}
	fprintf(stderr, "# %u times a writer in a writer, and then a reader\n", n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_writer_in_a_writer),   cmocka_unit_test(test_a_writer_in_that_again),
		cmocka_unit_test(test_a_reader_in_a_writer),   cmocka_unit_test(test_a_writer_in_a_reader),
		cmocka_unit_test(test_a_writer_then_a_reader),
	};
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER };
	int failed;

	u8 *text = (u8 *)((u64)__executable_start & -4096ul);

	assert_int_equal(mprotect(text, (size_t)(etext - text), PROT_READ | PROT_WRITE | PROT_EXEC), 0);
	sigaction(SIGTRAP, &sa, NULL);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	putchar('\n');
	return failed != 0;
}
