// SPDX-License-Identifier: Apache-2.0
/*
 * jail/seccomp_policy.c: what code in a worker may ask of the kernel.
 *
 * A number that is not here gets ENOSYS, whatever the kernel adds later: programs and the C
 * library know that answer and fall back. EPERM is for what is refused on purpose; a program
 * that needs it should say so and stop. Nothing here looks behind a pointer: another thread could
 * change what stands there after the check.
 *
 * Wrong in one direction, a program breaks (tests/unit/jail_seccomp.c runs a real Python); wrong
 * in the other, a layer that the other layers count on is not there.
 */
#include "jail/seccomp_policy.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#ifndef __x86_64__
#error "The tables below have the call numbers and argument places of x86-64."
#endif

/* linux/prctl.h of Linux 6.4 and asm/unistd_64.h of 6.6; Debian 12 has those of 6.1. */
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

#define ALLOW(name) { SCMP_SYS(name), SCMP_ACT_ALLOW }
#define REFUSE(name) { SCMP_SYS(name), SCMP_ACT_ERRNO(EPERM) }
#define ABSENT(name) { SCMP_SYS(name), SCMP_ACT_ERRNO(ENOSYS) }
#define DONE(name) { SCMP_SYS(name), SCMP_ACT_ERRNO(0) } /* success, and nothing happens */

const struct seccomp_rule seccomp_rules[] = {
	/* Bytes in and out. */
	ALLOW(read), ALLOW(write), ALLOW(readv), ALLOW(writev), ALLOW(pread64), ALLOW(pwrite64),
	ALLOW(preadv), ALLOW(pwritev), ALLOW(preadv2), ALLOW(pwritev2), ALLOW(lseek),
	ALLOW(sendfile), ALLOW(splice), ALLOW(tee), ALLOW(copy_file_range), ALLOW(readahead),
	ALLOW(fadvise64), ALLOW(fallocate), ALLOW(fsync), ALLOW(fdatasync), ALLOW(sync_file_range),
	ALLOW(ftruncate), ALLOW(truncate),

	/* Names and what they stand for. */
	ALLOW(open), ALLOW(openat), ALLOW(openat2), ALLOW(creat), ALLOW(close), ALLOW(close_range),
	ALLOW(stat), ALLOW(fstat), ALLOW(lstat), ALLOW(newfstatat), ALLOW(statx), ALLOW(statfs),
	ALLOW(fstatfs), ALLOW(access), ALLOW(faccessat), ALLOW(faccessat2), ALLOW(getdents),
	ALLOW(getdents64), ALLOW(getcwd), ALLOW(chdir), ALLOW(fchdir), ALLOW(rename),
	ALLOW(renameat), ALLOW(renameat2), ALLOW(mkdir), ALLOW(mkdirat), ALLOW(rmdir), ALLOW(link),
	ALLOW(linkat), ALLOW(unlink), ALLOW(unlinkat), ALLOW(symlink), ALLOW(symlinkat),
	ALLOW(readlink), ALLOW(readlinkat), ALLOW(chmod), ALLOW(fchmod), ALLOW(fchmodat),
	{ __NR_fchmodat2, SCMP_ACT_ALLOW }, ALLOW(chown), ALLOW(fchown), ALLOW(lchown),
	ALLOW(fchownat), ALLOW(umask), ALLOW(utime), ALLOW(utimes), ALLOW(futimesat),
	ALLOW(utimensat), ALLOW(mknod), ALLOW(mknodat), /* but no devices: see the conditions */
	ALLOW(setxattr), ALLOW(lsetxattr), ALLOW(fsetxattr), ALLOW(getxattr), ALLOW(lgetxattr),
	ALLOW(fgetxattr), ALLOW(listxattr), ALLOW(llistxattr), ALLOW(flistxattr),
	ALLOW(removexattr), ALLOW(lremovexattr), ALLOW(fremovexattr),

	/* Descriptors and waiting on them. */
	ALLOW(dup), ALLOW(dup2), ALLOW(dup3), ALLOW(fcntl), ALLOW(flock), ALLOW(ioctl), ALLOW(pipe),
	ALLOW(pipe2), ALLOW(poll), ALLOW(ppoll), ALLOW(select), ALLOW(pselect6),
	ALLOW(epoll_create), ALLOW(epoll_create1), ALLOW(epoll_ctl), ALLOW(epoll_wait),
	ALLOW(epoll_pwait), ALLOW(epoll_pwait2), ALLOW(eventfd), ALLOW(eventfd2), ALLOW(signalfd),
	ALLOW(signalfd4), ALLOW(timerfd_create), ALLOW(timerfd_settime), ALLOW(timerfd_gettime),
	ALLOW(inotify_init), ALLOW(inotify_init1), ALLOW(inotify_add_watch),
	ALLOW(inotify_rm_watch), ALLOW(memfd_create),

	/* Memory. */
	ALLOW(mmap), ALLOW(mprotect), ALLOW(munmap), ALLOW(mremap), ALLOW(msync), ALLOW(madvise),
	ALLOW(brk), ALLOW(mlock), ALLOW(mlock2), ALLOW(munlock), ALLOW(mlockall), ALLOW(munlockall),
	ALLOW(pkey_alloc), ALLOW(pkey_free), ALLOW(pkey_mprotect),

	/* Processes and threads. */
	ALLOW(clone), ALLOW(fork), ALLOW(vfork), ALLOW(execve), ALLOW(execveat), ALLOW(exit),
	ALLOW(exit_group), ALLOW(wait4), ALLOW(waitid), ALLOW(futex), ALLOW(futex_waitv),
	ALLOW(set_robust_list), ALLOW(get_robust_list), ALLOW(set_tid_address), ALLOW(rseq),
	ALLOW(membarrier), ALLOW(arch_prctl), ALLOW(prctl), ALLOW(personality), ALLOW(uname),
	ALLOW(sysinfo), ALLOW(getrusage), ALLOW(times), ALLOW(getrlimit), ALLOW(setrlimit),
	ALLOW(prlimit64), ALLOW(getpriority), ALLOW(setpriority), ALLOW(ioprio_get),
	ALLOW(sched_yield), ALLOW(sched_getaffinity), ALLOW(sched_getparam),
	ALLOW(sched_getscheduler), ALLOW(sched_getattr), ALLOW(sched_get_priority_max),
	ALLOW(sched_get_priority_min), ALLOW(sched_rr_get_interval), ALLOW(getcpu),
	ALLOW(getrandom), ALLOW(seccomp), /* filters stack: a program can only restrict itself */

	/* Who one is. Births change it; later, without a capability, nothing can be gained. */
	ALLOW(getpid), ALLOW(gettid), ALLOW(getppid), ALLOW(getpgid), ALLOW(getpgrp), ALLOW(getsid),
	ALLOW(setpgid), ALLOW(setsid), ALLOW(getuid), ALLOW(geteuid), ALLOW(getgid), ALLOW(getegid),
	ALLOW(getresuid), ALLOW(getresgid), ALLOW(getgroups), ALLOW(setuid), ALLOW(setgid),
	ALLOW(setreuid), ALLOW(setregid), ALLOW(setresuid), ALLOW(setresgid), ALLOW(setfsuid),
	ALLOW(setfsgid), ALLOW(setgroups), ALLOW(capget), ALLOW(capset),

	/* Signals. asyncio waits for children by pidfd_open(). */
	ALLOW(rt_sigaction), ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn), ALLOW(rt_sigpending),
	ALLOW(rt_sigsuspend), ALLOW(rt_sigtimedwait), ALLOW(rt_sigqueueinfo),
	ALLOW(rt_tgsigqueueinfo), ALLOW(sigaltstack), ALLOW(kill), ALLOW(tkill), ALLOW(tgkill),
	ALLOW(pause), ALLOW(restart_syscall), ALLOW(pidfd_open), ALLOW(pidfd_send_signal),

	/* Time. */
	ALLOW(time), ALLOW(gettimeofday), ALLOW(clock_gettime), ALLOW(clock_getres),
	ALLOW(clock_nanosleep), ALLOW(nanosleep), ALLOW(alarm), ALLOW(getitimer), ALLOW(setitimer),
	ALLOW(timer_create), ALLOW(timer_settime), ALLOW(timer_gettime), ALLOW(timer_getoverrun),
	ALLOW(timer_delete),

	/* Sockets; which families is among the conditions. */
	ALLOW(socket), ALLOW(socketpair), ALLOW(bind), ALLOW(listen), ALLOW(accept), ALLOW(accept4),
	ALLOW(connect), ALLOW(shutdown), ALLOW(getsockname), ALLOW(getpeername), ALLOW(setsockopt),
	ALLOW(getsockopt), ALLOW(sendto), ALLOW(recvfrom), ALLOW(sendmsg), ALLOW(recvmsg),
	ALLOW(sendmmsg), ALLOW(recvmmsg),

	/* System V and POSIX message passing: the ipc namespace is the cell's own. */
	ALLOW(shmget), ALLOW(shmat), ALLOW(shmctl), ALLOW(shmdt), ALLOW(semget), ALLOW(semop),
	ALLOW(semctl), ALLOW(semtimedop), ALLOW(msgget), ALLOW(msgsnd), ALLOW(msgrcv),
	ALLOW(msgctl), ALLOW(mq_open), ALLOW(mq_unlink), ALLOW(mq_timedsend),
	ALLOW(mq_timedreceive), ALLOW(mq_notify), ALLOW(mq_getsetattr),

	/* For births; see seccomp_birth_rules. */
	ALLOW(setns), ALLOW(clone3), ALLOW(keyctl), ALLOW(landlock_create_ruleset),
	ALLOW(landlock_add_rule), ALLOW(landlock_restrict_self),

	/* Mounts and roots. */
	REFUSE(mount), REFUSE(umount2), REFUSE(pivot_root), REFUSE(chroot), REFUSE(fsopen),
	REFUSE(fsmount), REFUSE(fsconfig), REFUSE(fspick), REFUSE(move_mount), REFUSE(open_tree),
	REFUSE(mount_setattr), REFUSE(quotactl), REFUSE(quotactl_fd), REFUSE(swapon),
	REFUSE(swapoff), REFUSE(acct), REFUSE(name_to_handle_at), REFUSE(open_by_handle_at),
	REFUSE(lookup_dcookie), REFUSE(fanotify_init), REFUSE(fanotify_mark), REFUSE(unshare),

	/* Other processes' insides. */
	REFUSE(ptrace), REFUSE(process_vm_readv), REFUSE(process_vm_writev), REFUSE(kcmp),
	REFUSE(pidfd_getfd), REFUSE(process_madvise), REFUSE(move_pages), REFUSE(migrate_pages),

	/* The kernel's machinery. */
	REFUSE(bpf), REFUSE(perf_event_open), REFUSE(init_module), REFUSE(finit_module),
	REFUSE(delete_module), REFUSE(kexec_load), REFUSE(kexec_file_load), REFUSE(reboot),
	REFUSE(syslog), REFUSE(vhangup), REFUSE(iopl), REFUSE(ioperm), REFUSE(modify_ldt),
	REFUSE(userfaultfd), /* stalls the kernel at a place of the program's choice */
	REFUSE(memfd_secret), /* memory that can be neither reclaimed nor captured in an image */
	REFUSE(mincore),      /* tells what others have in the page cache */
	REFUSE(mbind), REFUSE(set_mempolicy), REFUSE(set_mempolicy_home_node),

	/* What belongs to the whole machine: clocks, names, order of the CPUs. */
	REFUSE(settimeofday), REFUSE(clock_settime), REFUSE(adjtimex), REFUSE(clock_adjtime),
	REFUSE(sethostname), REFUSE(setdomainname), REFUSE(sched_setscheduler),
	REFUSE(sched_setparam), REFUSE(sched_setattr), REFUSE(sched_setaffinity),
	REFUSE(ioprio_set),
	/* Would flush the host's disks. Nothing of a cell reaches a disk: nothing is to be done. */
	DONE(sync), DONE(syncfs),

	/*
	 * Not here, so ENOSYS, and on purpose: io_uring_* (its operations pass by this filter),
	 * io_setup and the rest of the old one, add_key, request_key, vmsplice, remap_file_pages,
	 * get_mempolicy (libnuma then says "no NUMA" and is silent), mseal, statmount, listmount,
	 * cachestat.
	 */
};

const size_t seccomp_rule_count = sizeof(seccomp_rules) / sizeof(seccomp_rules[0]);

#define THESE(answer, ...) SECCOMP_REFUSE_THESE, answer, VALUES(__VA_ARGS__)
#define OTHERS_THAN(answer, ...) SECCOMP_REFUSE_OTHERS, answer, VALUES(__VA_ARGS__)
#define VALUES(...) sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), { __VA_ARGS__ }
#define NOT_PERMITTED SCMP_ACT_ERRNO(EPERM)
#define NO_SUCH_FAMILY SCMP_ACT_ERRNO(EAFNOSUPPORT)
#define NO_SUCH_CALL SCMP_ACT_ERRNO(ENOSYS)
#define WHOLE UINT32_MAX

#define CLONE_REFUSED                                                                           \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |          \
		CLONE_NEWPID | CLONE_NEWNET | CLONE_PARENT)

const struct seccomp_condition seccomp_conditions[] = {
	/* No network: name look-ups and connections fail at once, and no module is loaded. */
	{ SCMP_SYS(socket), 0, WHOLE, OTHERS_THAN(NO_SUCH_FAMILY, AF_UNIX) },
	{ SCMP_SYS(socketpair), 0, WHOLE, OTHERS_THAN(NO_SUCH_FAMILY, AF_UNIX) },

	/* No programs on sockets. The only level of a unix socket is SOL_SOCKET. */
	{ SCMP_SYS(setsockopt), 2, WHOLE,
		THESE(NOT_PERMITTED, SO_ATTACH_FILTER, SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_CBPF,
			SO_ATTACH_REUSEPORT_EBPF) },

	/* No namespaces, no siblings that the daemon would have to reap. Births use clone3(). */
	{ SCMP_SYS(clone), 0, CLONE_REFUSED, OTHERS_THAN(NOT_PERMITTED, 0) },

	/* No typing into somebody's terminal, no line disciplines (they are modules). */
	{ SCMP_SYS(ioctl), 1, WHOLE, THESE(NOT_PERMITTED, TIOCSTI, TIOCLINUX, TIOCSETD) },

	/*
	 * SET_MM moves the marks that the rewinder goes by; SET_PTRACER opens what Yama closed;
	 * SCHED_CORE makes the sibling CPU idle; MEMORY_MERGE shares pages by content, which tells
	 * by its timing what is in others'. CHILD_SUBREAPER stays: who adopts its own orphans is
	 * still in the cell's cgroup and pid namespace, and both are killed whole.
	 */
	{ SCMP_SYS(prctl), 0, WHOLE,
		THESE(NOT_PERMITTED, PR_SET_MM, PR_SET_PTRACER, PR_SCHED_CORE,
			PR_SET_MEMORY_MERGE) },

	/* A listener could stall its own children in the kernel for ever. */
	{ SCMP_SYS(seccomp), 1, SECCOMP_FILTER_FLAG_NEW_LISTENER, OTHERS_THAN(NOT_PERMITTED, 0) },

	/* Only the question (all ones) and the usual answer: no fixed addresses, no page 0. */
	{ SCMP_SYS(personality), 0, WHOLE, OTHERS_THAN(NOT_PERMITTED, 0, UINT32_MAX) },

	/* Named pipes, sockets and files, no devices. */
	{ SCMP_SYS(mknod), 1, S_IFMT, THESE(NOT_PERMITTED, S_IFCHR, S_IFBLK) },
	{ SCMP_SYS(mknodat), 2, S_IFMT, THESE(NOT_PERMITTED, S_IFCHR, S_IFBLK) },

	/* A newborn joins a keyring of its own, and that is all that anybody does with keys. */
	{ SCMP_SYS(keyctl), 0, WHOLE, OTHERS_THAN(NO_SUCH_CALL, KEYCTL_JOIN_SESSION_KEYRING) },
};

const size_t seccomp_condition_count = sizeof(seccomp_conditions) / sizeof(seccomp_conditions[0]);

const struct seccomp_rule seccomp_birth_rules[] = {
	REFUSE(setns),
	ABSENT(clone3), /* its flags stand behind a pointer; the C library falls back to clone() */
	ABSENT(keyctl),
	ABSENT(landlock_create_ruleset), ABSENT(landlock_add_rule), ABSENT(landlock_restrict_self),
};

const size_t seccomp_birth_rule_count =
	sizeof(seccomp_birth_rules) / sizeof(seccomp_birth_rules[0]);
