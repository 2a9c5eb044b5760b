// SPDX-License-Identifier: Apache-2.0
/*
 * pool/tenant.c: the table of tenants.
 *
 * A tenant that comes again finds its row without a lock: the row's count is raised first and its
 * key read again then, because the row may have been given to another meanwhile. A row is given
 * away under the lock and only when nobody counts on it: CLAIMED keeps others off until its key
 * stands. Wrong here would mean one tenant's executions in another's queue.
 */
#include "pool/tenant.h"

#include "base/fault.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define CLAIMED UINT_MAX

int tenants_init(struct tenants *tenants, unsigned rows, unsigned shards)
{
	assert(rows >= 1 && shards >= 1);
	*tenants = (struct tenants){ .row_count = rows };
	pthread_mutex_init(&tenants->lock, NULL);
	if (!fault("tenants.memory"))
		tenants->rows = calloc(rows, sizeof(*tenants->rows));
	if (!fault("tenants.memory"))
		tenants->shares = calloc((size_t)rows * shards, sizeof(*tenants->shares));
	if (!tenants->rows || !tenants->shares)
		return -ENOMEM;
	for (unsigned i = 0; i < rows; i++) {
		struct tenant *tenant = &tenants->rows[i];

		tenant->tenants = tenants;
		tenant->shares = &tenants->shares[(size_t)i * shards];
		for (unsigned k = 0; k < shards; k++) {
			struct tenant_share *share = &tenant->shares[k];

			share->tenant = tenant;
			share->weight_divisor = 1;
			list_init(&share->queue);
			list_init(&share->turn);
		}
	}
	return 0;
}

void tenants_fini(struct tenants *tenants)
{
	if (!tenants->row_count)
		return;
	pthread_mutex_destroy(&tenants->lock);
	free(tenants->rows);
	free(tenants->shares);
	*tenants = (struct tenants){ .row_count = 0 };
}

/* True unless the row is being given away at this moment. */
static bool row_take(struct tenant *tenant)
{
	unsigned references = atomic_load(&tenant->references);

	do {
		if (references == CLAIMED)
			return false;
	} while (!atomic_compare_exchange_weak(&tenant->references, &references, references + 1));
	if (references == 0)
		atomic_fetch_add(&tenant->tenants->present, 1);
	return true;
}

static struct tenant *row_find(struct tenants *tenants, uint64_t key)
{
	unsigned used = atomic_load(&tenants->used);

	for (unsigned i = 0; i < used; i++) {
		struct tenant *tenant = &tenants->rows[i];

		if (atomic_load(&tenant->key) != key || !row_take(tenant))
			continue;
		if (atomic_load(&tenant->key) == key)
			return tenant;
		tenant_put(tenant);
	}
	return NULL;
}

/* A row that nobody has, or one whose tenant has nothing in the pool. Under the lock. */
static struct tenant *row_claim(struct tenants *tenants)
{
	unsigned used = atomic_load(&tenants->used);

	for (unsigned i = 0; i + 1 < tenants->row_count; i++) {
		struct tenant *tenant = &tenants->rows[i];
		unsigned nobody = 0;

		if (!atomic_compare_exchange_strong(&tenant->references, &nobody, CLAIMED))
			continue;
		if (i >= used)
			atomic_store(&tenants->used, i + 1);
		return tenant;
	}
	return NULL;
}

struct tenant *tenant_get(struct tenants *tenants, uint64_t key)
{
	struct tenant *tenant = row_find(tenants, key);

	if (tenant)
		return tenant;
	pthread_mutex_lock(&tenants->lock);
	/* Another thread may have brought it in meanwhile. */
	tenant = row_find(tenants, key);
	if (!tenant && (tenant = row_claim(tenants))) {
		atomic_store(&tenant->key, key);
		atomic_store(&tenant->references, 1);
		atomic_fetch_add(&tenants->present, 1);
	} else if (!tenant) {
		tenant = &tenants->rows[tenants->row_count - 1];
		row_take(tenant);
	}
	pthread_mutex_unlock(&tenants->lock);
	return tenant;
}

void tenant_keep(struct tenant *tenant)
{
	atomic_fetch_add(&tenant->references, 1);
}

void tenant_put(struct tenant *tenant)
{
	if (atomic_fetch_sub(&tenant->references, 1) == 1)
		atomic_fetch_sub(&tenant->tenants->present, 1);
}

unsigned tenants_present(const struct tenants *tenants)
{
	return atomic_load(&tenants->present);
}
