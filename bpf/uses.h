// SPDX-License-Identifier: Apache-2.0
/*
 * bpf/uses.h: what a system call was used for, by its arguments.
 *
 * For bpf/footprint.bpf.c, which runs it at every call of a cell: one switch, no memory of the
 * program's is looked at, because that can change afterwards. Each use is named by what it must be,
 * so a flag of tomorrow's kernel is the call's own number, and that leaves the worst
 * (bpf/calls.c has the row of each use, with its reason). An argument is cut to the width at which
 * the kernel takes it: int where not said.
 */
#pragma once

#include "bpf/event.h"

/* arch/x86/entry/syscalls/syscall_64.tbl */
#define CALL_OPEN 2
#define CALL_MMAP 9
#define CALL_MPROTECT 10
#define CALL_RT_SIGACTION 13
#define CALL_RT_SIGPROCMASK 14
#define CALL_IOCTL 16
#define CALL_MREMAP 25
#define CALL_MADVISE 28
#define CALL_FCNTL 72
#define CALL_SIGALTSTACK 131
#define CALL_ARCH_PRCTL 158
#define CALL_OPENAT 257
#define CALL_PRLIMIT64 302

/* asm-generic/fcntl.h; the names of uapi with USED_ before them. */
#define USED_O_ACCMODE 03
/* NOCTTY, NONBLOCK, LARGEFILE, DIRECTORY, NOFOLLOW, NOATIME, CLOEXEC */
#define OPEN_READING (0400 | 04000 | 0100000 | 0200000 | 0400000 | 01000000 | 02000000)
/* The same, and the access modes, CREAT, EXCL, TRUNC, APPEND, SYNC, DSYNC. */
#define OPEN_WRITING                                                                            \
	(OPEN_READING | USED_O_ACCMODE | 0100 | 0200 | 01000 | 02000 | 04000000 | 010000)
/*
 * asm-generic/mman.h: SHARED, PRIVATE, FIXED, ANONYMOUS, DENYWRITE, EXECUTABLE, POPULATE, NONBLOCK,
 * FIXED_NOREPLACE. Not STACK: no huge pages since 6.7, and the short mapping table is silent.
 */
#define MMAP_PLAIN (0x1 | 0x2 | 0x10 | 0x20 | 0x800 | 0x1000 | 0x8000 | 0x10000 | 0x100000)
#define USED_PROT_READ 0x1
#define USED_PROT_WRITE 0x2
#define USED_PROT_EXEC 0x4
#define USED_MREMAP_MAYMOVE 0x1

static inline __u32 open_use(__u32 number, __u32 flags)
{
	if (!(flags & ~OPEN_READING))
		return USE_OPEN_READING;
	/* Else PATH, TMPFILE, DIRECT, ASYNC, and what no kernel knows yet. */
	return flags & ~OPEN_WRITING ? number : USE_OPEN_WRITING;
}

/* Both unsigned long. Memory that can be executed alone takes a protection key for good. */
static inline __u32 mmap_use(__u64 protection, __u64 flags)
{
	if (protection & ~(__u64)(USED_PROT_READ | USED_PROT_WRITE | USED_PROT_EXEC) ||
		protection == USED_PROT_EXEC || flags & ~(__u64)MMAP_PLAIN)
		return CALL_MMAP;
	return USE_MMAP_PLAIN;
}

/* unsigned long. What was made writable once stays accounted for when it is so no more. */
static inline __u32 mprotect_use(__u64 protection)
{
	return protection & ~(__u64)(USED_PROT_READ | USED_PROT_EXEC) ||
	       protection == USED_PROT_EXEC ? CALL_MPROTECT : USE_MPROTECT_PLAIN;
}

static inline __u32 madvise_use(__u32 advice)
{
	switch (advice) { /* asm-generic/mman-common.h */
	case 3:  /* WILLNEED */
	case 4:  /* DONTNEED */
	case 8:  /* FREE */
	case 20: /* COLD */
	case 21: /* PAGEOUT */
	case 22: /* POPULATE_READ */
	case 23: /* POPULATE_WRITE */
		return USE_MADVISE_PAGES;
	}
	return CALL_MADVISE;
}

static inline __u32 ioctl_use(__u32 command)
{
	switch (command) { /* asm-generic/ioctls.h */
	case 0x5401: /* TCGETS: isatty() */
	case 0x5413: /* TIOCGWINSZ */
	case 0x541b: /* FIONREAD */
		return USE_IOCTL_ASKING;
	case 0x5421: /* FIONBIO */
	case 0x5450: /* FIONCLEX */
	case 0x5451: /* FIOCLEX */
		return USE_IOCTL_FLAGS;
	}
	return CALL_IOCTL;
}

static inline __u32 fcntl_use(__u32 command)
{
	switch (command) { /* linux/fcntl.h */
	case 1:  /* GETFD */
	case 3:  /* GETFL */
	case 5:  /* GETLK */
	case 36: /* OFD_GETLK */
		return USE_FCNTL_ASKING;
	case 0:    /* DUPFD */
	case 2:    /* SETFD */
	case 4:    /* SETFL */
	case 1030: /* DUPFD_CLOEXEC */
		return USE_FCNTL_FLAGS;
	}
	return CALL_FCNTL;
}

static inline __u32 arch_prctl_use(__u32 option)
{
	/*
	 * asm/prctl.h: set and get FS and GS. 0x3001 no kernel knows; Debian 12's C library asks it
	 * at the start of every program.
	 */
	return (option >= 0x1001 && option <= 0x1004) || option == 0x3001
		? USE_ARCH_PRCTL_SEGMENT : CALL_ARCH_PRCTL;
}

/* The use of a call with these arguments, or its own number. Pointers are asked for NULL alone. */
static inline __u32 call_use(__u32 number, __u64 first, __u64 second, __u64 third, __u64 fourth)
{
	switch (number) {
	case CALL_OPEN:
		return open_use(number, (__u32)second);
	case CALL_OPENAT:
		return open_use(number, (__u32)third);
	case CALL_MMAP:
		return mmap_use(third, fourth);
	case CALL_MPROTECT:
		return mprotect_use(third);
	case CALL_MREMAP: /* unsigned long */
		return fourth & ~(__u64)USED_MREMAP_MAYMOVE ? number : USE_MREMAP_PLAIN;
	case CALL_MADVISE:
		return madvise_use((__u32)third);
	case CALL_PRLIMIT64:
		return third ? number : USE_PRLIMIT_ASKING;
	case CALL_RT_SIGACTION:
		return second ? number : USE_SIGACTION_ASKING;
	case CALL_RT_SIGPROCMASK:
		return second ? number : USE_SIGPROCMASK_ASKING;
	case CALL_SIGALTSTACK:
		return first ? number : USE_SIGALTSTACK_ASKING;
	case CALL_IOCTL:
		return ioctl_use((__u32)second);
	case CALL_FCNTL:
		return fcntl_use((__u32)second);
	case CALL_ARCH_PRCTL:
		return arch_prctl_use((__u32)first);
	}
	return number;
}
