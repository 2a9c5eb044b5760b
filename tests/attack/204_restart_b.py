# SPDX-License-Identifier: Apache-2.0
# Has nothing to go on with.
# expect: verdict=ok stdout=held limits=timeout:2s
# stops: daemon
# proof: see 204_restart_a
expect(syscall(219) == -EINTR, "another's call goes on")
held()
