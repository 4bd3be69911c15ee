/*
 * The trace ring under load: a thread that signals interrupt, and signals that other signals interrupt, all of them
 * writing; and a thread that reads what they write while they do.
 */
#include "tests/host/trace_ring_fixture.h"

#include <pthread.h>

#define MANY 150000 /* events, at least */

static struct fixture fixture;
static struct ring_page copy __aligned(RING_PAGE_SIZE);
static volatile bool done;
static pthread_t writer;

static void on_irq(int signal) { fixture_write(&fixture, 1, 10); }
static void on_nmi(int signal)
{
	u64 n = fixture.attempts[2];

	fixture_write(&fixture, 2, n % 16 == 0 ? 900 : 20);
	if (n % 4 == 0)
		fixture_write(&fixture, 2, 5);
}

static void on_signal(int number, void (*handler)(int))
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };

	/* An interrupt isn't interrupted by another one, an NMI by nobody. */
	sigemptyset(&sa.sa_mask);
	sigaddset(&sa.sa_mask, SIGUSR1);
	if (number == SIGUSR2)
		sigaddset(&sa.sa_mask, SIGUSR2);
	assert_int_equal(sigaction(number, &sa, NULL), 0);
}

static void *pester(void *arg)
{
	for (u32 n = 0; !done; n++)
		pthread_kill(writer, n % 3 ? SIGUSR2 : SIGUSR1);
	return NULL;
}

static void *read_events(void *arg)
{
	struct ring_reader rd;

	ring_reader_begin(&rd, &fixture.ring, &copy, true);
	while (!done)
		if (!fixture_read(&fixture, &rd))
			sched_yield();
	return NULL;
}

static void *read_pages(void *arg)
{
	struct ring_reader rd;

	ring_reader_begin(&rd, &fixture.ring, &copy, true);
	while (!done)
		if (!fixture_read_page(&fixture, &rd))
			sched_yield();
	return NULL;
}

static void write_under_signals(u32 pages, bool overwrite, void *(*reader)(void *), u32 count)
{
	u32 signals = host_torture() ? 1000 : 250; /* of events in each kind of signal */
	struct ring_reader rest;
	pthread_t threads[2];
	sigset_t none, old;

	fixture_begin(&fixture, pages, overwrite);
	done = false;
	writer = pthread_self();
	sigemptyset(&none);
	sigaddset(&none, SIGUSR1);
	sigaddset(&none, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &none, &old);
	on_signal(SIGUSR1, on_irq);
	on_signal(SIGUSR2, on_nmi);
	assert_int_equal(pthread_create(&threads[0], NULL, pester, NULL), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, reader, NULL), 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	for (u32 i = 0; i < count || fixture.attempts[1] < signals || fixture.attempts[2] < signals; i++)
		fixture_write(&fixture, 0, i % 64 ? 12 : 700);
	done = true;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	on_signal(SIGUSR1, SIG_IGN);
	on_signal(SIGUSR2, SIG_IGN);
	fprintf(stderr,
		"# written %lu, %lu in signals, %lu in signals' signals; read %lu while that went on, lost %lu\n",
		fixture.written[0], fixture.written[1], fixture.written[2], fixture.events, fixture.lost);
	ring_reader_begin(&rest, &fixture.ring, &copy, true);
	while (fixture_read(&fixture, &rest))
		;
	if (fixture.ring.overrun != fixture.ring.overrun_seen)
		fixture.lost += fixture.ring.overrun - fixture.ring.overrun_seen;
	fixture_conserved(&fixture);
	assert_true(fixture.events > 0);
	fixture_end(&fixture);
}

static void test_overwrite(void **state) { write_under_signals(4, true, read_events, MANY); }
static void test_overwrite_two_pages(void **state) { write_under_signals(2, true, read_events, MANY); }
static void test_overwrite_long_ring(void **state) { write_under_signals(64, true, read_events, MANY); }
static void test_stop_when_full(void **state) { write_under_signals(4, false, read_events, MANY); }
static void test_pages_stop_when_full(void **state) { write_under_signals(8, false, read_pages, MANY); }

/* Without anyone else. */
static void fill(struct fixture *f, u32 n, u32 max_words)
{
	for (u32 i = 0; i < n; i++)
		fixture_write(f, i % FIXTURE_LEVELS, max_words);
}

static u32 read_all(struct fixture *f, bool consume)
{
	struct ring_reader rd;
	u64 before = f->events;

	ring_reader_begin(&rd, &f->ring, &copy, consume);
	while (fixture_read(f, &rd))
		;
	return (u32)(f->events - before);
}

static void test_what_is_left(void **state)
{
	struct ring_stats s;
	u32 left;

	fixture_begin(&fixture, 4, true);
	fill(&fixture, 5000, 10);
	ring_stats(&fixture.ring, &s);
	assert_int_equal(s.entries + s.overrun, 5000);
	left = read_all(&fixture, false);
	assert_int_equal(left, s.entries);
	for (u32 i = 0; i < FIXTURE_LEVELS; i++)
		fixture.last_number[i] = -1;
	fixture.last_time = 0;
	assert_int_equal(read_all(&fixture, true), left);
	fixture.events = left;
	fixture_conserved(&fixture);
	fixture_end(&fixture);
}

static void test_stops_when_full(void **state)
{
	struct ring_stats s;
	u32 got;

	fixture_begin(&fixture, 3, false);
	fill(&fixture, 3000, 10);
	ring_stats(&fixture.ring, &s);
	assert_int_equal(s.entries + s.dropped, 3000);
	assert_int_equal(s.overrun, 0);
	got = read_all(&fixture, true);
	assert_int_equal(got, s.entries);
	assert_int_equal(fixture.last_number[0], (got - 1) / 3); /* the first ones, without a gap */
	fill(&fixture, 10, 10);
	assert_int_equal(read_all(&fixture, true), 10);
	fixture_conserved(&fixture);
	fixture_end(&fixture);
}

/* Lengths up to the longest, and one more. */
static void test_lengths(void **state)
{
	fixture_begin(&fixture, 4, true);
	for (u32 size = 4; size <= RING_DATA_MAX; size += 4) {
		u8 *data = ring_reserve(&fixture.ring, size);
		struct ring_reader rd;
		const struct ring_record *rec;

		assert_non_null(data);
		memset(data, size / 4 % 251, size);
		ring_commit(&fixture.ring);
		ring_reader_begin(&rd, &fixture.ring, &copy, true);
		rec = ring_reader_peek(&rd);
		assert_non_null(rec);
		assert_int_equal(rec->size, size);
		for (u32 i = 0; i < size; i++)
			assert_int_equal(((const u8 *)rec->data)[i], size / 4 % 251);
		assert_true(ring_reader_take(&rd));
		assert_null(ring_reader_peek(&rd));
	}
	assert_null(ring_reserve(&fixture.ring, RING_DATA_MAX + 4));
	assert_int_equal(fixture.ring.nest, 0);
	fixture_end(&fixture);
}

/* A second and more between events, and a clock that is set back. */
static void test_time(void **state)
{
	u64 start = trace_origin, times[6], n = 0;
	const struct ring_record *rec;
	struct ring_reader rd;

	fixture_begin(&fixture, 2, true);
	fixture_write(&fixture, 0, 5);
	trace_origin -= 1ul << 28;
	fixture_write(&fixture, 0, 5);
	trace_origin -= 1ul << 40;
	fixture_write(&fixture, 0, 5);
	trace_origin += 1ul << 39;
	fixture_write(&fixture, 0, 5);
	fixture_write(&fixture, 0, 5);
	ring_reader_begin(&rd, &fixture.ring, &copy, false);
	while ((rec = ring_reader_peek(&rd))) {
		times[n++] = rec->time;
		ring_reader_take(&rd);
	}
	assert_int_equal(n, 5);
	assert_true(times[1] - times[0] >= 1ul << 28 && times[1] - times[0] < 1ul << 30);
	assert_true(times[2] - times[1] >= 1ul << 40 && times[2] - times[1] < 1ul << 41);
	assert_int_equal(times[3], times[2]);
	assert_int_equal(times[4], times[2]);
	trace_origin = start;
	read_all(&fixture, true);
	fixture_end(&fixture);
}

/* The last one vanishes; one that isn't the last leaves padding, which is no event to anyone. */
static void test_discard(void **state)
{
	u64 word;
	u32 *a, *b;

	fixture_begin(&fixture, 2, true);
	fill(&fixture, 6, 5);
	word = fixture.ring.head.word;
	for (u32 i = 0; i < 2000; i++)
		fixture_discard(&fixture, 0, i % 2 ? 5 : 200);
	assert_int_equal(fixture.ring.head.word, word);
	a = ring_reserve(&fixture.ring, 16);
	b = ring_reserve(&fixture.ring, 16);
	assert_ptr_equal(b, a + 5);
	memset(b, 0, 16);
	ring_discard(&fixture.ring, b, 16);
	assert_ptr_equal(ring_reserve(&fixture.ring, 16), b);
	*(struct fixture_event *)b = (struct fixture_event){ .level = 1, .number = 7, .words = 1 };
	b[3] = 1u;
	ring_commit(&fixture.ring);
	ring_discard(&fixture.ring, a, 16);
	b[3] = 0;
	assert_int_equal(fixture.ring.nest, 0);
	fixture.attempts[0] = 3000;
	fill(&fixture, 1, 5);
	{
		struct ring_reader rd;
		u32 n = 0;

		ring_reader_begin(&rd, &fixture.ring, &copy, false);
		while (ring_reader_peek(&rd)) {
			n++;
			ring_reader_take(&rd);
		}
		assert_int_equal(n, 8); /* six, the one behind the padding, and the last */
		ring_reader_begin(&rd, &fixture.ring, &copy, true);
		while (ring_reader_peek(&rd))
			ring_reader_take(&rd);
		assert_int_equal(fixture.ring.read, 9);
	}
	fixture_end(&fixture);
}

static void test_resize(void **state)
{
	static const u32 sizes[] = { 8, 3, 3, 2, 20, 5, 100, 2 };
	struct ring_stats s;

	for (u32 filled = 0; filled < 3000; filled += 150) {
		fixture_begin(&fixture, 4, true);
		fill(&fixture, filled, 10);
		for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
			u64 there;

			ring_stats(&fixture.ring, &s);
			there = s.entries;
			fixture_resize(&fixture, sizes[i]);
			ring_stats(&fixture.ring, &s);
			assert_int_equal(s.entries + s.overrun,
					 fixture.written[0] + fixture.written[1] + fixture.written[2]);
			if (i == 0 || i == 4)
				assert_int_equal(s.entries, there);
			fill(&fixture, 200, 10);
		}
		read_all(&fixture, true);
		fixture.lost = fixture.ring.overrun;
		fixture_conserved(&fixture);
		fixture_end(&fixture);
	}
}

static void test_reset(void **state)
{
	struct ring_stats s;

	fixture_begin(&fixture, 4, true);
	fill(&fixture, 3000, 10);
	ring_reset(&fixture.ring);
	ring_stats(&fixture.ring, &s);
	assert_int_equal(s.entries + s.overrun + s.read + s.bytes + s.dropped, 0);
	assert_int_equal(read_all(&fixture, true), 0);
	fill(&fixture, 30, 10);
	assert_int_equal(read_all(&fixture, true), 30);
	fixture_end(&fixture);
}

/* Pages say how many events were lost before them. */
static void test_raw_pages(void **state)
{
	struct ring_reader rd;

	fixture_begin(&fixture, 4, true);
	fill(&fixture, 2000, 9);
	ring_reader_begin(&rd, &fixture.ring, &copy, true);
	while (fixture_read_page(&fixture, &rd))
		;
	assert_true(fixture.lost > 0);
	fixture_conserved(&fixture);
	/* One that was begun event by event. */
	fill(&fixture, 90, 9);
	for (u32 i = 0; i < 7; i++)
		assert_true(fixture_read(&fixture, &rd));
	while (fixture_read_page(&fixture, &rd))
		;
	fill(&fixture, 10, 9);
	while (fixture_read(&fixture, &rd))
		;
	fixture_conserved(&fixture);
	fixture_end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_left),
		cmocka_unit_test(test_stops_when_full),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_discard),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_raw_pages),
		cmocka_unit_test(test_overwrite),
		cmocka_unit_test(test_overwrite_two_pages),
		cmocka_unit_test(test_overwrite_long_ring),
		cmocka_unit_test(test_stop_when_full),
		cmocka_unit_test(test_pages_stop_when_full),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	putchar('\n');
	return failed != 0;
}
