// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/bpf_uses.c: the kernel tells the uses of a call apart, by calls that real processes
 * make with the names that the kernel's headers have for their arguments.
 *
 * Each row is made by a process of its own, and its record has that bit and no other. Needs what
 * tests/unit/bpf_footprints.c needs.
 */
#include "tests/unit/bpf_fixture.h"

#include <asm/ioctls.h>
#include <asm/prctl.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

TestSuite(uses, .init = before, .fini = after, .timeout = 60);

#define PAGE 4096u
#define HIGH (UINT64_C(1) << 32) /* of an argument that the kernel takes as an int: cut off */

static uint8_t pages[2 * PAGE] __attribute__((aligned(PAGE)));
static struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
static uint64_t mask_of_signals;
static stack_t alternate = { .ss_flags = SS_DISABLE };

#define PLAIN_FLAGS                                                                             \
	(O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY | O_NONBLOCK | O_NOCTTY | O_NOATIME | 0100000)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

struct row {
	unsigned number;
	uint64_t arguments[6];
	unsigned expected; /* the use; 0: the call's own number */
};

static const struct row *row;

static void act_row(void)
{
	const uint64_t *a = row->arguments;

	syscall(FOOTPRINT_MARK);
	syscall(row->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	syscall(SYS_exit_group, 0);
}

static void rows_check(unsigned slot, const struct row *rows, size_t count)
{
	for (row = rows; row < rows + count; row++) {
		unsigned expected = row->expected ? row->expected : row->number;
		struct footprint footprint = record_of(slot, act_row);

		cr_expect_eq(footprint.calls, 2, "row %zu", row - rows);
		for (unsigned number = 0; number < FOOTPRINT_CALLS; number++)
			cr_expect_eq(footprint.worker_call_set[number / 64] >> number % 64 & 1,
				number == expected || number == SYS_exit_group,
				"row %zu: call %u, number %u", row - rows, row->number, number);
	}
}

#define CHECK(slot, rows) rows_check(slot, rows, sizeof(rows) / sizeof(rows[0]))
#define PATH(text) (uintptr_t)(text)
#define OPEN(flags, use) { SYS_open, { PATH("/tmp"), flags }, use }
#define OPENAT(flags, use) { SYS_openat, { (uint64_t)AT_FDCWD, PATH("/tmp"), flags }, use }

Test(uses, of_open_are_reading_and_writing)
{
	static const struct row rows[] = {
		OPEN(O_RDONLY, USE_OPEN_READING), OPENAT(O_RDONLY, USE_OPEN_READING),
		OPEN(PLAIN_FLAGS, USE_OPEN_READING), OPENAT(HIGH, USE_OPEN_READING),
		OPENAT(PLAIN_FLAGS, USE_OPEN_READING),
		OPEN(O_WRONLY, USE_OPEN_WRITING), OPENAT(O_RDWR | O_CLOEXEC, USE_OPEN_WRITING),
		OPENAT(O_ACCMODE, USE_OPEN_WRITING), OPENAT(O_TRUNC, USE_OPEN_WRITING),
		OPENAT(O_CREAT, USE_OPEN_WRITING), OPENAT(O_EXCL, USE_OPEN_WRITING),
		OPENAT(O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_SYNC, USE_OPEN_WRITING),
		OPEN(O_CREAT | O_EXCL, USE_OPEN_WRITING),
		OPENAT(O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, USE_OPEN_WRITING),
		/* One bit more than each use allows. */
		OPENAT(O_PATH, 0), OPENAT(O_ASYNC, 0), OPENAT(O_DIRECT, 0),
		OPENAT(O_TMPFILE | O_RDWR, 0), OPEN(O_TMPFILE | O_RDWR | O_CREAT | O_EXCL, 0),
		OPENAT(O_TMPFILE & ~O_DIRECTORY, 0), OPENAT(1u << 30, 0), OPENAT(1u << 31, 0),
		{ SYS_creat, { PATH("/proc/self/none"), 0600 }, 0 },
		{ SYS_openat2, { (uint64_t)AT_FDCWD, PATH("/tmp") }, 0 },
	};

	CHECK(20, rows);
}

#define MMAP(protection, flags, use) \
	{ SYS_mmap, { 0, PAGE, protection, flags, UINT64_MAX, 0 }, use }

Test(uses, of_mmap_are_plain_or_not)
{
	static const struct row rows[] = {
		MMAP(PROT_READ | PROT_WRITE, PRIVATE, USE_MMAP_PLAIN),
		MMAP(PROT_NONE, PRIVATE | MAP_DENYWRITE | MAP_EXECUTABLE, USE_MMAP_PLAIN),
		MMAP(PROT_READ | PROT_EXEC, PRIVATE | MAP_POPULATE | MAP_NONBLOCK, USE_MMAP_PLAIN),
		MMAP(PROT_READ, MAP_SHARED | MAP_ANONYMOUS, USE_MMAP_PLAIN),
		MMAP(PROT_READ, PRIVATE | MAP_FIXED_NOREPLACE, USE_MMAP_PLAIN),
		{ SYS_mmap, { (uintptr_t)pages, PAGE, PROT_READ, PRIVATE | MAP_FIXED, UINT64_MAX },
			USE_MMAP_PLAIN },
		MMAP(PROT_READ, PRIVATE | MAP_LOCKED, 0), MMAP(PROT_READ, PRIVATE | MAP_STACK, 0),
		MMAP(PROT_READ, PRIVATE | MAP_NORESERVE, 0), MMAP(PROT_READ, PRIVATE | HIGH, 0),
		MMAP(PROT_READ, PRIVATE | MAP_GROWSDOWN, 0), MMAP(PROT_READ, PRIVATE | 0x8, 0),
		MMAP(PROT_READ, PRIVATE | MAP_HUGETLB, 0), MMAP(PROT_READ, PRIVATE | MAP_32BIT, 0),
		MMAP(PROT_READ, PRIVATE | MAP_SYNC, 0), MMAP(PROT_READ, PRIVATE | 1u << 31, 0),
		MMAP(PROT_EXEC, PRIVATE, 0), MMAP(PROT_READ | 0x8, PRIVATE, 0),
		MMAP(PROT_READ | HIGH, PRIVATE, 0),
	};

	CHECK(21, rows);
}

#define MPROTECT(protection, use) { SYS_mprotect, { (uintptr_t)pages, PAGE, protection }, use }
#define MREMAP(flags, use) { SYS_mremap, { (uintptr_t)pages, PAGE, PAGE, flags, 0 }, use }
#define MADVISE(advice, use) { SYS_madvise, { (uintptr_t)pages, PAGE, advice }, use }

Test(uses, of_memory_are_what_the_mapping_table_shows_or_not)
{
	static const struct row rows[] = {
		MPROTECT(PROT_NONE, USE_MPROTECT_PLAIN), MPROTECT(PROT_READ, USE_MPROTECT_PLAIN),
		MPROTECT(PROT_READ | PROT_EXEC, USE_MPROTECT_PLAIN),
		MPROTECT(PROT_READ | PROT_WRITE, 0), MPROTECT(PROT_WRITE, 0),
		MPROTECT(PROT_EXEC, 0), MPROTECT(PROT_READ | PROT_GROWSDOWN, 0),
		MPROTECT(PROT_READ | PROT_GROWSUP, 0), MPROTECT(PROT_READ | 0x8, 0),
		MPROTECT(PROT_READ | HIGH, 0),
		MREMAP(0, USE_MREMAP_PLAIN), MREMAP(MREMAP_MAYMOVE, USE_MREMAP_PLAIN),
		MREMAP(MREMAP_MAYMOVE | MREMAP_FIXED, 0), MREMAP(MREMAP_MAYMOVE | HIGH, 0),
		MREMAP(MREMAP_MAYMOVE | 4 /* MREMAP_DONTUNMAP */, 0),
		MADVISE(MADV_DONTNEED, USE_MADVISE_PAGES), MADVISE(MADV_FREE, USE_MADVISE_PAGES),
		MADVISE(MADV_WILLNEED, USE_MADVISE_PAGES), MADVISE(MADV_COLD, USE_MADVISE_PAGES),
		MADVISE(MADV_PAGEOUT, USE_MADVISE_PAGES),
		MADVISE(MADV_POPULATE_READ, USE_MADVISE_PAGES),
		MADVISE(MADV_POPULATE_WRITE, USE_MADVISE_PAGES),
		MADVISE(MADV_DONTNEED | HIGH, USE_MADVISE_PAGES),
		MADVISE(MADV_NORMAL, 0), MADVISE(MADV_RANDOM, 0), MADVISE(MADV_SEQUENTIAL, 0),
		MADVISE(MADV_REMOVE, 0), MADVISE(MADV_DONTFORK, 0), MADVISE(MADV_DOFORK, 0),
		MADVISE(MADV_MERGEABLE, 0), MADVISE(MADV_HUGEPAGE, 0), MADVISE(MADV_DONTDUMP, 0),
		MADVISE(MADV_WIPEONFORK, 0), MADVISE(102 /* MADV_GUARD_INSTALL, 6.13 */, 0),
		MADVISE(UINT64_MAX, 0),
	};

	CHECK(22, rows);
}

Test(uses, that_only_ask_are_told_from_those_that_set)
{
	static const struct row rows[] = {
		{ SYS_prlimit64, { 0, RLIMIT_NOFILE, 0, (uintptr_t)pages }, USE_PRLIMIT_ASKING },
		{ SYS_prlimit64, { 0, RLIMIT_NOFILE, (uintptr_t)&limit }, 0 },
		{ SYS_prlimit64, { 0, RLIMIT_NOFILE, HIGH }, 0 },
		{ SYS_rt_sigaction, { SIGINT, 0, (uintptr_t)pages, 8 }, USE_SIGACTION_ASKING },
		{ SYS_rt_sigaction, { SIGINT, (uintptr_t)pages, 0, 8 }, 0 },
		{ SYS_rt_sigprocmask, { SIG_SETMASK, 0, (uintptr_t)pages, 8 },
			USE_SIGPROCMASK_ASKING },
		{ SYS_rt_sigprocmask, { SIG_SETMASK, (uintptr_t)&mask_of_signals, 0, 8 }, 0 },
		{ SYS_sigaltstack, { 0, (uintptr_t)pages }, USE_SIGALTSTACK_ASKING },
		{ SYS_sigaltstack, { (uintptr_t)&alternate }, 0 },
		{ SYS_arch_prctl, { ARCH_GET_FS, (uintptr_t)pages }, USE_ARCH_PRCTL_SEGMENT },
		{ SYS_arch_prctl, { ARCH_GET_GS, (uintptr_t)pages }, USE_ARCH_PRCTL_SEGMENT },
		{ SYS_arch_prctl, { 0x3001, (uintptr_t)pages }, USE_ARCH_PRCTL_SEGMENT },
		{ SYS_arch_prctl, { ARCH_SET_CPUID, 1 }, 0 }, { SYS_arch_prctl, { 0x1000 }, 0 },
		{ SYS_arch_prctl, { 0x1005 }, 0 }, { SYS_arch_prctl, { 0x4002 /* LAM */, 6 }, 0 },
	};

	CHECK(23, rows);
}

#define IOCTL(command, use) { SYS_ioctl, { 0, command, (uintptr_t)pages }, use }
#define FCNTL(command, use) { SYS_fcntl, { 0, command, (uintptr_t)pages }, use }

Test(uses, of_descriptors_are_asking_flags_or_anything)
{
	static const struct row rows[] = {
		IOCTL(TCGETS, USE_IOCTL_ASKING), IOCTL(TIOCGWINSZ, USE_IOCTL_ASKING),
		IOCTL(FIONREAD, USE_IOCTL_ASKING), IOCTL(TCGETS | HIGH, USE_IOCTL_ASKING),
		IOCTL(FIOCLEX, USE_IOCTL_FLAGS), IOCTL(FIONCLEX, USE_IOCTL_FLAGS),
		IOCTL(FIONBIO, USE_IOCTL_FLAGS), IOCTL(FIOASYNC, 0), IOCTL(TCSETS, 0),
		IOCTL(0x40086602 /* FS_IOC_SETFLAGS */, 0), IOCTL(0x89e0 /* SIOCUNIXFILE */, 0),
		FCNTL(F_GETFD, USE_FCNTL_ASKING), FCNTL(F_GETFL, USE_FCNTL_ASKING),
		FCNTL(F_GETLK, USE_FCNTL_ASKING), FCNTL(F_OFD_GETLK, USE_FCNTL_ASKING),
		FCNTL(F_GETFD | HIGH, USE_FCNTL_ASKING), FCNTL(F_SETFD, USE_FCNTL_FLAGS),
		FCNTL(F_SETFL, USE_FCNTL_FLAGS), FCNTL(F_DUPFD, USE_FCNTL_FLAGS),
		FCNTL(F_DUPFD_CLOEXEC, USE_FCNTL_FLAGS), FCNTL(F_SETLK, 0), FCNTL(F_SETLKW, 0),
		FCNTL(F_OFD_SETLK, 0), FCNTL(F_SETOWN, 0), FCNTL(F_SETSIG, 0),
		FCNTL(F_SETLEASE, 0), FCNTL(F_NOTIFY, 0), FCNTL(F_SETPIPE_SZ, 0),
		FCNTL(F_ADD_SEALS, 0), FCNTL(1036 /* F_SET_RW_HINT */, 0),
	};

	CHECK(24, rows);
}

/* A program cannot say of itself that it was harmless. */
Test(uses, are_no_numbers_to_call)
{
	struct row rows[FOOTPRINT_CALLS - FOOTPRINT_USES];

	for (unsigned i = 0; i < FOOTPRINT_CALLS - FOOTPRINT_USES; i++)
		rows[i] = (struct row){ FOOTPRINT_USES + i, { 0 }, FOOTPRINT_CALLS - 1 };
	CHECK(25, rows);
}

/* By the table of 32-bit programs 20 is getpid(); by ours it is writev(), which leaves nothing. */
static void act_other_table(void)
{
	long result = 20;

	syscall(FOOTPRINT_MARK);
	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	syscall(SYS_exit_group, result == getpid() ? 0 : 1);
}

Test(uses, of_the_other_table_of_calls_have_the_last_bit)
{
	struct footprint *footprint = footprints_slot(footprints, 26);
	struct footprint record;
	int status;

	footprint_arm(footprint, 0, 0);
	status = act_as(26, act_other_table);
	if (WIFSIGNALED(status))
		cr_skip_test("this kernel runs no calls of 32-bit programs");
	record = footprint_read(footprint);
	cr_expect_eq(status, 0, "status %x", status);
	cr_expect(footprint_has_call(&record, FOOTPRINT_CALLS - 1));
	cr_expect_not(footprint_has_call(&record, SYS_writev));
}
