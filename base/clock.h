// SPDX-License-Identifier: Apache-2.0
/*
 * base/clock.h: time, in nanoseconds, from a clock that nobody can set.
 */
#pragma once

#include <stdint.h>

#define NSEC_PER_USEC UINT64_C(1000)
#define NSEC_PER_MSEC UINT64_C(1000000)
#define NSEC_PER_SEC UINT64_C(1000000000)

/* CLOCK_MONOTONIC: deadlines and latencies. */
uint64_t clock_now_nsec(void);

/* Waits until a moment of CLOCK_MONOTONIC; signals that are handled end it no earlier. */
void clock_wait_until(uint64_t due_nsec);

/* CPU time that a process has used so far, threads included, children not; 0 if it is gone. */
uint64_t clock_process_cpu_nsec(int pid);
