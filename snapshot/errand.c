// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/errand.c: the list of calls, the way there, and what came of it.
 */
#include "snapshot/errand.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

/* struct rseq (rseq(2)): where a thread says which of its code is to be started over. */
#define RSEQ_CRITICAL_SECTION 8

static_assert(ERRAND_CALLS_MAX % 64 == 0, "whole words of bits");

static struct restorer_call *calls_of(const struct errand *errand)
{
	return (struct restorer_call *)(errand->shared + ERRAND_DATA_BYTES);
}

static uint64_t calls_address(const struct errand *errand)
{
	return errand->address + ERRAND_DATA_BYTES;
}

void errand_add(struct errand *errand, const struct restorer_call *call)
{
	assert(errand->count < ERRAND_CALLS_MAX);
	calls_of(errand)[errand->count++] = *call;
}

void errand_add_exact(struct errand *errand, const struct restorer_call *call, int64_t result)
{
	assert(errand->exact_count < ERRAND_EXACT_MAX);
	errand->exact[errand->exact_count++] = (struct errand_exact){ errand->count, result };
	errand_add(errand, call);
}

void errand_add_any(struct errand *errand, const struct restorer_call *call)
{
	errand->any[errand->count / 64] |= UINT64_C(1) << (errand->count % 64);
	errand_add(errand, call);
}

static int rseq_clear(const struct tracee *tracee, uint64_t rseq)
{
	uint64_t none = 0;
	struct iovec local = { &none, sizeof(none) };
	struct iovec remote = { (void *)(uintptr_t)(rseq + RSEQ_CRITICAL_SECTION), sizeof(none) };

	if (rseq && process_vm_writev(tracee->pid, &local, 1, &remote, 1, 0) != sizeof(none))
		return -EFAULT;
	return 0;
}

int errand_start(const struct errand *errand, struct tracee *tracee,
	const struct user_regs_struct *general, uint64_t rseq)
{
	struct user_regs_struct registers = *general;
	int result = rseq_clear(tracee, rseq);

	if (result < 0)
		return result;
	registers.rip = errand->restorer;
	registers.RESTORER_REGISTER_CALLS = calls_address(errand);
	registers.RESTORER_REGISTER_COUNT = errand->count;
	/* It is in no system call that could be made again. */
	registers.orig_rax = (unsigned long long)-1;
	return tracee_run(tracee, &registers);
}

static int64_t result_wanted(const struct errand *errand, unsigned index)
{
	for (unsigned i = 0; i < errand->exact_count; i++)
		if (errand->exact[i].index == index)
			return errand->exact[i].result;
	return 0;
}

int errand_check(const struct errand *errand, struct tracee *tracee)
{
	const struct restorer_call *calls = calls_of(errand);
	uint64_t end = calls_address(errand) + errand->count * sizeof(*calls);
	struct user_regs_struct registers;
	int result;

	if (tracee->stop != TRACEE_SIGNALLED || tracee->signal != SIGTRAP)
		return -EPROTO;
	result = tracee_get_general(tracee, &registers);
	if (result < 0)
		return result;
	if (registers.rip != errand->restorer + restorer_end() ||
		registers.RESTORER_REGISTER_CALLS != end || registers.RESTORER_REGISTER_COUNT != 0)
		return -ENOTSUP;
	tracee->stop = TRACEE_INTERRUPTED;
	tracee->signal = 0;
	for (unsigned i = 0; i < errand->count; i++) {
		int64_t found = __atomic_load_n(&calls[i].result, __ATOMIC_RELAXED);
		bool is_any = errand->any[i / 64] >> (i % 64) & 1;

		if (!is_any && found != result_wanted(errand, i))
			return -ENOTSUP;
	}
	return 0;
}
