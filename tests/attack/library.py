# SPDX-License-Identifier: Apache-2.0
# tests/attack/library.py: what a hostile program may use; it is put in front of each one.
#
# An attempt that is refused as it should be says nothing. One that is not is noted, and the last
# line of the program, held(), then raises with all of their names. With ATTACK_CONTROL set the
# program runs outside of any cell, and each attempt that succeeds prints "got through: NAME".
import ctypes
import errno
import os
import sys
import threading
import time
from errno import *

CONTROL = "ATTACK_CONTROL" in os.environ
VARIANT = os.environ.get("ATTACK_VARIANT", "")

NUMBERS = dict(
    ioctl=16, mincore=27, socket=41, socketpair=53, clone=56, exit=60, kill=62, ptrace=101,
    syslog=103, rt_sigqueueinfo=129, mknod=133, personality=135, sched_setscheduler=144,
    modify_ldt=154, pivot_root=155, prctl=157, adjtimex=159, chroot=161, acct=163,
    settimeofday=164, mount=165, umount2=166, swapon=167, swapoff=168, reboot=169, iopl=172,
    ioperm=173, init_module=175, delete_module=176, quotactl=179, futex=202, clock_settime=227,
    tgkill=234, mbind=237, kexec_load=246, add_key=248, request_key=249, keyctl=250,
    migrate_pages=256, openat=257, mknodat=259, unshare=272, move_pages=279, perf_event_open=298,
    fanotify_init=300, name_to_handle_at=303, open_by_handle_at=304, clock_adjtime=305,
    syncfs=306, setns=308, process_vm_readv=310, process_vm_writev=311, kcmp=312,
    finit_module=313, seccomp=317, kexec_file_load=320, bpf=321, userfaultfd=323, mlock2=325,
    pidfd_send_signal=424, io_uring_setup=425, io_uring_enter=426, io_uring_register=427,
    open_tree=428, move_mount=429, fsopen=430, fsconfig=431, fsmount=432, fspick=433,
    pidfd_open=434, clone3=435, pidfd_getfd=438, process_madvise=440, mount_setattr=442,
    quotactl_fd=443, landlock_restrict_self=446, memfd_secret=447, process_mrelease=448,
    statmount=457, listmount=458,
)

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

wrong = []


def syscall(name, *arguments):
    """The raw system call: its result, or a negative errno."""
    number = NUMBERS[name] if isinstance(name, str) else name
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    return -ctypes.get_errno() if result == -1 else result


def judge(what, result, by):
    if result >= 0:
        if CONTROL:
            print("got through:", what, flush=True)
        else:
            wrong.append(f"got through: {what}")
    elif -result not in by and not CONTROL:
        names = " or ".join(errorcode[number] for number in by)
        wrong.append(f"{what}: {errorcode.get(-result, result)} instead of {names}")
    return result


def refused(name, *arguments, by, what=None, harmless=True):
    """The system call must fail with an errno of `by`. Not tried outside unless harmless."""
    if CONTROL and not harmless:
        return -EPERM
    by = (by,) if isinstance(by, int) else by
    return judge(what or str(name), syscall(name, *arguments), by)


def denied(what, function, by, harmless=True):
    """The function must raise an OSError with an errno of `by`."""
    if CONTROL and not harmless:
        return
    by = (by,) if isinstance(by, int) else by
    try:
        function()
    except OSError as error:
        judge(what, -error.errno, by)
    else:
        judge(what, 0, by)


def expect(fact, what):
    """What must be so inside a cell; outside, where it is not so, the attack got through."""
    if not fact:
        judge(what, 0, ())


def held():
    """The last line of a program that everything was refused to."""
    if CONTROL:
        return
    if wrong:
        raise AssertionError("; ".join(wrong))
    print("held")


def thread(function, *arguments):
    started = threading.Thread(target=function, args=arguments, daemon=True)
    started.start()
    return started


def child(function):
    """Runs it in a forked child; returns the status as of waitpid()."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            function()
        finally:
            os._exit(0)
    return os.waitpid(pid, 0)[1]


class Channel:
    """The memory shared with the daemon, as ring/channel.h and ring/output.h lay it out."""

    HEADER, RING_AT, RING = 8, 4096 + (1 << 20), 1 << 18
    STDOUT, END = 1, 8

    def __init__(self):
        with open("/proc/self/maps") as maps:
            lines = [line for line in maps if "memfd:corral-channel" in line]
        assert len(lines) == 1, "there is one channel"
        start, end = (int(word, 16) for word in lines[0].split()[0].split("-"))
        self.start, self.size = start, end - start
        self.bytes = (ctypes.c_ubyte * self.size).from_address(start)
        self.head = ctypes.c_uint64.from_address(start + 64)
        self.tail = ctypes.c_uint64.from_address(start + 128)

    def put(self, at, data):
        ctypes.memmove(self.start + self.RING_AT + at % self.RING, data, len(data))

    def record(self, length, kind, sequence, payload=b"", at=0):
        """Lays a record down; returns where the next one goes."""
        header = (length & 0xFFFFFFFF).to_bytes(4, "little")
        header += kind.to_bytes(2, "little") + sequence.to_bytes(2, "little")
        self.put(at, header + payload)
        return at + self.HEADER + (len(payload) + 7) // 8 * 8

    def ring(self):
        """The doorbell, as the worker rings it."""
        try:
            os.write(3, b"\0")
        except OSError:
            pass

    def publish(self, tail):
        """What the writer does, and then nothing more, so that the daemon alone can end it."""
        self.tail.value = tail & 0xFFFFFFFFFFFFFFFF
        self.ring()
        while True:
            time.sleep(60)


def fork_quietly(function):
    """A child that nobody waits for, with none of the leader's output."""
    sys.stdout.flush()
    if os.fork() == 0:
        try:
            function()
        finally:
            os._exit(0)


