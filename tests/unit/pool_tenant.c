// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_tenant.c: every tenant finds its own row, from any thread, and none another's.
 */
#include "pool/tenant.h"

#include <criterion/criterion.h>
#include <pthread.h>

#define THREADS 4
#define ROUNDS 20000

TestSuite(tenant, .timeout = 50);

static struct tenants tenants;

static void tenants_of(unsigned rows)
{
	cr_assert_eq(tenants_init(&tenants, rows, 2), 0);
}

Test(tenant, has_one_row_as_long_as_it_is_there)
{
	tenants_of(4);

	struct tenant *first = tenant_get(&tenants, 7), *again = tenant_get(&tenants, 7);
	struct tenant *other = tenant_get(&tenants, TENANT_STANDARD);

	cr_expect_eq(first, again);
	cr_expect_neq(first, other);
	cr_expect_eq(atomic_load(&first->key), 7);
	cr_expect_eq(tenants_present(&tenants), 2);
	tenant_put(first);
	cr_expect_eq(tenants_present(&tenants), 2, "one execution of two is left");
	tenant_put(again);
	cr_expect_eq(tenants_present(&tenants), 1);
	tenant_put(other);
	cr_expect_eq(tenants_present(&tenants), 0);
	tenants_fini(&tenants);
}

Test(tenant, comes_back_to_its_row_unless_another_needed_it)
{
	tenants_of(3);

	struct tenant *row = tenant_get(&tenants, 1), *other;

	tenant_put(row);
	cr_expect_eq(tenant_get(&tenants, 1), row);
	tenant_put(row);
	other = tenant_get(&tenants, 2);
	cr_expect_eq(other, row, "a row that nobody has is free");
	cr_expect_eq(atomic_load(&other->key), 2);
	cr_expect_neq(tenant_get(&tenants, 1), row);
	tenants_fini(&tenants);
}

Test(tenant, shares_the_last_row_when_every_other_is_taken)
{
	struct tenant *rows[5];

	tenants_of(3);
	for (uint64_t i = 0; i < 5; i++)
		rows[i] = tenant_get(&tenants, i + 1);
	cr_expect_neq(rows[0], rows[1]);
	cr_expect_neq(rows[1], rows[2]);
	cr_expect_eq(rows[2], &tenants.rows[2]);
	cr_expect_eq(rows[3], rows[2]);
	cr_expect_eq(rows[4], rows[2]);
	cr_expect_eq(tenants_present(&tenants), 3);
	/* The next one who comes has a row of its own again. */
	tenant_put(rows[0]);
	cr_expect_eq(tenant_get(&tenants, 4), rows[0]);
	for (int i = 1; i < 5; i++)
		tenant_put(rows[i]);
	tenant_put(rows[0]);
	cr_expect_eq(tenants_present(&tenants), 0);
	tenants_fini(&tenants);
}

Test(tenant, has_a_share_in_each_shard)
{
	tenants_of(2);

	struct tenant *tenant = tenant_get(&tenants, 1);

	cr_expect_neq(&tenant->shares[0], &tenant->shares[1]);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(tenant->shares[i].tenant, tenant);
		cr_expect(list_is_empty(&tenant->shares[i].queue));
		cr_expect_eq(atomic_load(&tenant->shares[i].queued), 0);
	}
	tenant_put(tenant);
	tenants_fini(&tenants);
}

/* Each thread is another tenant in each round, out of more than there are rows for. */
static void *tenants_change(void *argument)
{
	uintptr_t number = (uintptr_t)argument, wrong = 0;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t key = (i * (number + 1)) % 7;
		struct tenant *tenant = tenant_get(&tenants, key);

		if (tenant != &tenants.rows[3] && atomic_load(&tenant->key) != key)
			wrong++;
		tenant_keep(tenant);
		tenant_put(tenant);
		if (tenant != &tenants.rows[3] && atomic_load(&tenant->key) != key)
			wrong++;
		tenant_put(tenant);
	}
	return (void *)wrong;
}

Test(tenant, is_never_mixed_up_with_another_by_threads_that_come_and_go)
{
	pthread_t threads[THREADS];

	tenants_of(4);
	for (uintptr_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, tenants_change, (void *)i), 0);
	for (int i = 0; i < THREADS; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		cr_expect_null(wrong, "%zu rows were another's", (size_t)(uintptr_t)wrong);
	}
	cr_expect_eq(tenants_present(&tenants), 0);
	for (int i = 0; i < 4; i++)
		cr_expect_eq(atomic_load(&tenants.rows[i].references), 0);
	tenants_fini(&tenants);
}
