// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/snapshot_posture.c: each thing that a process can change about itself and /proc tells
 * is noticed, and named. Needs root.
 */
#include "snapshot/posture.h"

#include "tests/unit/snapshot_child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/stat.h>
#include <time.h>

static struct child child;
static struct tracee tracee;
static struct posture before, after;
static int (*act)(void);
static int spare = -1; /* a descriptor to play with */

static int child_acts(const struct child_ends *ends)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR2);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	child_say(ends, 'r');
	child_read(ends);
	if (act() < 0)
		return 1;
	child_say(ends, 'd');
	child_read(ends);
	return 0;
}

static int does_nothing(void)
{
	return 0;
}

static int takes_umask(void)
{
	umask(0123);
	return 0;
}

static int leaves_directory(void)
{
	return chdir("/tmp");
}

static int leaves_root(void)
{
	return chroot("/tmp");
}

static int ignores(void)
{
	return signal(SIGUSR1, SIG_IGN) == SIG_ERR ? -1 : 0;
}

static void caught(int number)
{
}

static int catches(void)
{
	return signal(SIGUSR1, caught) == SIG_ERR ? -1 : 0;
}

static int is_signalled(void)
{
	return raise(SIGUSR2);
}

static int lowers_limit(void)
{
	const struct rlimit limit = { 100, 200 };

	return setrlimit(RLIMIT_NOFILE, &limit);
}

static int makes_timer(void)
{
	struct sigevent nothing = { .sigev_notify = SIGEV_NONE };
	timer_t timer;

	return timer_create(CLOCK_MONOTONIC, &nothing, &timer);
}

static int takes_slack(void)
{
	return prctl(PR_SET_TIMERSLACK, 1000000, 0, 0, 0);
}

static int drops_user(void)
{
	return setresuid(12345, 12345, 12345);
}

static int drops_group(void)
{
	return setresgid(12345, 12345, 12345);
}

static int drops_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -1;
	data[0].effective &= ~(1u << CAP_CHOWN);
	return (int)syscall(SYS_capset, &header, data);
}

static int takes_no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int locks(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* The sanitizer's own mlock() does nothing. */
	return (int)syscall(SYS_mlock, page, 4096);
}

static void *thread_waits(void *argument)
{
	pause();
	return NULL;
}

static int makes_thread(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, thread_waits, NULL) ? -1 : 0;
}

static int leaves_session(void)
{
	return setsid() < 0 ? -1 : 0;
}

static int gets_nice(void)
{
	return setpriority(PRIO_PROCESS, 0, 5);
}

static int takes_more_cpus(void)
{
	cpu_set_t cpus;

	memset(&cpus, 0xff, sizeof(cpus));
	return sched_setaffinity(0, sizeof(cpus), &cpus);
}

static int takes_namespace(void)
{
	return unshare(CLONE_NEWUTS);
}

static int changes_personality(void)
{
	return personality(ADDR_NO_RANDOMIZE) < 0 ? -1 : 0;
}

static int offers_itself(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	ssize_t n = write(fd, "500", 3);

	fd_close(&fd);
	return n == 3 ? 0 : -1;
}

static int moves_robust_list(void)
{
	static struct {
		void *words[3];
	} head;

	return (int)syscall(SYS_set_robust_list, &head, sizeof(head));
}

static int leaves_rseq(void)
{
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	return (int)syscall(SYS_rseq, area, 32, 1 /* RSEQ_FLAG_UNREGISTER */, RSEQ_SIG);
}

static int takes_name(void)
{
	return prctl(PR_SET_NAME, "a) b (c", 0, 0, 0);
}

static int opens(void)
{
	return dup(spare);
}

static int opens_another(void)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	return dup3(fd, spare, O_CLOEXEC) < 0 ? -1 : close(fd);
}

static int leaves_open_over_exec(void)
{
	return fcntl(spare, F_SETFD, 0);
}

static const struct {
	int (*act)(void);
	const char *what;
} things[] = {
	{ does_nothing, NULL },
	{ takes_umask, "umask" },
	{ leaves_directory, "working directory" },
	{ leaves_root, "root directory" },
	{ ignores, "ignored signals" },
	{ catches, "caught signals" },
	{ is_signalled, "pending signals" },
	{ lowers_limit, "limits" },
	{ makes_timer, "timers" },
	{ takes_slack, "timer slack" },
	{ drops_user, "user ids" },
	{ drops_group, "group ids" },
	{ drops_capability, "capabilities" },
	{ takes_no_new_privileges, "seccomp or no_new_privs" },
	{ locks, "locked memory" },
	{ makes_thread, "threads" },
	{ leaves_session, "process group or session" },
	{ gets_nice, "scheduling" },
	{ takes_more_cpus, "CPUs" },
	{ takes_namespace, "namespaces" },
	{ changes_personality, "personality" },
	{ offers_itself, "oom_score_adj" },
	{ moves_robust_list, "robust list" },
	{ leaves_rseq, "rseq" },
	{ takes_name, "name" },
	{ opens, "number of descriptors" },
	{ opens_another, "descriptors" },
	{ leaves_open_over_exec, "descriptors" },
};

Test(posture, shows_whatever_a_process_changed)
{
	for (size_t i = 0; i < sizeof(things) / sizeof(things[0]); i++) {
		const char *wanted = things[i].what ? things[i].what : "nothing", *found;

		act = things[i].act;
		child_start(&child, child_acts);
		cr_assert_eq(child_hear(&child), 'r');
		process_hold_in(&tracee, child.pid, SYS_read);
		cr_assert_eq(posture_read(&tracee, &before), 0, "%s", wanted);
		cr_assert_eq(tracee_end(&tracee), 0);
		child_tell(&child, 'x');
		cr_assert_eq(child_hear(&child), 'd', "%s", wanted);
		process_hold_in(&tracee, child.pid, SYS_read);
		cr_assert_eq(posture_read(&tracee, &after), 0, "%s", wanted);
		found = posture_compare(&before, &after);
		cr_expect_str_eq(found ? found : "nothing", wanted);
		child_kill(&child);
	}
}

static int opens_many(void)
{
	for (unsigned i = 0; i < POSTURE_DESCRIPTORS_MAX; i++)
		if (dup(spare) < 0)
			return -1;
	return 0;
}

Test(posture, has_room_for_so_many_descriptors_and_says_so)
{
	act = opens_many;
	child_start(&child, child_acts);
	cr_assert_eq(child_hear(&child), 'r');
	child_tell(&child, 'x');
	cr_assert_eq(child_hear(&child), 'd');
	process_hold_in(&tracee, child.pid, SYS_read);
	cr_expect_eq(posture_read(&tracee, &after), -E2BIG);
	child_kill(&child);
	cr_expect_eq(posture_read(&tracee, &after), -ESRCH);
}

Test(posture, tells_what_is_known_of_this_process)
{
	act = does_nothing;
	child_start(&child, child_acts);
	cr_assert_eq(child_hear(&child), 'r');
	process_hold_in(&tracee, child.pid, SYS_read);
	cr_assert_eq(posture_read(&tracee, &after), 0);
	cr_expect_eq(after.threads, 1);
	cr_expect_eq(after.uids[0], getuid());
	cr_expect_eq(after.groups[0], (uint64_t)getpgrp());
	cr_expect_eq(after.timers, 0);
	cr_expect_neq(after.rseq, 0);
	cr_expect_neq(after.layout[0], 0, "the program's code");
	cr_expect_neq(after.namespaces[4], 0);
	cr_expect_geq(after.descriptor_count, 5);
	cr_expect_eq(after.descriptors[1].number, 1);
	child_kill(&child);
}
