// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_probe.c: the tries find what is there, say what is missing, and leave nothing.
 * Needs root.
 */
#include "jail/probe.h"

#include "jail/landlock.h"
#include "tests/unit/jail_child.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const enum layer layers[] = {
	LAYER_NAMESPACES, LAYER_VIEW, LAYER_IDS, LAYER_SECCOMP, LAYER_LANDLOCK,
};

#define LAYERS (sizeof(layers) / sizeof(layers[0]))

Test(probe, finds_enforced_what_root_can_have, .timeout = 60)
{
	int abi = landlock_abi();

	for (size_t i = 0; i < LAYERS; i++) {
		enum layer_state expected = LAYER_ENFORCED;
		struct layer_status status;

		if (layers[i] == LAYER_LANDLOCK && abi < 6)
			expected = abi < 0 ? LAYER_ABSENT : LAYER_DEGRADED;
		memset(&status, 0xff, sizeof(status));
		probe_layer(layers[i], &status);
		cr_expect_eq(status.state, expected, "%s: %s: %s", layer_name(layers[i]),
			layer_state_name(status.state), status.detail);
		cr_expect(memchr(status.detail, '\0', sizeof(status.detail)) && status.detail[0]);
	}
}

static int probe_as_nobody(void *argument)
{
	struct layer_status *statuses = argument;

	if (setgid(65534) || setuid(65534))
		return 1;
	for (size_t i = 0; i < LAYERS; i++)
		probe_layer(layers[i], &statuses[layers[i]]);
	return 0;
}

Test(probe, says_what_is_missing_and_how_to_mend_it, .timeout = 60)
{
	struct layer_status *statuses = shared_new(sizeof(*statuses) * LAYER_COUNT);
	static const enum layer roots[] = { LAYER_NAMESPACES, LAYER_VIEW, LAYER_IDS };

	cr_assert_eq(child_run(probe_as_nobody, statuses), 0);
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		cr_expect_eq(statuses[roots[i]].state, LAYER_ABSENT, "%s", layer_name(roots[i]));
		cr_expect(strstr(statuses[roots[i]].detail, "run as root"), "%s: %s",
			layer_name(roots[i]), statuses[roots[i]].detail);
	}
	cr_expect_eq(statuses[LAYER_SECCOMP].state, LAYER_ENFORCED, "%s",
		statuses[LAYER_SECCOMP].detail);
}

static int descriptors_open(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void mounts_read(char *text, size_t size)
{
	FILE *file = fopen("/proc/self/mounts", "re");

	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
}

Test(probe, leaves_the_caller_as_it_was, .timeout = 60)
{
	static char mounts[65536], mounts_after[65536];
	int descriptors = descriptors_open();
	struct layer_status status;

	mounts_read(mounts, sizeof(mounts));
	for (size_t i = 0; i < LAYERS; i++)
		probe_layer(layers[i], &status);
	mounts_read(mounts_after, sizeof(mounts_after));
	cr_expect_str_eq(mounts_after, mounts);
	cr_expect_eq(descriptors_open(), descriptors);
	cr_expect_eq(waitpid(-1, NULL, __WALL | WNOHANG), -1, "a child is left");
	cr_expect_eq(access("/usr/corral-probe", F_OK), -1);
}
