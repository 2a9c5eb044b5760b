# SPDX-License-Identifier: Apache-2.0
# A process of its own session sleeps past the end and then writes.
# expect: verdict=ok limits=timeout:5s wall_max=2s
# stops: namespaces (pid), daemon (an empty cell before reuse)
# proof: control none: outside a daemon lives on, as everybody knows
def lurk():
    os.setsid()
    os.chdir("/")
    for turn in range(1000):
        time.sleep(0.01)
        with open("/tmp/evil", "a") as file:
            file.write("late\n")


if os.fork() == 0:
    if os.fork() == 0:
        lurk()
    os._exit(0)
os.wait()
