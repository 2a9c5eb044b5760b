# SPDX-License-Identifier: Apache-2.0
# "Shocker": the file that a guessed handle names, whatever the root.
# expect: verdict=ok stdout=held
# stops: seccomp, ids (capabilities)
# proof: control gets through: name_to_handle_at, open_by_handle_at
handle = ctypes.create_string_buffer((128).to_bytes(4, "little") + bytes(132), 136)
mount = ctypes.c_int()
refused("name_to_handle_at", -100, b"/etc", handle, ctypes.byref(mount), 0, by=EPERM)
directory = os.open("/etc", os.O_RDONLY)
refused("open_by_handle_at", directory, handle, os.O_RDONLY, by=EPERM)
held()
