// SPDX-License-Identifier: Apache-2.0
/*
 * bpf/footprints.h: what the processes of each slot's cell do, as the kernel sees it.
 *
 * Five small programs on the kernel's own tracepoints (bpf/footprint.bpf.c) write a record a slot
 * into an array that is mapped here, so that arming and reading one are plain loads and stores.
 * They stay for as long as the object is open, and cost every system call of the machine 0.1 us.
 *
 * A footprint proves what an execution did not do, and its counters go into the execution's
 * usage. What cannot be recorded here is an absent layer, never a guess.
 */
#pragma once

#include "base/error.h"
#include "bpf/event.h"

#include <stdbool.h>
#include <stdint.h>

struct footprints;

/*
 * Loads and attaches the programs for the slots 0 to slot_count - 1, whose processes have the uids
 * uid_first + slot and nobody else has. 0 and *ret_footprints, which the caller closes; else a
 * negative errno with the sentence, and nothing is left behind. Needs CAP_BPF and CAP_PERFMON and
 * a kernel with BTF (5.11; sized array maps since 5.5).
 */
int footprints_open(struct footprints **ret_footprints, unsigned slot_count, uint32_t uid_first,
	struct error *error);
void footprints_close(struct footprints *footprints);

/* The slot's record, for as long as `footprints` is open. NULL where that is NULL. */
struct footprint *footprints_slot(struct footprints *footprints, unsigned slot);

/*
 * Forgets what the record holds and lets FOOTPRINT_MARK begin it anew. To call while nobody of the
 * cell runs. The budgets: 0 is none; who uses more gets SIGKILL, at each system call or when it
 * leaves the CPU, and the record says which.
 */
void footprint_arm(struct footprint *footprint, uint64_t calls_max, uint64_t cpu_nsec_max);

/* Nothing is recorded until the next arming; what was, stays. */
void footprint_stop(struct footprint *footprint);

/* A copy of what was recorded so far. */
struct footprint footprint_read(const struct footprint *footprint);

/*
 * Whether the call, or the use (enum footprint_use), was made, by whomever. A use is not the call's
 * own number as well. Numbers without a bit of their own have one together.
 */
bool footprint_has_call(const struct footprint *footprint, unsigned number);
