// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/base_list.c: order, and nodes that may be removed at any time.
 */
#include "base/list.h"

#include <criterion/criterion.h>

struct owner {
	int number;
	struct list node;
};

static int number_of(struct list *node)
{
	return list_owner(node, struct owner, node)->number;
}

Test(list, is_empty_until_something_is_pushed)
{
	struct list list;

	list_init(&list);
	cr_expect(list_is_empty(&list));
	cr_expect_null(list_pop(&list));
}

Test(list, pops_what_was_pushed_last_and_appended_first)
{
	struct owner owners[4];
	struct list list;

	for (int i = 0; i < 4; i++)
		owners[i].number = i;
	list_init(&list);
	list_append(&list, &owners[2].node);
	list_append(&list, &owners[3].node);
	list_push(&list, &owners[1].node);
	list_push(&list, &owners[0].node);
	for (int i = 0; i < 4; i++)
		cr_expect_eq(number_of(list_pop(&list)), i);
	cr_expect(list_is_empty(&list));
}

Test(list, removes_from_the_middle_and_twice)
{
	struct owner owners[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
	struct list list;

	list_init(&list);
	for (int i = 0; i < 3; i++)
		list_append(&list, &owners[i].node);
	list_remove(&owners[1].node);
	list_remove(&owners[1].node);
	cr_expect(list_is_empty(&owners[1].node));
	cr_expect_eq(number_of(list_pop(&list)), 0);
	cr_expect_eq(number_of(list_pop(&list)), 2);
	cr_expect_null(list_pop(&list));
}

Test(list, takes_a_popped_node_back)
{
	struct owner owner = { .number = 7 };
	struct list list, other;

	list_init(&list);
	list_init(&other);
	list_push(&list, &owner.node);
	list_append(&other, list_pop(&list));
	cr_expect(list_is_empty(&list));
	cr_expect_eq(number_of(list_pop(&other)), 7);
}
