# SPDX-License-Identifier: Apache-2.0
# Empty files until there are no more inodes.
# expect: verdict=ok stdout=held limits=timeout:20s
# stops: view (inodes of the tmpfs)
# proof: control none: outside there is no limit to be under
count = 0
try:
    while count < 100_000:
        os.close(os.open(f"/tmp/{count}", os.O_CREAT | os.O_WRONLY))
        count += 1
except OSError as error:
    expect(error.errno == ENOSPC, f"creating fails with {error}")
expect(count < 20_000, f"{count} files")
held()
