# SPDX-License-Identifier: Apache-2.0
# What it is told to have used stays what it is, however often the other ran.
# expect: verdict=ok memory_max=24M repeat=10
# stops: cgroup, daemon
# proof: 122_creep_a is told what it used
print("here")
