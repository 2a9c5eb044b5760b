// SPDX-License-Identifier: Apache-2.0
/*
 * jail/seccomp.c: the tables of jail/seccomp_policy.c made into programs and attached.
 *
 * Three programs. The list (libseccomp: architecture first, then a binary tree over the numbers)
 * and the conditions on arguments go onto the template. libseccomp cannot say "none of these
 * values" nor "the low half other than" in a list whose default is a refusal, so the conditions
 * are a program of their own; of two answers the kernel takes the stricter. The third program is
 * the newborn's.
 *
 * A call that all three answer without looking at an argument costs a bit test: since 5.11 the
 * kernel tries each number when a filter is attached and keeps the result. That trial is also
 * what attaching costs, so the newborn's program is laid out for short ways, not for few lines.
 */
#include "jail/seccomp.h"

#include "base/error.h"
#include "base/own.h"
#include "jail/seccomp_policy.h"

#include <assert.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Load, then per condition: number, load, mask, values, two answers; then the last answer. */
#define CONDITION_INSTRUCTIONS_MAX (5 + SECCOMP_VALUES_MAX)
#define PROGRAM_INSTRUCTIONS_MAX (2 + SECCOMP_CONDITIONS_MAX * CONDITION_INSTRUCTIONS_MAX)

static int filter_attach(const struct sock_filter *code, unsigned short length)
{
	const struct sock_fprog program = { length, (struct sock_filter *)code };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? -errno : 0;
}

/* A context for this machine's one architecture; all others, and x32, kill the process. */
static scmp_filter_ctx context_new(uint32_t usual)
{
	scmp_filter_ctx context = seccomp_init(usual);

	if (!context)
		return NULL;
	if (seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) ||
		seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0) ||
		seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2)) {
		seccomp_release(context);
		return NULL;
	}
	return context;
}

static int context_add(scmp_filter_ctx context, const struct seccomp_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = seccomp_rule_add_exact(context, rules[i].answer, rules[i].number, 0);

		if (r)
			return r;
	}
	return 0;
}

/* The compiled program of the context, which is released. */
static int context_export(
	scmp_filter_ctx context, struct sock_filter *code, size_t max, unsigned short *ret_length)
{
	AUTO_FD fd = memfd_create("seccomp-filter", MFD_CLOEXEC);
	ssize_t size = 0;
	int r = fd < 0 ? -errno : seccomp_export_bpf(context, fd);

	seccomp_release(context);
	if (r)
		return r;
	size = pread(fd, code, max * sizeof(*code), 0);
	if (size < 0)
		return -errno;
	if ((size_t)size == max * sizeof(*code))
		return -E2BIG;
	*ret_length = (unsigned short)((size_t)size / sizeof(*code));
	return 0;
}

static int rules_compile(uint32_t usual, const struct seccomp_rule *rules, size_t count,
	struct sock_filter *code, size_t max, unsigned short *ret_length)
{
	scmp_filter_ctx context = context_new(usual);
	int r = context ? context_add(context, rules, count) : -ENOMEM;

	if (r == 0)
		return context_export(context, code, max, ret_length);
	seccomp_release(context);
	return r;
}

/* The accumulator holds the call's number; it is lost only where the block answers. */
static struct sock_filter *condition_compile(const struct seccomp_condition *condition,
	struct sock_filter *code)
{
	const uint32_t low = offsetof(struct seccomp_data, args) + condition->argument * 8;
	const bool masked = condition->mask != UINT32_MAX;
	const bool these = condition->refusal == SECCOMP_REFUSE_THESE;
	const unsigned count = condition->value_count;

	assert(count > 0 && count <= SECCOMP_VALUES_MAX);
	*code++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
		(uint32_t)condition->number, 0, 1 + masked + count + 2);
	*code++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low);
	if (masked)
		*code++ = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, condition->mask);
	for (unsigned i = 0; i < count; i++)
		*code++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			condition->values[i], count - i, 0);
	*code++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
		these ? SECCOMP_RET_ALLOW : condition->answer);
	*code++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
		these ? condition->answer : SECCOMP_RET_ALLOW);
	return code;
}

static int conditions_attach(void)
{
	struct sock_filter program[PROGRAM_INSTRUCTIONS_MAX], *code = program;

	assert(seccomp_condition_count <= SECCOMP_CONDITIONS_MAX);
	*code++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < seccomp_condition_count; i++)
		code = condition_compile(&seccomp_conditions[i], code);
	*code++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return filter_attach(program, (unsigned short)(code - program));
}

int seccomp_allowed_filter_build(struct seccomp_allowed_filter *ret_filter, struct error *error)
{
	int r = rules_compile(SCMP_ACT_ERRNO(ENOSYS), seccomp_rules, seccomp_rule_count,
		ret_filter->code, SECCOMP_ALLOWED_INSTRUCTIONS_MAX, &ret_filter->length);

	if (r)
		return error_set(error, r, "cannot compile the list of allowed system calls: %s",
			error_text(r));
	return 0;
}

int seccomp_allowed_filter_attach(const struct seccomp_allowed_filter *filter, struct error *error)
{
	int r = filter_attach(filter->code, filter->length);

	if (r)
		return error_set(error, r, "cannot attach the list of allowed system calls: %s",
			error_text(r));
	r = conditions_attach();
	if (r)
		return error_set(error, r, "cannot attach the conditions on system calls: %s",
			error_text(r));
	return 0;
}

int seccomp_attach_allowed(struct error *error)
{
	struct seccomp_allowed_filter filter;
	int r = seccomp_allowed_filter_build(&filter, error);

	return r ? r : seccomp_allowed_filter_attach(&filter, error);
}

int seccomp_birth_filter_build(struct seccomp_birth_filter *ret_filter, struct error *error)
{
	int r = rules_compile(SCMP_ACT_ALLOW, seccomp_birth_rules, seccomp_birth_rule_count,
		ret_filter->code, SECCOMP_BIRTH_INSTRUCTIONS_MAX, &ret_filter->length);

	if (r)
		return error_set(error, r, "cannot compile the filter of newborns: %s",
			error_text(r));
	return 0;
}

int seccomp_birth_filter_attach(const struct seccomp_birth_filter *filter)
{
	return filter_attach(filter->code, filter->length);
}
