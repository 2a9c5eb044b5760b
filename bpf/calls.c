// SPDX-License-Identifier: Apache-2.0
/*
 * bpf/calls.c: the table, in groups that leave the same, and its sum over a footprint.
 *
 * What makes a row right is the manual page and the kernel's source of that call. Where the
 * arguments decide, the row has all that they could mean. Of a descriptor that was opened, what is
 * done to it goes with it; of the four that every worker has (0 to 2, and its control socket),
 * what can be done without LEAVES_DESCRIPTORS is undone by the next dispatch or does no harm.
 */
#include "bpf/calls.h"

#include <stdbool.h>
#include <sys/syscall.h>

#define NUMBERS (FOOTPRINT_CALLS - 1) /* the last bit stands for all without one of their own */
#define ROW(name) [SYS_##name] = HERE | KNOWN
#define KNOWN (1 << 15)

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
	ROW(getsockname), ROW(getpeername), ROW(getsockopt),
	/* Waiting, and coming back. */
	ROW(sched_yield), ROW(poll), ROW(ppoll), ROW(select), ROW(pselect6), ROW(epoll_wait),
	ROW(epoll_pwait), ROW(epoll_pwait2), ROW(nanosleep), ROW(clock_nanosleep), ROW(pause),
	ROW(wait4), ROW(waitid), ROW(futex), ROW(futex_waitv), ROW(rt_sigsuspend),
	ROW(rt_sigtimedwait), ROW(rt_sigreturn), ROW(restart_syscall), ROW(exit), ROW(exit_group),
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
	ROW(mmap), ROW(munmap), ROW(mremap), ROW(mprotect), ROW(brk), ROW(msync),
#undef HERE
#define HERE LEAVES_DESCRIPTORS
	ROW(close), ROW(close_range), ROW(dup), ROW(dup2), ROW(dup3), ROW(fcntl), ROW(flock),
	ROW(ioctl), ROW(pipe), ROW(pipe2), ROW(eventfd), ROW(eventfd2), ROW(signalfd),
	ROW(signalfd4), ROW(timerfd_create), ROW(epoll_create), ROW(epoll_create1),
	ROW(inotify_init), ROW(inotify_init1), ROW(memfd_create), ROW(pidfd_open), ROW(shutdown),
#undef HERE
#define HERE (LEAVES_DESCRIPTORS | LEAVES_FILES) /* it may make the file */
	ROW(open), ROW(openat), ROW(openat2), ROW(creat),
#undef HERE
#define HERE LEAVES_FILES
	ROW(fallocate), ROW(ftruncate), ROW(truncate), ROW(rename), ROW(renameat), ROW(renameat2),
	ROW(mkdir), ROW(mkdirat), ROW(rmdir), ROW(link), ROW(linkat), ROW(unlink), ROW(unlinkat),
	ROW(symlink), ROW(symlinkat), ROW(chmod), ROW(fchmod), ROW(fchmodat), ROW(fchmodat2),
	ROW(chown), ROW(fchown), ROW(lchown), ROW(fchownat), ROW(utime), ROW(utimes),
	ROW(futimesat), ROW(utimensat), ROW(mknod), ROW(mknodat), ROW(setxattr), ROW(lsetxattr),
	ROW(fsetxattr), ROW(removexattr), ROW(lremovexattr), ROW(fremovexattr),
#undef HERE
#define HERE (LEAVES_DESCRIPTORS | LEAVES_SOCKETS)
	ROW(socket), ROW(socketpair), ROW(accept), ROW(accept4),
#undef HERE
#define HERE LEAVES_SOCKETS
	ROW(listen), ROW(connect), ROW(sendmsg), ROW(sendmmsg),
#undef HERE
#define HERE (LEAVES_SOCKETS | LEAVES_FILES) /* a name that is a path */
	ROW(bind),
#undef HERE
#define HERE (LEAVES_SOCKETS | LEAVES_WORKER) /* of the control socket: seen by nobody */
	ROW(setsockopt),
#undef HERE
#define HERE LEAVES_SIGNALS
	ROW(rt_sigaction), ROW(rt_sigprocmask), ROW(sigaltstack), ROW(rt_sigqueueinfo),
	ROW(rt_tgsigqueueinfo), ROW(kill), ROW(tkill), ROW(tgkill), ROW(pidfd_send_signal),
#undef HERE
#define HERE LEAVES_PLACE
	ROW(chdir), ROW(fchdir), ROW(umask),
#undef HERE
#define HERE LEAVES_LIMITS /* the second is how they are read as well */
	ROW(setrlimit), ROW(prlimit64),
#undef HERE
#define HERE LEAVES_TIMERS
	ROW(alarm), ROW(setitimer),
#undef HERE
#define HERE LEAVES_PROCESSES
	ROW(fork), ROW(vfork), ROW(clone),
#undef HERE
#define HERE LEAVES_WORKER /* another program; or a property that the table above has no word for */
	ROW(execve), ROW(execveat), ROW(madvise), ROW(mlock), ROW(mlock2), ROW(munlock),
	ROW(mlockall), ROW(munlockall), ROW(pkey_alloc), ROW(pkey_free), ROW(pkey_mprotect),
	ROW(set_robust_list), ROW(set_tid_address), ROW(rseq), ROW(membarrier), ROW(arch_prctl),
	ROW(prctl), ROW(personality), ROW(setpriority), ROW(seccomp), ROW(setpgid), ROW(setsid),
	ROW(setuid), ROW(setgid), ROW(setreuid), ROW(setregid), ROW(setresuid), ROW(setresgid),
	ROW(setfsuid), ROW(setfsgid), ROW(setgroups), ROW(capset), ROW(timer_create),
	ROW(timer_settime), ROW(timer_gettime), ROW(timer_getoverrun), ROW(timer_delete),
	/* The ipc namespace is the worker's own and ends with it. */
	ROW(shmget), ROW(shmat), ROW(shmctl), ROW(shmdt), ROW(semget), ROW(semop), ROW(semctl),
	ROW(semtimedop), ROW(msgget), ROW(msgsnd), ROW(msgrcv), ROW(msgctl), ROW(mq_open),
	ROW(mq_unlink), ROW(mq_timedsend), ROW(mq_timedreceive), ROW(mq_notify),
	ROW(mq_getsetattr),
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

static uint32_t set_leaves(const __u64 *set)
{
	uint32_t leaves = LEAVES_NOTHING;

	for (unsigned word = 0; word < FOOTPRINT_CALLS / 64; word++)
		for (uint64_t left = set[word]; left; left &= left - 1)
			leaves |= call_leaves(word * 64 + (unsigned)__builtin_ctzll(left));
	return leaves;
}

uint32_t footprint_leaves(const struct footprint *footprint)
{
	uint32_t leaves, others_leaves;

	if (footprint->state != FOOTPRINT_ON)
		return LEAVES_ANYTHING;
	others_leaves = set_leaves(footprint->others_call_set);
	leaves = set_leaves(footprint->worker_call_set) | (others_leaves & LEAVES_IN_CELL);
	if (footprint->shared & FOOTPRINT_SHARED_MEMORY)
		leaves |= others_leaves & LEAVES_MEMORY;
	if (footprint->shared & FOOTPRINT_SHARED_MORE)
		leaves |= others_leaves;
	/* Counted where they happen, so no call that makes them needs to be known. */
	if (footprint->forks)
		leaves |= LEAVES_PROCESSES;
	if (footprint->threads)
		leaves |= LEAVES_WORKER;
	return leaves;
}
