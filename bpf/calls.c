// SPDX-License-Identifier: Apache-2.0
/*
 * bpf/calls.c: the table, in groups that leave the same, and its sum over a footprint.
 *
 * What makes a row right is the manual page and the kernel's source of that call. Where the
 * arguments decide, the row has all that they could mean, but for the uses that are recorded by
 * themselves (bpf/uses.h). Of a descriptor that was opened, what is done to it goes with it; 0 to 2
 * are new at each dispatch. The control socket stays, and other names of it (dup(), /proc/self/fd,
 * a child's 3) cannot be told from it: what a call could leave on that is LEAVES_WORKER, but for
 * the flags, which LEAVES_DESCRIPTORS has too.
 */
#include "bpf/calls.h"

#include <stdbool.h>
#include <sys/syscall.h>

#define NUMBERS (FOOTPRINT_CALLS - 1) /* the last bit stands for all without one of their own */
#define ROW(name) [SYS_##name] = HERE | KNOWN
#define USE(name) [USE_##name] = HERE | KNOWN
#define KNOWN (1 << 15)
/*
 * Made by a child, it reaches the worker as well: a process by its number, an open file that both
 * have, their ipc namespace, /proc/PID.
 */
#define REACHES (1 << 14)

/* Names that Debian 12's headers (Linux 6.1) lack, by arch/x86/entry/syscalls/syscall_64.tbl. */
#define SYS_fchmodat2 452
#define SYS_futex_wake 454
#define SYS_futex_wait 455
#define SYS_statmount 457
#define SYS_listmount 458
#define SYS_getxattrat 464
#define SYS_listxattrat 465

static const uint16_t table[NUMBERS] = {
#define HERE LEAVES_NOTHING
	/* Bytes through descriptors, and where they stand. */
	ROW(read), ROW(write), ROW(readv), ROW(writev), ROW(pread64), ROW(pwrite64), ROW(preadv),
	ROW(pwritev), ROW(preadv2), ROW(pwritev2), ROW(lseek), ROW(sendfile), ROW(splice), ROW(tee),
	ROW(copy_file_range), ROW(readahead), ROW(fadvise64), ROW(fsync), ROW(fdatasync),
	ROW(sync_file_range), ROW(sendto), ROW(recvfrom), ROW(getdents), ROW(getdents64),
	/* Questions. */
	ROW(stat), ROW(fstat), ROW(lstat), ROW(newfstatat), ROW(statx), ROW(statfs), ROW(fstatfs),
	ROW(access), ROW(faccessat), ROW(faccessat2), ROW(getcwd), ROW(readlink), ROW(readlinkat),
	ROW(getxattr), ROW(lgetxattr), ROW(fgetxattr), ROW(listxattr), ROW(llistxattr),
	ROW(flistxattr), ROW(getpid), ROW(gettid), ROW(getppid), ROW(getpgid), ROW(getpgrp),
	ROW(getsid), ROW(getuid), ROW(geteuid), ROW(getgid), ROW(getegid), ROW(getresuid),
	ROW(getresgid), ROW(getgroups), ROW(capget), ROW(uname), ROW(sysinfo), ROW(getrusage),
	ROW(times), ROW(getrlimit), ROW(getpriority), ROW(ioprio_get), ROW(sched_getaffinity),
	ROW(sched_getparam), ROW(sched_getscheduler), ROW(sched_getattr),
	ROW(sched_get_priority_max), ROW(sched_get_priority_min), ROW(sched_rr_get_interval),
	ROW(getcpu), ROW(getrandom), ROW(time), ROW(gettimeofday), ROW(clock_gettime),
	ROW(clock_getres), ROW(getitimer), ROW(rt_sigpending), ROW(get_robust_list),
	ROW(getsockname), ROW(getpeername),
	USE(PRLIMIT_ASKING), USE(SIGACTION_ASKING), USE(SIGPROCMASK_ASKING),
	USE(SIGALTSTACK_ASKING), USE(IOCTL_ASKING), USE(FCNTL_ASKING),
	/* Waiting, and coming back. */
	ROW(sched_yield), ROW(poll), ROW(ppoll), ROW(select), ROW(pselect6), ROW(epoll_wait),
	ROW(epoll_pwait), ROW(epoll_pwait2), ROW(nanosleep), ROW(clock_nanosleep), ROW(pause),
	ROW(wait4), ROW(waitid), ROW(futex), ROW(futex_waitv), ROW(rt_sigsuspend),
	ROW(rt_sigtimedwait), ROW(restart_syscall), ROW(exit), ROW(exit_group),
	/*
	 * A descriptor that comes by message comes through a socket that was made (and that is
	 * recorded), or from the daemon, which sends none while a program runs. A worker that has
	 * ended its program waits in this call.
	 */
	ROW(recvmsg), ROW(recvmmsg),
	/* What is done to a descriptor that one opened, and to nothing else. */
	ROW(epoll_ctl), ROW(timerfd_settime), ROW(timerfd_gettime), ROW(inotify_add_watch),
	ROW(inotify_rm_watch),
#undef HERE
#define HERE LEAVES_MEMORY
	ROW(munmap), ROW(brk), ROW(msync), USE(MMAP_PLAIN), USE(MPROTECT_PLAIN), USE(MREMAP_PLAIN),
	USE(MADVISE_PAGES),
#undef HERE
	/*
	 * What memory can be besides its row in the short mapping table (advised, locked, keyed,
	 * accounted for), and what belongs to the address space as a whole.
	 */
#define HERE (LEAVES_MEMORY | LEAVES_WORKER)
	ROW(mmap), ROW(mprotect), ROW(mremap), ROW(madvise), ROW(mlock), ROW(mlock2), ROW(munlock),
	ROW(mlockall), ROW(munlockall), ROW(pkey_alloc), ROW(pkey_free), ROW(pkey_mprotect),
	ROW(membarrier), ROW(arch_prctl), ROW(prctl),
#undef HERE
	/*
	 * getsockopt: SO_PEERPIDFD opens one. To open for reading makes no name, and what is read
	 * keeps no time of access (jail/init/view.c).
	 */
#define HERE LEAVES_DESCRIPTORS
	ROW(close), ROW(close_range), ROW(dup), ROW(dup2), ROW(dup3), ROW(pipe), ROW(pipe2),
	ROW(eventfd), ROW(eventfd2), ROW(signalfd), ROW(signalfd4), ROW(timerfd_create),
	ROW(epoll_create), ROW(epoll_create1), ROW(inotify_init), ROW(inotify_init1),
	ROW(memfd_create), ROW(pidfd_open), ROW(getsockopt), USE(OPEN_READING),
#undef HERE
#define HERE (LEAVES_DESCRIPTORS | REACHES) /* O_NONBLOCK and its like are of the open file */
	USE(FCNTL_FLAGS), USE(IOCTL_FLAGS),
#undef HERE
#define HERE (LEAVES_DESCRIPTORS | LEAVES_WORKER | REACHES) /* so are locks and its end */
	ROW(flock), ROW(shutdown),
#undef HERE
	/* Locks, owners; F_SET_RW_HINT is of the inode, and jail/residue.h does not ask for it. */
#define HERE (LEAVES_DESCRIPTORS | LEAVES_WORKER | LEAVES_CELL | REACHES)
	ROW(fcntl),
#undef HERE
	/* Whatever a driver makes of it; on the cell's files FS_IOC_SETFLAGS. */
#define HERE (LEAVES_DESCRIPTORS | LEAVES_FILES | LEAVES_WORKER | REACHES)
	ROW(ioctl),
#undef HERE
	/* None of /proc, which is read-only (jail/init/view.c). */
#define HERE (LEAVES_DESCRIPTORS | LEAVES_FILES)
	USE(OPEN_WRITING), ROW(creat),
#undef HERE
	/* O_TMPFILE changes no directory, but the next file's inode number, which is the cell's. */
#define HERE (LEAVES_DESCRIPTORS | LEAVES_FILES | LEAVES_WORKER | LEAVES_CELL | REACHES)
	ROW(open), ROW(openat), ROW(openat2),
#undef HERE
#define HERE LEAVES_FILES
	ROW(fallocate), ROW(ftruncate), ROW(truncate), ROW(rename), ROW(renameat), ROW(renameat2),
	ROW(mkdir), ROW(mkdirat), ROW(rmdir), ROW(link), ROW(linkat), ROW(unlink), ROW(unlinkat),
	ROW(symlink), ROW(symlinkat), ROW(mknod), ROW(mknodat),
#undef HERE
	/* Attributes: of the cell's files, of the control socket, below /proc/PID. */
#define HERE (LEAVES_FILES | LEAVES_WORKER | REACHES)
	ROW(chmod), ROW(fchmod), ROW(fchmodat), ROW(fchmodat2), ROW(chown), ROW(fchown),
	ROW(lchown), ROW(fchownat), ROW(utime), ROW(utimes), ROW(futimesat), ROW(utimensat),
	ROW(setxattr), ROW(lsetxattr), ROW(fsetxattr), ROW(removexattr), ROW(lremovexattr),
	ROW(fremovexattr),
#undef HERE
#define HERE (LEAVES_DESCRIPTORS | LEAVES_SOCKETS)
	ROW(socket), ROW(socketpair), ROW(accept), ROW(accept4),
#undef HERE
#define HERE LEAVES_SOCKETS
	ROW(listen), ROW(connect), ROW(sendmsg), ROW(sendmmsg),
#undef HERE
	/* The name of a socket; the control socket's is none of the cell's network namespace. */
#define HERE (LEAVES_SOCKETS | LEAVES_FILES | LEAVES_WORKER | REACHES)
	ROW(bind),
#undef HERE
#define HERE (LEAVES_SOCKETS | LEAVES_WORKER | REACHES) /* options of the control socket */
	ROW(setsockopt),
#undef HERE
	/* rt_sigreturn: mask and alternate stack, from a frame that anybody can write. */
#define HERE LEAVES_SIGNALS
	ROW(rt_sigaction), ROW(rt_sigprocmask), ROW(sigaltstack), ROW(rt_sigreturn),
#undef HERE
#define HERE (LEAVES_SIGNALS | REACHES)
	ROW(rt_sigqueueinfo), ROW(rt_tgsigqueueinfo), ROW(kill), ROW(tkill), ROW(tgkill),
	ROW(pidfd_send_signal),
#undef HERE
#define HERE LEAVES_PLACE
	ROW(chdir), ROW(fchdir), ROW(umask),
#undef HERE
#define HERE LEAVES_LIMITS
	ROW(setrlimit),
#undef HERE
#define HERE (LEAVES_LIMITS | REACHES)
	ROW(prlimit64),
#undef HERE
#define HERE LEAVES_TIMERS
	ROW(alarm), ROW(setitimer),
#undef HERE
#define HERE LEAVES_PROCESSES
	ROW(fork), ROW(vfork),
#undef HERE
#define HERE (LEAVES_PROCESSES | LEAVES_DESCRIPTORS) /* CLONE_PIDFD */
	ROW(clone),
#undef HERE
#define HERE LEAVES_WORKER /* another program; or a property that the table above has no word for */
	ROW(execve), ROW(execveat), ROW(set_robust_list), ROW(set_tid_address), ROW(rseq),
	ROW(personality), ROW(seccomp), ROW(setpgid), ROW(setsid), ROW(setuid), ROW(setgid),
	ROW(setreuid), ROW(setregid), ROW(setresuid), ROW(setresgid), ROW(setfsuid), ROW(setfsgid),
	ROW(setgroups), ROW(capset), ROW(timer_create), ROW(timer_settime), ROW(timer_gettime),
	ROW(timer_getoverrun), ROW(timer_delete), USE(ARCH_PRCTL_SEGMENT),
#undef HERE
#define HERE (LEAVES_WORKER | REACHES)
	ROW(setpriority),
	/* The ipc namespace is the worker's own and ends with it. */
	ROW(shmget), ROW(shmctl), ROW(semget), ROW(semop), ROW(semctl), ROW(semtimedop),
	ROW(msgget), ROW(msgsnd), ROW(msgrcv), ROW(msgctl), ROW(mq_open), ROW(mq_unlink),
	ROW(mq_timedsend), ROW(mq_timedreceive), ROW(mq_notify), ROW(mq_getsetattr),
#undef HERE
#define HERE (LEAVES_MEMORY | LEAVES_WORKER | REACHES)
	ROW(shmat), ROW(shmdt),
#undef HERE
#define HERE LEAVES_ANYTHING /* births; afterwards a filter refuses them */
	ROW(setns), ROW(clone3), ROW(keyctl), ROW(landlock_create_ruleset),
	ROW(landlock_add_rule), ROW(landlock_restrict_self),
#undef HERE
};

uint32_t call_leaves(unsigned number)
{
	bool is_known = number < NUMBERS && table[number] & KNOWN;

	return is_known ? table[number] & LEAVES_ANYTHING : LEAVES_ANYTHING;
}

/* What a child did to itself ended with it. */
static uint32_t childs_call_leaves(unsigned number, uint64_t shared)
{
	uint32_t leaves = call_leaves(number);

	if (leaves == LEAVES_ANYTHING || table[number] & REACHES || shared & FOOTPRINT_SHARED_MORE)
		return leaves;
	if (shared & FOOTPRINT_SHARED_MEMORY && leaves & LEAVES_MEMORY)
		return leaves & (LEAVES_IN_CELL | LEAVES_MEMORY | LEAVES_WORKER);
	return leaves & LEAVES_IN_CELL;
}

static uint32_t set_leaves(const __u64 *set, bool is_childrens, uint64_t shared)
{
	uint32_t leaves = LEAVES_NOTHING;

	for (unsigned word = 0; word < FOOTPRINT_CALLS / 64; word++)
		for (uint64_t left = set[word]; left; left &= left - 1) {
			unsigned number = word * 64 + (unsigned)__builtin_ctzll(left);

			leaves |= is_childrens ? childs_call_leaves(number, shared)
					       : call_leaves(number);
		}
	return leaves;
}

static bool has_called(const struct footprint *footprint, unsigned number)
{
	return footprint->worker_call_set[number / 64] >> number % 64 & 1;
}

/*
 * Two calls together: a handler that never came back from a sleep has left the sleep's rest with
 * the kernel, for restart_syscall(2). rt_sigreturn(2) would forget it; no register set does.
 */
static bool may_have_a_rest(const struct footprint *footprint)
{
	static const unsigned sleeps[] = { SYS_nanosleep, SYS_clock_nanosleep, SYS_poll,
		SYS_futex, SYS_restart_syscall };
	bool slept = false;

	for (unsigned i = 0; i < sizeof(sleeps) / sizeof(sleeps[0]); i++)
		slept |= has_called(footprint, sleeps[i]);
	return slept && has_called(footprint, SYS_rt_sigaction);
}

uint32_t footprint_leaves(const struct footprint *footprint)
{
	uint32_t leaves;

	if (footprint->state != FOOTPRINT_ON)
		return LEAVES_ANYTHING;
	leaves = set_leaves(footprint->worker_call_set, false, 0) |
		 set_leaves(footprint->others_call_set, true, footprint->shared);
	/* Counted where they happen, so no call that makes them needs to be known. */
	if (footprint->forks)
		leaves |= LEAVES_PROCESSES | LEAVES_SIGNALS; /* that of its end, pending */
	if (footprint->threads || may_have_a_rest(footprint))
		leaves |= LEAVES_WORKER;
	return leaves;
}
