# SPDX-License-Identifier: Apache-2.0
# An orphan holds the write ends of the pipes for ever: the end must not hang on an end of file.
# expect: verdict=ok limits=timeout:10s stdout=held wall_max=2s
# stops: daemon (the leader's end is the end)
# proof: control none: outside the reader would wait
fork_quietly(lambda: (os.setsid(), time.sleep(10**6)))
held()
