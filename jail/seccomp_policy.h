// SPDX-License-Identifier: Apache-2.0
/*
 * jail/seccomp_policy.h: the answers to system calls, as tables. Private to jail/seccomp.c.
 *
 * An answer is what libseccomp and the kernel both take: SCMP_ACT_ALLOW or SCMP_ACT_ERRNO(n).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct seccomp_rule {
	int number;
	uint32_t answer;
};

enum seccomp_refusal { SECCOMP_REFUSE_THESE, SECCOMP_REFUSE_OTHERS };

#define SECCOMP_VALUES_MAX 4

/*
 * A call whose answer hangs on one argument. Only the low half of it is looked at, because the
 * kernel takes no more of these: bits in the upper half change nothing, here or there.
 */
struct seccomp_condition {
	int number; /* each stands once in the table */
	unsigned argument;
	uint32_t mask;
	enum seccomp_refusal refusal;
	uint32_t answer; /* to what is refused; the rest goes through */
	unsigned value_count;
	uint32_t values[SECCOMP_VALUES_MAX];
};

extern const struct seccomp_rule seccomp_rules[];
extern const size_t seccomp_rule_count;

#define SECCOMP_CONDITIONS_MAX 16

extern const struct seccomp_condition seccomp_conditions[];
extern const size_t seccomp_condition_count;

/* What only a birth needs: let through by the tables above, refused by the short filter. */
extern const struct seccomp_rule seccomp_birth_rules[];
extern const size_t seccomp_birth_rule_count;
