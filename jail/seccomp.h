// SPDX-License-Identifier: Apache-2.0
/*
 * jail/seccomp.h: which system calls a worker may make.
 *
 * Two filters. The long one, an allow-list built by libseccomp, is attached once, in the template,
 * and inherited by every worker (attaching costs 2 ms for 1,000 instructions, inheriting nothing).
 * It still lets through what a template's births need: setns, clone3, mount-free namespace entry,
 * id changes, landlock. The short one is attached by each newborn and refuses exactly those.
 *
 * Answers: foreign architectures and x32 kill the process; what is known and dangerous gets EPERM;
 * clone3 and every number that is not in the list get ENOSYS, so that the C library falls back.
 */
#pragma once

#include "base/error.h"

#include <linux/filter.h>
#include <stddef.h>

#define SECCOMP_ALLOWED_INSTRUCTIONS_MAX 1024

/* The long filter, compiled: building it takes memory, which a sealed template must not do. */
struct seccomp_allowed_filter {
	struct sock_filter code[SECCOMP_ALLOWED_INSTRUCTIONS_MAX];
	unsigned short length;
};

int seccomp_allowed_filter_build(struct seccomp_allowed_filter *ret_filter, struct error *error);

/* To the calling thread. Needs no_new_privs or CAP_SYS_ADMIN. */
int seccomp_allowed_filter_attach(const struct seccomp_allowed_filter *filter, struct error *error);

/* Both at once, for callers that do not care when. */
int seccomp_attach_allowed(struct error *error);

#define SECCOMP_BIRTH_INSTRUCTIONS_MAX 96

/* The short filter, compiled once and attached by every newborn. */
struct seccomp_birth_filter {
	struct sock_filter code[SECCOMP_BIRTH_INSTRUCTIONS_MAX];
	unsigned short length;
};

int seccomp_birth_filter_build(struct seccomp_birth_filter *ret_filter, struct error *error);

/* 0 or a negative errno. One prctl(2). */
int seccomp_birth_filter_attach(const struct seccomp_birth_filter *filter);
