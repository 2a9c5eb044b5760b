// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/watchdog.h: tells systemd that the pool is alive, for as long as it is.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct pool;

/*
 * How often systemd wants to hear of this process at the least (WATCHDOG_USEC, WATCHDOG_PID), in
 * nanoseconds; 0: it does not. Removes the variables. 0, or -EINVAL with the sentence.
 */
int watchdog_take(uint64_t *ret_nsec, struct error *error);

/*
 * Sends WATCHDOG=1 twice as often, from a thread of its own, while every shard's loop turns; when
 * one is stuck it says so in the log and falls silent until that turns again. With 0 it does
 * nothing. 0, or a negative errno with the sentence.
 */
int watchdog_start(struct pool *pool, uint64_t nsec, struct error *error);

/* Before pool_stop(). */
void watchdog_stop(void);
