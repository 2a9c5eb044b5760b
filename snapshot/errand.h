// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/errand.h: system calls that a process which is held still is made to make.
 *
 * What only a process itself can change (its descriptors, signal dispositions, mappings) it changes
 * in our name: the calls are written into memory that it shares with us, its registers are set to
 * the restorer (ring/restorer.h), it goes on, and traps behind the last call. Then the results are
 * read. All of them in one stop more, which is waited for as the first one was.
 *
 * Nothing of the process's own takes part. All signals are blocked but the one that the trap is
 * told by, so no handler runs; what the C library may have registered for restartable sequences is
 * cleared first, so the kernel diverts it nowhere (rseq(2)); the restorer needs no memory but the
 * calls, which no other thread is there to change (the caller knows that there is one, and that
 * nobody shares its memory). Its seccomp filter holds: only what any program may call can be asked.
 */
#pragma once

#include "ring/restorer.h"
#include "snapshot/tracee.h"

#include <stddef.h>

#define ERRAND_CALLS_MAX 448u
#define ERRAND_EXACT_MAX 4u
#define ERRAND_DATA_BYTES 4096u
#define ERRAND_BYTES (ERRAND_DATA_BYTES + ERRAND_CALLS_MAX * sizeof(struct restorer_call))

struct errand {
	uint8_t *shared;    /* ERRAND_BYTES here: data, then calls */
	uint64_t address;   /* the same in the process */
	uint64_t restorer;  /* its page in the process */
	unsigned count;
	/* Results must be 0, but for these. */
	unsigned exact_count;
	struct errand_exact {
		unsigned index;
		int64_t result;
	} exact[ERRAND_EXACT_MAX];
	uint64_t any[ERRAND_CALLS_MAX / 64]; /* a bit a call: whatever */
};

/* An errand without calls. */
static inline void errand_init(
	struct errand *errand, uint8_t *shared, uint64_t address, uint64_t restorer)
{
	*errand = (struct errand){
		.shared = shared, .address = address, .restorer = restorer,
	};
}

static inline bool errand_has_room(const struct errand *errand, unsigned calls)
{
	return errand->count + calls <= ERRAND_CALLS_MAX;
}

/* Adds a call whose result must be 0. There is room, or the errand is wrong. */
void errand_add(struct errand *errand, const struct restorer_call *call);
void errand_add_exact(struct errand *errand, const struct restorer_call *call, int64_t result);
void errand_add_any(struct errand *errand, const struct restorer_call *call);

/*
 * Lets the stopped process go on its errand. `general` are registers that it may have meanwhile
 * (segments and flags are taken from them); `rseq` is the address of its area for restartable
 * sequences, or 0. Wait for its stop, then errand_check(). 0, -ESRCH, -EFAULT (that area cannot be
 * written) or another negative errno: then end it.
 */
int errand_start(const struct errand *errand, struct tracee *tracee,
	const struct user_regs_struct *general, uint64_t rseq);

/*
 * Of one that stopped: 0: all calls were made, with the results that they must have. -ENOTSUP: one
 * had another, or a SIGTRAP was waiting for it on the way; -EPROTO: it stopped for any other
 * reason; -ESRCH. The signal of the trap is used up: it is held as if it had been interrupted.
 */
int errand_check(const struct errand *errand, struct tracee *tracee);
