// SPDX-License-Identifier: Apache-2.0
/*
 * jail/layer.c: the words that doctor, the API and `require` in the configuration use for layers.
 */
#include "jail/layer.h"

#include <assert.h>

static const char *const layer_names[LAYER_COUNT] = {
	[LAYER_NAMESPACES] = "namespaces",
	[LAYER_VIEW] = "view",
	[LAYER_IDS] = "ids",
	[LAYER_CGROUP] = "cgroup",
	[LAYER_SECCOMP] = "seccomp",
	[LAYER_LANDLOCK] = "landlock",
	[LAYER_BPF_TRACING] = "bpf-tracing",
};

static const char *const layer_state_names[] = {
	[LAYER_ABSENT] = "absent",
	[LAYER_DEGRADED] = "degraded",
	[LAYER_ENFORCED] = "enforced",
};

const char *layer_name(enum layer layer)
{
	assert((unsigned)layer < LAYER_COUNT);
	return layer_names[layer];
}

const char *layer_state_name(enum layer_state state)
{
	assert((unsigned)state <= LAYER_ENFORCED);
	return layer_state_names[state];
}
