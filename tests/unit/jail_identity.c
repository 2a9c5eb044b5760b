// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_identity.c: what a newborn is left with, as the kernel tells it. Needs root.
 */
#include "jail/identity.h"

#include "tests/unit/jail_child.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define UID 61234
#define GID 61235

static const struct identity_limits limits = { .open_files = 64, .file_bytes = 4096, .pids = 32 };

static int become_nobody(void)
{
	int r = identity_set_no_new_privs();

	if (!r)
		r = identity_bound_capabilities();
	if (!r)
		r = identity_drop_to(UID, GID);
	if (!r)
		r = identity_tie_to_parent();
	return r;
}

static int status_of_nobody(void *argument)
{
	char *text = argument;
	int r = become_nobody();
	int fd = r ? -1 : open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, 4095) <= 0)
		return 1;
	close(fd);
	return identity_verify_powerless() == 0 ? 0 : 2;
}

Test(identity, leaves_no_privilege)
{
	static const char *const lines[] = {
		"\nUid:\t61234\t61234\t61234\t61234\n",
		"\nGid:\t61235\t61235\t61235\t61235\n",
		"\nGroups:\t \n",
		"\nCapInh:\t0000000000000000\n",
		"\nCapPrm:\t0000000000000000\n",
		"\nCapEff:\t0000000000000000\n",
		"\nCapBnd:\t0000000000000000\n",
		"\nCapAmb:\t0000000000000000\n",
		"\nNoNewPrivs:\t1\n",
	};
	char *text = shared_new(4096);

	cr_assert_eq(child_run(status_of_nobody, text), 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		cr_assert(strstr(text, lines[i]), "not in /proc/self/status: %s", lines[i]);
}

/* The least that the worker itself can make of it. */
static int score_lowered(void *argument)
{
	int *lowest = argument;

	if (identity_raise_oom_score() || become_nobody())
		return 1;
	for (*lowest = -1000; *lowest < 1000; ++*lowest) {
		char text[8];
		int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
		int size = snprintf(text, sizeof(text), "%d", *lowest);
		bool done = write(fd, text, (size_t)size) == size;

		close(fd);
		if (done)
			break;
	}
	return 0;
}

static bool has_resource_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2];

	return syscall(SYS_capget, &header, sets) == 0 &&
		sets[0].effective & 1u << CAP_SYS_RESOURCE;
}

Test(identity, dies_for_want_of_memory_before_its_parent_whatever_it_writes)
{
	int *lowest = shared_new(sizeof(*lowest)), own;
	FILE *file = fopen("/proc/self/oom_score_adj", "re");

	cr_assert_eq(fscanf(file, "%d", &own), 1);
	fclose(file);
	cr_assert_eq(child_run(score_lowered, lowest), 0);
	cr_expect_geq(*lowest, has_resource_capability() ? 1000 : own);
}

static int come_back(void *argument)
{
	(void)argument;
	if (become_nobody())
		return 1;
	return setuid(0) == 0 || setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0;
}

Test(identity, has_no_way_back)
{
	cr_assert_eq(child_run(come_back, NULL), 0);
}

Test(identity, does_not_drop_to_root)
{
	cr_assert_eq(identity_drop_to(0, GID), -EINVAL);
	cr_assert_eq(identity_drop_to(UID, 0), -EINVAL);
}

static int drop_with_bounding_set(void *argument)
{
	(void)argument;
	if (identity_drop_to(UID, GID))
		return 1;
	return identity_verify_powerless() == -EPERM ? 0 : 2;
}

Test(identity, sees_the_power_that_is_left)
{
	cr_assert_eq(identity_verify_powerless(), -EPERM, "root is not powerless");
	cr_assert_eq(child_run(drop_with_bounding_set, NULL), 0, "the bounding set is a power");
}

static int limit_is(int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit now;

	return getrlimit(resource, &now) == 0 && now.rlim_cur == soft && now.rlim_max == hard;
}

static int limits_read_back(void *argument)
{
	(void)argument;
	if (identity_set_limits(&limits))
		return 1;
	if (!limit_is(RLIMIT_NOFILE, 64, 64) || !limit_is(RLIMIT_FSIZE, 4096, 4096) ||
		!limit_is(RLIMIT_NPROC, 32, 32))
		return 2;
	if (!limit_is(RLIMIT_CORE, 1, 1) || !limit_is(RLIMIT_NICE, 0, 0) ||
		!limit_is(RLIMIT_RTPRIO, 0, 0) || !limit_is(RLIMIT_MEMLOCK, 65536, 65536) ||
		!limit_is(RLIMIT_STACK, 8 << 20, 64 << 20))
		return 3;
	return 0;
}

Test(identity, sets_limits_as_told)
{
	cr_assert_eq(child_run(limits_read_back, NULL), 0);
}

static int limits_bite(void *argument)
{
	int fd = memfd_create("limits", MFD_CLOEXEC);

	(void)argument;
	signal(SIGXFSZ, SIG_IGN);
	if (identity_set_limits(&limits))
		return 1;
	if (fcntl(fd, F_DUPFD_CLOEXEC, 64) >= 0 || errno != EINVAL)
		return 2;
	if (ftruncate(fd, 4097) == 0 || errno != EFBIG)
		return 3;
	return ftruncate(fd, 4096) == 0 ? 0 : 4;
}

Test(identity, sets_limits_that_bite)
{
	cr_assert_eq(child_run(limits_bite, NULL), 0);
}

static int raise_limits(void *argument)
{
	const struct rlimit low = { .rlim_cur = 20, .rlim_max = 40 };

	(void)argument;
	if (setrlimit(RLIMIT_NOFILE, &low) || identity_set_limits(&limits))
		return 1;
	return limit_is(RLIMIT_NOFILE, 40, 40) ? 0 : 2;
}

Test(identity, never_raises_a_hard_limit)
{
	cr_assert_eq(child_run(raise_limits, NULL), 0);
}

static int keyring_of_its_own(void *argument)
{
	long outer = *(long *)argument;

	if (identity_join_keyring())
		return 1;
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) == outer;
}

Test(identity, joins_a_keyring_of_its_own)
{
	/* 1: make one if there is none, as a child without one would get its user's. */
	long outer = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1);

	cr_assert_gt(outer, 0);
	cr_assert_eq(child_run(keyring_of_its_own, &outer), 0);
}

/* A parent that ends once its child, which holds the pipe open, has tied itself to it. */
static int parent_that_dies(void *argument)
{
	int *held = argument, tied[2];
	char byte;

	if (pipe2(tied, O_CLOEXEC))
		return 1;
	if (fork() == 0) {
		close(tied[0]);
		if (become_nobody() || write(tied[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(tied[1]);
	close(held[1]);
	return read(tied[0], &byte, 1) == 1 ? 0 : 2;
}

Test(identity, dies_with_its_parent, .timeout = 20)
{
	int held[2];
	char byte;

	cr_assert_eq(pipe2(held, O_CLOEXEC), 0);
	cr_assert_eq(child_run(parent_that_dies, held), 0);
	close(held[1]);
	cr_assert_eq(read(held[0], &byte, 1), 0, "its end of the pipe closes when it is dead");
	close(held[0]);
}
