/* Lists: order in both directions, removal in the middle of a walk, and a random run against an array. */
#include "tests/host/host.h"
#include "lib/list.h"

#define ITEMS 16

struct item {
	int value;
	struct list_head link;
};

/* The list read forwards and backwards must both be @values. */
static void check(struct list_head *list, const int *values, int n)
{
	struct list_head *back = list->prev;
	struct item *item;
	int i = 0;

	list_for_each_entry(item, list, link) {
		assert_true(i < n);
		assert_int_equal(item->value, values[i++]);
	}
	assert_int_equal(i, n);
	for (; i; back = back->prev)
		assert_int_equal(list_entry(back, struct item, link)->value, values[--i]);
	assert_ptr_equal(back, list);
	assert_int_equal(list_empty(list), n == 0);
}

static void test_order(void **state)
{
	struct item items[3] = { { .value = 1 }, { .value = 2 }, { .value = 3 } };
	LIST_HEAD(list);

	check(&list, NULL, 0);
	list_add_tail(&items[1].link, &list);
	list_add(&items[0].link, &list);
	list_add_tail(&items[2].link, &list);
	check(&list, (int[]){ 1, 2, 3 }, 3);
	list_del(&items[1].link);
	check(&list, (int[]){ 1, 3 }, 2);
}

static void test_delete_twice(void **state)
{
	struct item items[2] = { { .value = 1 }, { .value = 2 } };
	struct list_head list;

	list_init(&list);
	list_add_tail(&items[0].link, &list);
	list_add_tail(&items[1].link, &list);
	list_del(&items[0].link);
	assert_true(list_empty(&items[0].link));
	list_del(&items[0].link);
	check(&list, (int[]){ 2 }, 1);
}

static void test_delete_while_walking(void **state)
{
	struct item items[4], *item, *next;
	LIST_HEAD(list);

	for (int i = 0; i < 4; i++) {
		items[i].value = i;
		list_add_tail(&items[i].link, &list);
	}
	list_for_each_entry_safe(item, next, &list, link) {
		list_del(&item->link);
		item->value = -1;
	}
	check(&list, NULL, 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(items[i].value, -1);
}

static void model_insert(int *values, int n, int at, int value)
{
	memmove(values + at + 1, values + at, (n - at) * sizeof(*values));
	values[at] = value;
}

static void test_against_array(void **state)
{
	struct item items[ITEMS];
	int values[ITEMS], n = 0;
	LIST_HEAD(list);

	for (int i = 0; i < ITEMS; i++) {
		items[i].value = i;
		list_init(&items[i].link);
	}
	for (int turn = 0; turn < 20000; turn++) {
		struct item *item = &items[host_random_below(ITEMS)];

		if (!list_empty(&item->link)) {
			int at = 0;

			while (values[at] != item->value)
				at++;
			n--;
			memmove(values + at, values + at + 1, (n - at) * sizeof(*values));
			list_del(&item->link);
		} else if (host_random_below(2)) {
			model_insert(values, n++, 0, item->value);
			list_add(&item->link, &list);
		} else {
			values[n++] = item->value;
			list_add_tail(&item->link, &list);
		}
		check(&list, values, n);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_order),
	cmocka_unit_test(test_delete_twice),
	cmocka_unit_test(test_delete_while_walking),
	cmocka_unit_test(test_against_array),
};
HOST_TEST_MAIN(tests)
