// SPDX-License-Identifier: Apache-2.0
/*
 * jail/probe.h: what holds on this machine, found out by trying it.
 *
 * Each try is a child of its own that builds the layer with the very functions that build a
 * worker, attacks it, says what came of it and is gone: nothing of the caller changes.
 */
#pragma once

#include "jail/layer.h"

/*
 * Any layer but LAYER_CGROUP (see cgroups_status()) and LAYER_BPF_TRACING (footprints_open()).
 * Always fills in the status: a try that could not be made is an absent layer. Forks, so call it
 * before there are threads. A child that hangs is given up after 10 seconds.
 */
void probe_layer(enum layer layer, struct layer_status *ret_status);
