# SPDX-License-Identifier: Apache-2.0
# Changes what its control socket is: another socket, a pipe, nothing, or one that behaves otherwise.
# expect: variant=socket verdict=ok limits=timeout:2s
# expect: variant=pipe verdict=ok limits=timeout:2s
# expect: variant=closed verdict=ok limits=timeout:2s
# expect: variant=file verdict=ok limits=timeout:2s
# expect: variant=swapped verdict=ok limits=timeout:2s
# expect: variant=nonblocking verdict=ok limits=timeout:2s
# expect: variant=nonblocking_ioctl verdict=ok limits=timeout:2s
# expect: variant=async verdict=ok limits=timeout:2s
# expect: variant=async_signal verdict=ok|signal limits=timeout:2s
# expect: variant=close_on_exec verdict=ok limits=timeout:2s
# expect: variant=options verdict=ok limits=timeout:2s
# expect: variant=peek_offset verdict=ok limits=timeout:2s
# expect: variant=shut verdict=ok limits=timeout:2s
# expect: variant=connect verdict=ok limits=timeout:2s
# expect: variant=copies verdict=ok limits=timeout:2s
# expect: variant=streams verdict=ok|error limits=timeout:2s
# expect: variant=many verdict=ok limits=timeout:2s
# uses: native
# stops: daemon (four descriptors that are what they were, or another worker)
# proof: control none: there is no control socket outside
import fcntl
import signal
import socket

if VARIANT == "socket":
    keep += socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    os.dup2(keep[0].fileno(), 3)
elif VARIANT == "pipe":
    os.dup2(os.pipe()[0], 3)
elif VARIANT == "closed":
    os.close(3)
elif VARIANT == "file":
    os.dup2(os.open("/tmp/three", os.O_CREAT | os.O_RDWR), 3)
elif VARIANT == "swapped":
    # The same socket, above, and below it one whose other end is held by itself.
    os.dup2(3, 50)
    keep += socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    os.dup2(keep[0].fileno(), 3)
elif VARIANT == "nonblocking":
    os.set_blocking(3, False)
elif VARIANT == "nonblocking_ioctl":
    libc.ioctl(3, 0x5421, ctypes.byref(ctypes.c_int(1)))  # FIONBIO
elif VARIANT in ("async", "async_signal"):
    if VARIANT == "async":
        signal.signal(signal.SIGIO, signal.SIG_IGN)
    else:
        fcntl.fcntl(3, 10, signal.SIGKILL)  # F_SETSIG
    fcntl.fcntl(3, 8, os.getpid())          # F_SETOWN
    fcntl.fcntl(3, fcntl.F_SETFL, fcntl.fcntl(3, fcntl.F_GETFL) | os.O_ASYNC)
elif VARIANT == "close_on_exec":
    for fd in range(4):
        os.set_inheritable(fd, fd == 3)
elif VARIANT in ("options", "peek_offset", "shut", "connect"):
    control = socket.socket(fileno=os.dup(3))
    if VARIANT == "options":
        for option, value in ((20, struct.pack("qq", 0, 1)), (21, struct.pack("qq", 0, 1)), (7, 1), (8, 1),
                              (16, 1), (34, 1), (13, struct.pack("ii", 1, 1)), (18, 1)):
            try:
                control.setsockopt(socket.SOL_SOCKET, option, value)
            except OSError:
                pass
    elif VARIANT == "peek_offset":
        control.setsockopt(socket.SOL_SOCKET, 42, 1000)
    elif VARIANT == "shut":
        control.shutdown(socket.SHUT_RDWR)
    else:
        for address in ("\0left", "/tmp/left", ""):
            for what in (control.bind, control.connect):
                try:
                    what(address)
                except OSError:
                    pass
    control.detach()
elif VARIANT == "copies":
    for fd in range(4, 200):
        os.dup2(3, fd, inheritable=bool(fd % 2))
elif VARIANT == "streams":
    for fd in (0, 1, 2):
        os.dup2(3, fd)
else:
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    try:
        while True:
            os.dup(1)
    except OSError:
        pass
