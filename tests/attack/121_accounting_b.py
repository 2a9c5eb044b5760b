# SPDX-License-Identifier: Apache-2.0
# Does nothing, and must be told so.
# expect: verdict=ok cpu_max=100ms memory_max=24M
# stops: cgroup, daemon
# proof: 121 a is told what it used
print("here")
