# SPDX-License-Identifier: Apache-2.0
# Opens until it may not, and tries to be allowed more.
# expect: variant=fewer verdict=ok limits=open_files:64,timeout:1s stdout=held
# expect: variant=usual verdict=ok limits=open_files:256,timeout:1s stdout=held
# expect: variant=more verdict=ok limits=open_files:512,timeout:1s stdout=held
# stops: rlimit (nofile)
# proof: control none: outside the limit is another
import resource

count = 0
try:
    while count < 10_000:
        os.dup(0)
        count += 1
except OSError as error:
    expect(error.errno == EMFILE, f"dup fails with {error}")
allowed = dict(fewer=64, usual=256, more=512)[VARIANT]
expect(count == allowed - 4, f"{count} more descriptors, of {allowed} allowed")
for name in ("NOFILE", "FSIZE", "NPROC", "STACK", "MEMLOCK", "SIGPENDING", "MSGQUEUE", "CORE",
             "NICE", "RTPRIO"):
    number = getattr(resource, f"RLIMIT_{name}")
    hard = resource.getrlimit(number)[1]
    expect(hard != resource.RLIM_INFINITY, f"{name} has no limit")
    try:
        resource.setrlimit(number, (hard + 1, hard + 1))
    except (ValueError, OSError):
        continue
    expect(False, f"a higher limit for {name}")
held()
