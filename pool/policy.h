// SPDX-License-Identifier: Apache-2.0
/*
 * pool/policy.h: what becomes of a worker between executions: what a pool or a request asks for,
 * and what is done.
 *
 * Both ask, and the stricter of the two counts: so a request can have more isolation than the pool
 * gives to all, never less.
 */
#pragma once

/* The strictest first. Zero, what nobody chose, is the strictest. */
enum reset_policy {
	RESET_REPLACE, /* it ran nothing before, and runs nothing after */
	RESET_AUTO,    /* rewound, for one tenant: no other's executions before or after */
	RESET_REWIND,  /* rewound, whosever they are */
	RESET_POLICY_COUNT,
};

/* "replace", "auto", "rewind". */
extern const char *const reset_policy_names[RESET_POLICY_COUNT];

#define RESET_POLICY_FORM "replace, auto or rewind"

/* 0 or -EINVAL for what is no name of one. */
int reset_policy_parse(const char *text, enum reset_policy *ret_policy);

enum reset_policy reset_policy_stricter(enum reset_policy one, enum reset_policy other);

/* What is done behind an execution, and why it is not a rewind. */
enum reset {
	RESET_REWOUND,
	RESET_BY_POLICY,    /* replaced because it was asked for */
	RESET_BY_KERNEL,    /* no footprint, or stops are not heard of */
	RESET_BY_ENDING,    /* it did not end by its end record */
	RESET_BY_IMAGE,     /* its template has none, yet or any more */
	RESET_BY_PROCESSES, /* it had children */
	RESET_BY_THREADS,
	RESET_BY_FOOTPRINT, /* it made other calls that leave what nobody mends */
	RESET_BY_FILES,     /* its cell's files are not as they were */
	RESET_COUNT,
};

/* As a result tells it: "rewind", "replace:policy"… */
extern const char *const reset_names[RESET_COUNT];
