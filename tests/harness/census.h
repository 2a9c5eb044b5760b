// SPDX-License-Identifier: Apache-2.0
/*
 * tests/harness/census.h: what a process and its host hold, counted before and after.
 *
 * A census is taken twice; whatever the second has and the first had not is a leak, told to the
 * caller in one sentence each. Fixed tables: a process with more than CENSUS_MAX descriptors, or a
 * host with more than CENSUS_MAX mounts, is counted up to there.
 */
#pragma once

#define CENSUS_MAX 1024
#define CENSUS_NAME_BYTES 160

struct census_item {
	unsigned long long number; /* descriptor, mount id; 0 for a control group */
	char name[CENSUS_NAME_BYTES];
};

struct census {
	unsigned count;
	struct census_item items[CENSUS_MAX];
};

typedef void (*census_leak)(const char *sentence);

/* The open descriptors of this process. */
void census_descriptors(struct census *ret_census);

/* The mounts that this process sees. */
void census_mounts(struct census *ret_census);

/*
 * The directories corral.<pid>.<start time> in the cgroup hierarchies whose daemon is no more: a
 * daemon that lives at the same time is somebody else's.
 */
void census_cgroups(struct census *ret_census);

/* Calls `leak` for each item that is in one census and not in the other; returns how many. */
unsigned census_compare_descriptors(
	const struct census *before, const struct census *after, census_leak leak);

/* Calls `leak` with "leaves <what> <name> behind" for each item that is new. */
unsigned census_compare_names(const struct census *before, const struct census *after,
	const char *what, census_leak leak);

/* Calls `leak` for a child of this process that lives, or has ended and was not waited for. */
unsigned census_children(census_leak leak);
