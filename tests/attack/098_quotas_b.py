# SPDX-License-Identifier: Apache-2.0
# On the other slot, meanwhile: its own share is there.
# expect: verdict=ok stdout=held
# stops: ids (a uid for each slot)
# proof: see 098 a
import select

expect(libc.inotify_init1(0) >= 0, "no inotify instance")
reader, writer = os.pipe()
expect(libc.fcntl(writer, 1031, 1 << 20) == 1 << 20, "no large pipe")
select.epoll().register(reader)
held()
