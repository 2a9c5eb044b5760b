# SPDX-License-Identifier: Apache-2.0
# Two processes, each with 0.6 of the limit.
# expect: verdict=limit:memory limits=memory:64M,timeout:5s
# stops: cgroup (memory)
# proof: control none: it is about the limit being one for all processes
def take():
    pages = bytearray(38 << 20)
    for at in range(0, len(pages), 4096):
        pages[at] = 1
    time.sleep(30)


fork_quietly(take)
take()
