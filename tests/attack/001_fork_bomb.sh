#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shell's own fork bomb.
# expect: verdict=limit:pids|timeout limits=timeout:400ms wall_max=1400ms
# stops: cgroup (pids), rlimit (nproc)
# proof: control none: it would take the machine with it; 002 counts what it gets
bomb() { bomb | bomb & }
bomb 2>/dev/null
while :; do bomb 2>/dev/null; done
