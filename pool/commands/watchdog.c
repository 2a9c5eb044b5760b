// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/watchdog.c: a ping is worth what it proves.
 *
 * This thread itself would go on for ever beside a daemon that serves nobody. So each ping follows
 * a turn of every shard's loop that was asked for after the ping before it.
 */
#include "pool/commands/watchdog.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/quantity.h"
#include "pool/commands/notify.h"
#include "pool/pulse.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define USEC_MAX (UINT64_C(3600) * 1000000)

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool runs, over;
	struct pool *pool;
	uint64_t interval_nsec;
} watchdog = { .lock = PTHREAD_MUTEX_INITIALIZER };

int watchdog_take(uint64_t *ret_nsec, struct error *error)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t value = 0, meant = (uint64_t)getpid();
	int result = 0;

	if (usec && (quantity_parse_count(usec, &value) < 0 || !value || value > USEC_MAX))
		result = error_set(error, -EINVAL, "WATCHDOG_USEC cannot be '%.32s': give"
			" microseconds, an hour at most", usec);
	else if (usec && pid && quantity_parse_count(pid, &meant) < 0)
		result = error_set(error, -EINVAL, "WATCHDOG_PID cannot be '%.32s': it is the"
			" process that is watched", pid);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (result == 0)
		*ret_nsec = meant == (uint64_t)getpid() ? value * NSEC_PER_USEC : 0;
	return result;
}

static void pulse_judge(bool *is_silent)
{
	int stuck = pool_pulse_missing(watchdog.pool);

	if (stuck < 0) {
		notify_send("WATCHDOG=1");
		pool_pulse_ask(watchdog.pool);
	} else if (!*is_silent) {
		log_error("shard %d: its loop does not turn; systemd's watchdog is not told that"
			" we live", stuck);
	}
	*is_silent = stuck >= 0;
}

static void *watch(void *argument)
{
	uint64_t due;
	bool is_silent = false;

	pool_pulse_ask(watchdog.pool);
	pthread_mutex_lock(&watchdog.lock);
	while (!watchdog.over) {
		due = clock_now_nsec() + watchdog.interval_nsec;
		struct timespec at = { .tv_sec = (time_t)(due / NSEC_PER_SEC),
			.tv_nsec = (long)(due % NSEC_PER_SEC) };
		int result = 0;

		while (!watchdog.over && result == 0)
			result = pthread_cond_timedwait(&watchdog.ended, &watchdog.lock, &at);
		if (!watchdog.over)
			pulse_judge(&is_silent);
	}
	pthread_mutex_unlock(&watchdog.lock);
	return NULL;
}

int watchdog_start(struct pool *pool, uint64_t nsec, struct error *error)
{
	pthread_condattr_t attributes;
	int result;

	if (!nsec)
		return 0;
	watchdog.pool = pool;
	watchdog.interval_nsec = nsec / 2;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&watchdog.ended, &attributes);
	pthread_condattr_destroy(&attributes);
	result = -pthread_create(&watchdog.thread, NULL, watch, NULL);
	watchdog.runs = result == 0;
	return result == 0 ? 0 : error_set(error, result, "cannot start the watchdog's thread: %s",
						 error_text(result));
}

void watchdog_stop(void)
{
	if (!watchdog.runs)
		return;
	pthread_mutex_lock(&watchdog.lock);
	watchdog.over = true;
	pthread_cond_signal(&watchdog.ended);
	pthread_mutex_unlock(&watchdog.lock);
	pthread_join(watchdog.thread, NULL);
	watchdog.runs = false;
}
