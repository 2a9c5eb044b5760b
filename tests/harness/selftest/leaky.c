// SPDX-License-Identifier: Apache-2.0
/*
 * tests/harness/selftest/leaky.c: tests that leave something behind, each in its own way.
 *
 * Proof that the harness bites: every test here but the first must fail, with the sentence that
 * tests/harness/selftest/run expects. The script runs it in a mount namespace that ends with it,
 * and removes the control group.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int kept = -1;

static void open_kept(void)
{
	kept = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void close_kept(void)
{
	close(kept);
}

static void fail(void)
{
	cr_assert_fail("a fixture that fails");
}

Test(clean, passes_with_a_fixture_in_balance, .init = open_kept, .fini = close_kept)
{
	cr_assert(kept >= 0);
}

Test(leaky, opens_and_forgets)
{
	cr_assert(open("/dev/zero", O_RDONLY | O_CLOEXEC) >= 0);
}

Test(leaky, closes_what_is_not_its_own)
{
	cr_assert(close(STDIN_FILENO) == 0);
}

Test(leaky, replaces_a_descriptor, .init = open_kept)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	cr_assert(dup3(zero, STDIN_FILENO, O_CLOEXEC) == STDIN_FILENO);
	close(zero);
	close(kept);
}

Test(leaky, does_not_wait_for_a_child)
{
	siginfo_t info;
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	cr_assert(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
}

/* The child ends when the harness has counted and the test's end of the pipe is closed with it. */
Test(leaky, leaves_a_child_running)
{
	static int ends[2];
	char byte;

	cr_assert(pipe2(ends, O_CLOEXEC) == 0);
	if (fork() == 0) {
		close(ends[1]);
		_exit((int)read(ends[0], &byte, 1));
	}
}

Test(leaky, has_a_fixture_that_fails, .init = fail)
{
}

#ifdef __SANITIZE_ADDRESS__
Test(leaky, forgets_memory)
{
	char *volatile memory = malloc(100);

	cr_assert(memory);
	memory = NULL;
}
#endif

Test(leaky, leaves_a_mount)
{
	const char *directory = getenv("LEAKY_MOUNT");

	cr_assert(mount("leaky", directory, "tmpfs", 0, NULL) == 0);
}

Test(leaky, leaves_a_control_group)
{
	cr_assert(mkdir(getenv("LEAKY_CGROUP"), 0755) == 0);
}
