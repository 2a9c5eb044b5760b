// SPDX-License-Identifier: Apache-2.0
/*
 * jail/layer.h: the names of the layers, and what is known about each on this machine.
 *
 * A layer is tried, never assumed. What was asked for and could not be had is `degraded` (a part
 * works) or `absent`, with a sentence that says why and what to do.
 */
#pragma once

#include <stdint.h>

enum layer {
	LAYER_NAMESPACES,   /* pid, mount, ipc, uts, cgroup, net */
	LAYER_VIEW,         /* read-only system directories, private tmpfs */
	LAYER_IDS,          /* own uid, no capabilities, no_new_privs, own keyring, rlimits */
	LAYER_CGROUP,       /* memory, pids, cpu */
	LAYER_SECCOMP,
	LAYER_LANDLOCK,
	LAYER_BPF_TRACING,  /* footprints: it watches, refuses budgets, proves what was not done */
	LAYER_COUNT,
};

enum layer_state { LAYER_ABSENT, LAYER_DEGRADED, LAYER_ENFORCED };

struct layer_status {
	enum layer_state state;
	char detail[160]; /* "v1 memory, pids, cpu beside a v2 tree"; if not: why, what to do */
};

/* "namespaces", "seccomp"… */
const char *layer_name(enum layer layer);
const char *layer_state_name(enum layer_state state);
