// SPDX-License-Identifier: Apache-2.0
/*
 * tests/attack/106_other_abi.c: system calls by the doors that a filter may have forgotten.
 *
 * Each door is tried in a child of its own: the answer is a kill (SIGSYS), or no such door.
 *
 * expect: verdict=ok stdout=held
 * stops: seccomp (architecture first)
 * proof: control gets through: int 0x80, i386 socketcall, 32-bit segment int 0x80, upper bits
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A door returns true when the kernel did as it was asked. */
static int door_int80(void)
{
	int pid;

	__asm__ volatile("int $0x80" : "=a"(pid) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
	return pid == getpid();
}

/* i386 has one call for all of sockets: socketcall(SYS_SOCKET, {AF_INET, SOCK_STREAM, 0}). */
static int door_socketcall(void)
{
	unsigned *arguments = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int fd;

	arguments[0] = AF_INET;
	arguments[1] = SOCK_STREAM;
	arguments[2] = 0;
	__asm__ volatile("int $0x80" : "=a"(fd) : "a"(102), "b"(1L), "c"(arguments)
			 : "memory", "r8", "r9", "r10", "r11");
	return fd >= 0;
}

static int door_x32(void)
{
	return syscall(0x40000000 | 39) == getpid();
}

static int door_x32_socket(void)
{
	return syscall(0x40000000 | 41, AF_INET, SOCK_STREAM, 0) >= 0;
}

/* Into the 32-bit code segment; its stack stays below 4 GiB. What returns has failed. */
static int door_far(const unsigned char *code, size_t size)
{
	unsigned char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	memcpy(page, code, size);
	__asm__ volatile("lea 8192(%0), %%rsp; push $0x23; push %0; lretq"
			 : : "r"(page) : "memory");
	return 0;
}

/* exit(42): mov eax, 1; mov ebx, 42; int 0x80; hlt */
static const unsigned char far_int80[] = { 0xb8, 1, 0, 0, 0, 0xbb, 42, 0, 0, 0, 0xcd, 0x80, 0xf4 };
/* The same by mov ebp, esp; sysenter. */
static const unsigned char far_sysenter[] = { 0xb8, 1, 0, 0, 0, 0xbb, 42, 0, 0, 0, 0x89, 0xe5,
	0x0f, 0x34, 0xf4 };

static int door_far_int80(void)
{
	return door_far(far_int80, sizeof(far_int80));
}

static int door_sysenter(void)
{
	return door_far(far_sysenter, sizeof(far_sysenter));
}

/* Numbers beyond the table, with upper bits, and negative. */
static int door_numbers(void)
{
	return syscall(0x100000000L | 41, AF_INET, SOCK_STREAM, 0) >= 0 ||
		syscall(-1L) >= 0 || syscall(100000) >= 0 || syscall(0xbfffffff) >= 0;
}

static const struct {
	const char *name;
	int (*open)(void);
} doors[] = {
	{ "int 0x80", door_int80 },
	{ "i386 socketcall", door_socketcall },
	{ "x32 getpid", door_x32 },
	{ "x32 socket", door_x32_socket },
	{ "32-bit segment int 0x80", door_far_int80 },
	{ "32-bit segment sysenter", door_sysenter },
	{ "upper bits", door_numbers },
};

int main(void)
{
	int through = 0;

	for (size_t i = 0; i < sizeof(doors) / sizeof(doors[0]); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(doors[i].open() ? 42 : 0);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return 2;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 42)
			continue;
		printf("got through: %s\n", doors[i].name);
		through++;
	}
	if (!through)
		puts("held");
	return through ? 1 : 0;
}
