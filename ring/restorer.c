// SPDX-License-Identifier: Apache-2.0
/*
 * ring/restorer.c: the code of the restorer, and its file.
 *
 * The code is position-independent, keeps all it needs in registers that system calls preserve
 * (syscall itself changes rax, rcx and r11 alone), and touches no memory but the list of calls.
 */
#include "ring/restorer.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* linux/memfd.h, since 6.3; Debian 12's headers lack it. */
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

extern const uint8_t restorer_code[], restorer_code_trapped[], restorer_code_end[];

/* struct restorer_call: number at 0, arguments from 8 on, result at 56, 64 bytes in all. */
__asm__(".pushsection .rodata\n"
	"restorer_code:\n"
	"1:	test %r12, %r12\n"
	"	jz 2f\n"
	"	mov (%rbx), %rax\n"
	"	mov 8(%rbx), %rdi\n"
	"	mov 16(%rbx), %rsi\n"
	"	mov 24(%rbx), %rdx\n"
	"	mov 32(%rbx), %r10\n"
	"	mov 40(%rbx), %r8\n"
	"	mov 48(%rbx), %r9\n"
	"	syscall\n"
	"	mov %rax, 56(%rbx)\n"
	"	add $64, %rbx\n"
	"	dec %r12\n"
	"	jmp 1b\n"
	"2:	int3\n"
	"restorer_code_trapped:\n"
	"	ud2\n"
	"restorer_code_end:\n"
	".popsection\n");

_Static_assert(sizeof(struct restorer_call) == 64, "what the code above counts on");

unsigned restorer_end(void)
{
	return (unsigned)(restorer_code_trapped - restorer_code);
}

/* The rest of the page traps, wherever one should land in it. */
static void page_fill(uint8_t page[RESTORER_BYTES])
{
	memset(page, 0xcc, RESTORER_BYTES);
	memcpy(page, restorer_code, (size_t)(restorer_code_end - restorer_code));
}

static int file_make(void)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	AUTO_FD fd = memfd_create("corral-restorer", flags | MFD_EXEC);
	uint8_t page[RESTORER_BYTES];

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("corral-restorer", flags);
	if (fd < 0)
		return -errno;
	page_fill(page);

	ssize_t n = write(fd, page, sizeof(page));

	if (n != (ssize_t)sizeof(page))
		return n < 0 ? -errno : -EIO;
	return fcntl(fd, F_ADD_SEALS, SEALS) < 0 ? -errno : fd_take(&fd);
}

int restorer_map(void)
{
	AUTO_FD fd = file_make();
	void *page;

	if (fd < 0)
		return fd;
	page = mmap(NULL, RESTORER_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	return page == MAP_FAILED ? -errno : 0;
}

bool restorer_is_file(int fd)
{
	uint8_t wanted[RESTORER_BYTES], found[RESTORER_BYTES];
	struct stat status;

	page_fill(wanted);
	return fcntl(fd, F_GET_SEALS) == SEALS && fstat(fd, &status) == 0 &&
	       status.st_size == RESTORER_BYTES &&
	       pread(fd, found, sizeof(found), 0) == (ssize_t)sizeof(found) &&
	       memcmp(found, wanted, sizeof(found)) == 0;
}
