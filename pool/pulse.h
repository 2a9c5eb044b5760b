// SPDX-License-Identifier: Apache-2.0
/*
 * pool/pulse.h: whether every shard's loop still turns.
 *
 * Asked and felt by one thread, which lets time pass between the two: a loop that does not turn for
 * that long is stuck, since whatever a shard does for one thing is short.
 */
#pragma once

struct pool;

/* Asks each shard to show that it turns. */
void pool_pulse_ask(struct pool *pool);

/* The first shard that has not turned since it was asked, or -1: all have. */
int pool_pulse_missing(const struct pool *pool);
