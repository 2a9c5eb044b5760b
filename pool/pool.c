// SPDX-License-Identifier: Apache-2.0
/*
 * pool/pool.c: the pool as its users see it: started, handed executions, asked, stopped.
 */
#include "pool/pool.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/own.h"
#include "bpf/footprints.h"
#include "jail/identity.h"
#include "pool/pool_private.h"
#include "ring/channel.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/*
 * One uid a slot, far from anybody's, and a range of its own for each daemon on the machine: quotas
 * by uid (inotify, keys, pipes) cross namespaces. pid_max is 2^22; ranges repeat after 2^14 pids.
 */
#define UID_FIRST 0x70000000u
#define UID_RANGES 0x4000u

#define QUEUE_STANDARD 1024u
#define TEMPLATE_EXECUTIONS_STANDARD 1000000u
#define TEMPLATE_AGE_STANDARD (3600 * NSEC_PER_SEC)
#define START_NSEC_MAX (90 * NSEC_PER_SEC)
#define DESCRIPTORS_PER_WORKER 4u

void pool_config_init(struct pool_config *config)
{
	*config = (struct pool_config){
		.runtime = "python",
		.workers = 16,
		.queue_max = QUEUE_STANDARD,
		.reset = RESET_AUTO,
		.template_executions = TEMPLATE_EXECUTIONS_STANDARD,
		.template_age_nsec = TEMPLATE_AGE_STANDARD,
	};
	limits_init(&config->limits);
}

/* Beside us in build/bin; where `make install` puts them, seen from us, or by their full path. */
static int program_find(const char *name, char *path, size_t size, struct error *error)
{
	static const char *const places[] = { "", "/../libexec/corral" };
	char self[400];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n < 0 ? 0 : n] = '\0';
	char *slash = strrchr(self, '/');

	for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		*slash = '\0';
		snprintf(path, size, "%s%s/%s", self, places[i], name);
		if (access(path, X_OK) == 0)
			return 0;
	}
	snprintf(path, size, "%s/%s", CORRAL_LIBEXEC, name);
	if (access(path, X_OK) == 0)
		return 0;
	return error_set(error, -ENOENT,
		"the program %s is neither beside corral nor at %s; run make, or make install",
		name, path);
}

static unsigned cpus_allowed(int *cpus, unsigned max)
{
	cpu_set_t set;
	unsigned count = 0;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && count < max; cpu++)
		if (CPU_ISSET((unsigned)cpu, &set))
			cpus[count++] = cpu;
	return count;
}

static void descriptors_raise(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int config_check(const struct pool_config *config, struct error *error)
{
	if (geteuid() != 0)
		return error_set(error, -EPERM,
			"corral makes namespaces and cgroups and must run as root; use sudo");
	if (config->workers < 1 || config->workers > POOL_WORKERS_MAX)
		return error_set(error, -EINVAL,
			"cannot keep %u workers: give a number from 1 to %u", config->workers,
			POOL_WORKERS_MAX);
	if (strcmp(config->runtime, "python") != 0)
		return error_set(
			error, -EINVAL, "there is no runtime '%s': give python", config->runtime);
	if (config->verify && config->reset == RESET_REPLACE)
		return error_set(error, -EINVAL,
			"verify proves rewinds, and by reset = replace there are none: leave it"
			" out, or give reset = rewind or auto");
	return 0;
}

int pool_check(const struct pool_config *config, struct error *error)
{
	char path[512];
	int result = config_check(config, error);

	if (result == 0)
		result = program_find("corral-init", path, sizeof(path), error);
	if (result == 0)
		result = program_find("corral-python", path, sizeof(path), error);
	return result;
}

static void slots_prepare(struct pool *pool)
{
	for (unsigned i = 0; i < pool->config.workers; i++) {
		struct slot *slot = &pool->slots[i];

		slot->number = i;
		slot->network_fd = slot->control_fd = slot->pipes[0].fd = slot->pipes[1].fd = -1;
		list_init(&slot->node);
		slot->own.ranges = pool->own_ranges ? pool->own_ranges + i * OWN_RANGES_MAX : NULL;
		slot->own.capacity = OWN_RANGES_MAX;
		slot->footprint = footprints_slot(pool->footprints, i);
		slot->tails[0].bytes = pool->tails + 2 * i * EXECUTION_TAIL_BYTES;
		slot->tails[1].bytes = slot->tails[0].bytes + EXECUTION_TAIL_BYTES;
	}
}

/* Without it the pool does with less, and says so. */
static void tracing_open(struct pool *pool)
{
	struct error error = { .sentence = "switched off by --without bpf" };
	bool is_open = !pool->config.without_bpf &&
		       footprints_open(&pool->footprints, pool->config.workers, pool->uid_first,
			       &error) == 0;

	pool->tracing.state = is_open ? LAYER_ENFORCED : LAYER_ABSENT;
	snprintf(pool->tracing.detail, sizeof(pool->tracing.detail), "%.*s",
		(int)sizeof(pool->tracing.detail) - 1,
		is_open ? "system calls, processes, page faults, CPU time" : error.sentence);
	if (!is_open && pool->config.reset != RESET_REPLACE)
		log_warning("no worker can be rewound, each is replaced: bpf-tracing is absent: %s",
			error.sentence);
}

static int pool_prepare(struct pool *pool, struct error *error)
{
	int result =
		program_find("corral-init", pool->init_program, sizeof(pool->init_program), error);

	if (result == 0)
		result = program_find("corral-python", pool->runtime_program,
			sizeof(pool->runtime_program), error);
	if (result < 0)
		return result;
	descriptors_raise();
	result = cgroups_sweep(error);
	if (result < 0)
		return result;
	result = cgroups_open(&pool->cgroups, pool->config.workers, error);
	if (result < 0)
		return result;
	pool->cells_stay = pidns_open(&pool->pidns) == 0;
	pool->uid_first = UID_FIRST + ((uint32_t)getpid() % UID_RANGES) * POOL_WORKERS_MAX;
	if (!fault("pool.memory"))
		pool->slots = calloc(pool->config.workers, sizeof(*pool->slots));
	if (!fault("pool.memory"))
		pool->tails = calloc(pool->config.workers, 2 * EXECUTION_TAIL_BYTES);
	if (pool->config.reset != RESET_REPLACE && !fault("pool.memory"))
		pool->own_ranges = calloc(pool->config.workers * (size_t)OWN_RANGES_MAX,
			sizeof(*pool->own_ranges));
	if (!pool->slots || !pool->tails ||
	    (pool->config.reset != RESET_REPLACE && !pool->own_ranges))
		return error_set(
			error, -ENOMEM, "no memory for %u workers", pool->config.workers);
	tracing_open(pool);
	if (!pool->footprints && pool->config.limits.values[LIMIT_SYSCALLS] < LIMIT_SYSCALLS_NONE)
		return error_set(error, -EOPNOTSUPP, "%s", POOL_NO_SYSCALLS_LIMIT);
	slots_prepare(pool);
	return pool_proofs_make(pool) < 0
		       ? error_set(error, -ENOMEM, "no memory to verify %u workers",
				 pool->config.workers)
		       : 0;
}

/* Of a shard: the queues of several tenants, so that a few who fill theirs leave room. */
static unsigned queue_total(const struct pool_config *config)
{
	unsigned total = config->queue_max * SHARD_QUEUE_PARTS;

	return total < POOL_QUEUE_MAX ? total : POOL_QUEUE_MAX;
}

static int shards_start(struct pool *pool, struct error *error)
{
	int cpus[POOL_SHARDS_MAX];
	unsigned cpu_count = cpus_allowed(cpus, POOL_SHARDS_MAX), wanted = pool->config.shards;
	unsigned first = 0;

	if (!cpu_count)
		return error_set(error, -ENODEV, "cannot find out which CPUs to run on");
	if (!wanted || wanted > cpu_count)
		wanted = cpu_count;
	if (wanted > pool->config.workers)
		wanted = pool->config.workers;
	if (tenants_init(&pool->tenants, TENANTS_MAX, wanted) < 0)
		return error_set(error, -ENOMEM, "no memory for %u tenants", TENANTS_MAX);
	for (unsigned i = 0; i < wanted; i++) {
		struct shard *shard = &pool->shards[i];
		unsigned end = (unsigned)((uint64_t)pool->config.workers * (i + 1) / wanted);

		*shard = (struct shard){
			.pool = pool,
			.number = i,
			.cpu = cpus[i],
			.slots = &pool->slots[first],
			.slot_count = end - first,
			.queue_max = queue_total(&pool->config),
			.reserve = pool->config.reserve / wanted,
			.networks.own = -1,
		};
		for (unsigned k = first; k < end; k++)
			pool->slots[k].shard = shard;
		first = end;
		int result = shard_start(shard, error);

		if (result < 0)
			return result;
		pool->shard_count++;
	}
	return 0;
}

static struct timespec deadline_in(uint64_t nsec)
{
	uint64_t due = clock_now_nsec() + nsec;

	return (struct timespec){ .tv_sec = (time_t)(due / NSEC_PER_SEC),
		.tv_nsec = (long)(due % NSEC_PER_SEC) };
}

void pool_changed(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

static unsigned idle_count(struct pool *pool)
{
	unsigned idle = 0;

	for (unsigned i = 0; i < pool->shard_count; i++)
		idle += atomic_load(&pool->shards[i].counters.idle);
	return idle;
}

bool pool_wait_idle(struct pool *pool, unsigned idle, uint64_t nsec)
{
	struct timespec due = deadline_in(nsec);
	int result = 0;

	pthread_mutex_lock(&pool->lock);
	while (idle_count(pool) < idle && result == 0)
		result = pthread_cond_timedwait(&pool->changed, &pool->lock, &due);
	pthread_mutex_unlock(&pool->lock);
	return idle_count(pool) >= idle;
}

static bool start_is_decided(struct pool *pool)
{
	for (unsigned i = 0; i < pool->shard_count; i++)
		if (!atomic_load(&pool->shards[i].counters.idle) &&
		    !atomic_load(&pool->shards[i].counters.birth_failures) &&
		    !atomic_load(&pool->shards[i].counters.template_restarts))
			return false;
	return true;
}

/* One worker a shard, or the first failure: what does not work at start is told, not retried. */
static int first_workers_wait(struct pool *pool, struct error *error)
{
	struct timespec due = deadline_in(START_NSEC_MAX);
	struct pool_status status;
	int result = 0;

	pthread_mutex_lock(&pool->lock);
	while (!start_is_decided(pool) && result == 0)
		result = pthread_cond_timedwait(&pool->changed, &pool->lock, &due);
	pthread_mutex_unlock(&pool->lock);
	pool_status(pool, &status);
	if (status.idle >= pool->shard_count)
		return 0;
	return error_set(error, -EIO, "the first worker could not be started: %s",
		status.last_failure[0] ? status.last_failure : "it took too long");
}

static void op_types_join(struct pool *pool)
{
	const struct pool_service *service = pool->config.service;

	memcpy(pool->op_types, shard_op_types, sizeof(shard_op_types));
	pool->op_type_count = OP_COUNT;
	for (unsigned i = 0; service && i < service->type_count; i++)
		pool->op_types[pool->op_type_count++] = service->types[i];
}

int pool_start(struct pool **ret_pool, const struct pool_config *config, struct error *error)
{
	struct pool *pool;
	pthread_condattr_t attributes;
	int result = config_check(config, error);

	if (result < 0)
		return result;
	pool = fault("pool.memory") ? NULL : calloc(1, sizeof(*pool));
	if (!pool)
		return error_set(error, -ENOMEM, "no memory for a pool");
	pool->config = *config;
	pool->pidns = PIDNS_NONE;
	op_types_join(pool);
	if (!pool->config.queue_max || pool->config.queue_max > POOL_QUEUE_MAX)
		pool->config.queue_max = QUEUE_STANDARD;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	result = pool_prepare(pool, error);
	if (result == 0)
		result = shards_start(pool, error);
	if (result == 0)
		result = first_workers_wait(pool, error);
	if (result < 0) {
		pool_stop(pool);
		return result;
	}
	*ret_pool = pool;
	return 0;
}

void pool_stop(struct pool *pool)
{
	if (!pool)
		return;
	atomic_store(&pool->stopping, true);
	for (unsigned i = 0; i < pool->shard_count; i++)
		shard_stop(&pool->shards[i]);
	for (unsigned i = 0; i < pool->shard_count; i++)
		pthread_join(pool->shards[i].thread, NULL);
	for (unsigned i = 0; i < POOL_SHARDS_MAX; i++) {
		struct shard *shard = &pool->shards[i];

		if (!shard->pool)
			break;
		loop_free(shard->loop);
		shard_image_drop(shard);
		netns_pool_fini(&shard->networks);
		pthread_mutex_destroy(&shard->inbox_lock);
	}
	tenants_fini(&pool->tenants);
	free(pool->proofs);
	free(pool->own_ranges);
	free(pool->tails);
	free(pool->slots);
	footprints_close(pool->footprints);
	pidns_close(&pool->pidns);
	cgroups_close(pool->cgroups);
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* The one that can start it now, its own one before others; else where its tenant waits least. */
static struct shard *shard_for(struct pool *pool, struct shard *home, const struct tenant *tenant)
{
	/* Submitters from outside take turns, so that equal shards get equal work. */
	unsigned first =
		home ? home->number : atomic_fetch_add(&pool->next_shard, 1) % pool->shard_count;
	struct shard *shortest = &pool->shards[first];

	if (home && shard_has_worker_for(home, tenant) && !shard_is_low(home))
		return home;
	for (unsigned i = 0; i < pool->shard_count; i++) {
		struct shard *shard = &pool->shards[(first + i) % pool->shard_count];

		if (shard_has_worker_for(shard, tenant) && !shard_is_low(shard))
			return shard;
		if (atomic_load(&tenant->shares[shard->number].queued) <
		    atomic_load(&tenant->shares[shortest->number].queued))
			shortest = shard;
	}
	return home && shard_has_worker_for(home, tenant) ? home : shortest;
}

int pool_submit(struct pool *pool, struct execution *execution)
{
	struct shard *home = shard_current(), *shard;
	int result = 0;

	if (execution_mail_bytes(execution) > CHANNEL_MAILBOX_BYTES)
		return -EMSGSIZE;
	if (!pool->footprints && execution->limits.values[LIMIT_SYSCALLS] < LIMIT_SYSCALLS_NONE)
		return -EOPNOTSUPP;
	if (atomic_load(&pool->stopping))
		return -ESHUTDOWN;
	execution->submitted_nsec = clock_now_nsec();
	execution->dispatches = 0;
	atomic_store(&execution->cancelled, false);
	atomic_store(&execution->resumed, false);
	execution->row = tenant_get(&pool->tenants, execution->tenant);
	shard = shard_for(pool, home && home->pool == pool ? home : NULL, execution->row);
	execution->shard = shard;
	if (shard == home)
		result = shard_accept(shard, execution);
	else
		shard_post(shard, execution);
	if (result < 0)
		tenant_put(execution->row);
	return result;
}

void pool_cancel(struct pool *pool, struct execution *execution)
{
	atomic_store(&execution->cancelled, true);
	shard_attend(execution->shard);
}

void pool_resume(struct pool *pool, struct execution *execution)
{
	atomic_store(&execution->resumed, true);
	shard_attend(execution->shard);
}

unsigned pool_shards(const struct pool *pool)
{
	return pool->shard_count;
}
