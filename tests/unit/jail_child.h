// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_child.h: what restricts a process for ever is tried in a child.
 *
 * The child leaves its findings in memory shared with the test, or in its exit status; only the
 * test asserts.
 */
#pragma once

#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Zeroed pages that children of this test write too; they live as long as the test. */
static inline void *shared_new(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* What `body` returned in a child (0 to 255), or 256 + the signal it died of; -1: no child. */
static inline int child_run(int (*body)(void *argument), void *argument)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body(argument));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}
