/* The buddy allocator beside a naive model: a byte for each frame that says who has it. */
#include "tests/host/host.h"
#include "mm/buddy.h"

/* Neither a power of two nor aligned; with holes, and up to the very end of the table. */
#define FRAMES	  5003
#define MAX_OWNED 400
static const struct {
	u32 from, n;
} memory[] = { { 5, 1500 }, { 1537, 2050 }, { 3600, 1 }, { 3602, 1401 } };

enum { NEVER, AVAILABLE, GIVEN };

static struct buddy buddy;
static void *table;
static u8 model[FRAMES], state_at_start[FRAMES];
static size_t model_free;
static struct {
	u32 from, n;
} owned[MAX_OWNED];
static size_t nr_owned;

static int setup(void **state)
{
	table = malloc(buddy_table_size(FRAMES));
	memset(table, 0xa5, buddy_table_size(FRAMES));
	memset(model, NEVER, sizeof(model));
	nr_owned = model_free = 0;
	buddy_init(&buddy, table, FRAMES);
	for (size_t i = 0; i < sizeof(memory) / sizeof(*memory); i++) {
		buddy_add(&buddy, memory[i].from, memory[i].n);
		memset(model + memory[i].from, AVAILABLE, memory[i].n);
		model_free += memory[i].n;
	}
	memcpy(state_at_start, buddy.state, FRAMES);
	return 0;
}

static int teardown(void **state)
{
	free(table);
	return 0;
}

static bool all_are(u32 from, size_t n, u8 what)
{
	for (size_t i = 0; i < n; i++)
		if (from + i >= FRAMES || model[from + i] != what)
			return false;
	return true;
}

static size_t power_for(size_t n)
{
	size_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

/* Joined buddies mean: there is a block for @n wherever a whole aligned one is free. */
static bool should_have(size_t n)
{
	size_t p = power_for(n);

	if (!n || n > BUDDY_MAX_FRAMES)
		return false;
	for (u32 from = 0; from + p <= FRAMES; from += (u32)p)
		if (all_are(from, p, AVAILABLE))
			return true;
	return false;
}

static size_t some_size(void)
{
	size_t n = 1 + host_random_below(1ull << host_random_below(11));

	return host_random_below(2000) ? n : host_random_below(2) * (1025 + host_random_below(5000));
}

static void allocate(void)
{
	size_t n = some_size();
	u32 from;

	if (nr_owned == MAX_OWNED)
		return;
	from = buddy_alloc(&buddy, n);
	if (from == BUDDY_NONE) {
		assert_false(should_have(n));
		return;
	}
	assert_true(all_are(from, n, AVAILABLE));
	assert_int_equal(from % power_for(n), 0);
	memset(model + from, GIVEN, n);
	model_free -= n;
	owned[nr_owned].from = from;
	owned[nr_owned++].n = (u32)n;
}

/* All of one allocation, or its front or its back. */
static void release(void)
{
	size_t i = host_random_below(nr_owned + !nr_owned);
	u32 part, from;

	if (!nr_owned)
		return;
	part = host_random_below(3) ? owned[i].n : 1 + (u32)host_random_below(owned[i].n);
	from = host_random_below(2) ? owned[i].from : owned[i].from + owned[i].n - part;
	assert_true(buddy_free(&buddy, from, part));
	memset(model + from, AVAILABLE, part);
	model_free += part;
	if (from == owned[i].from)
		owned[i].from += part;
	owned[i].n -= part;
	if (!owned[i].n)
		owned[i] = owned[--nr_owned];
}

/* Somewhere, anything: refused, without a change, unless all of it is given out; then left alone here. */
static void free_wrongly(void)
{
	u32 from = (u32)host_random_below(FRAMES + 20);
	size_t n = some_size();

	if (n && !all_are(from, n, GIVEN))
		assert_false(buddy_free(&buddy, from, n));
}

/* The lists hold each free frame once; no two buddies are both free. */
static void audit(void)
{
	static u8 seen[FRAMES];
	size_t free = 0;

	memset(seen, 0, sizeof(seen));
	for (unsigned order = 0; order < BUDDY_ORDERS; order++) {
		u32 size = 1u << order;

		for (u32 i = buddy.first[order]; i != BUDDY_NONE; i = buddy.links[i].next) {
			assert_int_equal(i % size, 0);
			assert_true(all_are(i, size, AVAILABLE));
			for (u32 k = 0; k < size; k++)
				assert_int_equal(seen[i + k]++, 0);
			free += size;
			if (order < BUDDY_ORDERS - 1)
				assert_false((i ^ size) < FRAMES && buddy.state[i ^ size] == buddy.state[i]);
		}
	}
	assert_int_equal(free, model_free);
}

static void test_against_model(void **state)
{
	for (int turn = 0; turn < 1000000; turn++) {
		switch (host_random_below(8)) {
		case 0:
			free_wrongly();
			break;
		case 1:
		case 2:
		case 3:
			release();
			break;
		default:
			allocate();
		}
		assert_int_equal(buddy.free, model_free);
		if (turn % 1000 == 0)
			audit();
	}
	while (nr_owned)
		release();
	audit();
	/* Joined again as at the start, byte for byte. */
	assert_memory_equal(buddy.state, state_at_start, FRAMES);
}

static void test_all_of_it_one_by_one(void **state)
{
	size_t n = model_free;

	for (size_t i = 0; i < n; i++)
		assert_int_not_equal(buddy_alloc(&buddy, 1), BUDDY_NONE);
	assert_int_equal(buddy.free, 0);
	assert_int_equal(buddy_alloc(&buddy, 1), BUDDY_NONE);
	for (u32 i = FRAMES; i-- > 0;)
		assert_int_equal(buddy_free(&buddy, i, 1), model[i] == AVAILABLE);
	assert_int_equal(buddy.free, n);
	assert_memory_equal(buddy.state, state_at_start, FRAMES);
}

static void test_refusals(void **state)
{
	u32 four = buddy_alloc(&buddy, 4);

	assert_int_equal(buddy_alloc(&buddy, 0), BUDDY_NONE);
	assert_int_equal(buddy_alloc(&buddy, BUDDY_MAX_FRAMES + 1), BUDDY_NONE);
	assert_int_equal(buddy_alloc(&buddy, SIZE_MAX), BUDDY_NONE);
	assert_false(buddy_free(&buddy, 0, 1)); /* nobody's */
	assert_false(buddy_free(&buddy, FRAMES, 1));
	assert_false(buddy_free(&buddy, four, SIZE_MAX));
	assert_false(buddy_free(&buddy, four, 5));
	assert_int_equal(buddy.free, model_free - 4);
	assert_true(buddy_free(&buddy, four + 1, 2));
	assert_false(buddy_free(&buddy, four, 4)); /* half of it is free already */
	assert_false(buddy_free(&buddy, four + 2, 1));
	assert_true(buddy_free(&buddy, four, 1));
	assert_true(buddy_free(&buddy, four + 3, 1));
	for (u32 i = 0; i < 4; i++)
		assert_false(buddy_free(&buddy, four + i, 1)); /* also in the middle of a joined block */
	assert_int_equal(buddy.free, model_free);
	assert_memory_equal(buddy.state, state_at_start, FRAMES);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(test_against_model, setup, teardown),
	cmocka_unit_test_setup_teardown(test_all_of_it_one_by_one, setup, teardown),
	cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
};
HOST_TEST_MAIN(tests)
