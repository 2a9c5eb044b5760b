# SPDX-License-Identifier: Apache-2.0
# Creeps to just under the limit and sits there working.
# expect: verdict=ok limits=memory:64M,timeout:10s stdout=held memory_max=64M
# stops: cgroup (memory)
# proof: control none: outside there is no limit to be under
pages = bytearray(44 << 20)
for turn in range(4):
    for at in range(0, len(pages), 4096):
        pages[at] = turn
expect(pages[-4096] == 3, "the pages keep their contents")
held()
