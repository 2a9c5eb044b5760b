// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_seccomp.c: the answers of both filters, asked from a child, and a real Python
 * that must not notice them. Run as root: what is refused here would be granted without a filter,
 * or fail with another errno, because the arguments are wrong on purpose.
 */
#include "jail/seccomp.h"

#include "jail/identity.h"
#include "jail/landlock.h"
#include "tests/unit/jail_child.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif

#define BAD 1L            /* no address of ours */
#define HIGH (1L << 32)   /* a bit in the upper half, which the kernel does not look at */
#define NEWBORN_UID 62345
#define LANDLOCK_VERSION LANDLOCK_CREATE_RULESET_VERSION

/* One system call and what must come of it: an errno, or 0 for "goes through". */
struct question {
	const char *name;
	long number;
	long arguments[4];
	int expected;
};

struct answer {
	long result;
	int error;
};

struct inquiry {
	const struct question *questions;
	size_t count;
	bool born; /* behind the short filter as well */
	struct answer answers[128];
};

static int attach(bool born)
{
	struct seccomp_birth_filter filter;
	int r = identity_set_no_new_privs();

	if (!r)
		r = seccomp_birth_filter_build(&filter, NULL);
	if (!r)
		r = seccomp_attach_allowed(NULL);
	if (!r && born)
		r = seccomp_birth_filter_attach(&filter);
	return r;
}

static int inquire(void *argument)
{
	struct inquiry *inquiry = argument;

	setsid(); /* no terminal to lose, if something goes through after all */
	if (attach(inquiry->born))
		return 1;
	for (size_t i = 0; i < inquiry->count; i++) {
		const long *a = inquiry->questions[i].arguments;

		errno = 0;
		inquiry->answers[i].result =
			syscall(inquiry->questions[i].number, a[0], a[1], a[2], a[3]);
		inquiry->answers[i].error = errno;
	}
	return 0;
}

static void expect(const struct question *questions, size_t count, bool born)
{
	struct inquiry *inquiry = shared_new(sizeof(*inquiry));

	cr_assert_leq(count, sizeof(inquiry->answers) / sizeof(inquiry->answers[0]));
	*inquiry = (struct inquiry){ .questions = questions, .count = count, .born = born };
	cr_assert_eq(child_run(inquire, inquiry), 0);
	for (size_t i = 0; i < count; i++)
		cr_expect(inquiry->answers[i].error == questions[i].expected &&
			(inquiry->answers[i].result < 0) == (questions[i].expected != 0),
			"%s: got %ld, %s; expected %s", questions[i].name,
			inquiry->answers[i].result, strerrorname_np(inquiry->answers[i].error),
			strerrorname_np(questions[i].expected));
}

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define CALL(name) #name, SYS_##name

Test(seccomp, refuses_what_is_dangerous)
{
	static const struct question table[] = {
		{ CALL(mount), { BAD, BAD, BAD }, EPERM },
		{ CALL(umount2), { BAD }, EPERM },
		{ CALL(pivot_root), { BAD, BAD }, EPERM },
		{ CALL(chroot), { BAD }, EPERM },
		{ CALL(fsopen), { BAD }, EPERM },
		{ CALL(fsmount), { -1 }, EPERM },
		{ CALL(fsconfig), { -1 }, EPERM },
		{ CALL(fspick), { -1, BAD }, EPERM },
		{ CALL(move_mount), { -1, BAD, -1, BAD }, EPERM },
		{ CALL(open_tree), { -1, BAD }, EPERM },
		{ CALL(mount_setattr), { -1, BAD }, EPERM },
		{ CALL(unshare), { 0 }, EPERM },
		{ CALL(unshare), { CLONE_NEWUSER }, EPERM },
		{ CALL(ptrace), { 0 }, EPERM },
		{ CALL(process_vm_readv), { 0 }, EPERM },
		{ CALL(process_vm_writev), { 0 }, EPERM },
		{ CALL(kcmp), { -1 }, EPERM },
		{ CALL(pidfd_getfd), { -1 }, EPERM },
		{ CALL(process_madvise), { -1 }, EPERM },
		{ CALL(bpf), { -1 }, EPERM },
		{ CALL(perf_event_open), { BAD }, EPERM },
		{ CALL(userfaultfd), { -1 }, EPERM },
		{ CALL(memfd_secret), { -1 }, EPERM },
		{ CALL(name_to_handle_at), { -1, BAD }, EPERM },
		{ CALL(open_by_handle_at), { -1, BAD }, EPERM },
		{ CALL(init_module), { BAD }, EPERM },
		{ CALL(finit_module), { -1 }, EPERM },
		{ CALL(delete_module), { BAD }, EPERM },
		{ CALL(kexec_load), { 0, 99 }, EPERM },
		{ CALL(reboot), { 0 }, EPERM },
		{ CALL(swapon), { BAD }, EPERM },
		{ CALL(swapoff), { BAD }, EPERM },
		{ CALL(acct), { BAD }, EPERM },
		{ CALL(quotactl), { -1, BAD }, EPERM },
		{ CALL(settimeofday), { BAD }, EPERM },
		{ CALL(clock_settime), { 99 }, EPERM },
		{ CALL(adjtimex), { BAD }, EPERM },
		{ CALL(clock_adjtime), { 99 }, EPERM },
		{ CALL(sethostname), { BAD, -1 }, EPERM },
		{ CALL(setdomainname), { BAD, -1 }, EPERM },
		{ CALL(iopl), { 99 }, EPERM },
		{ CALL(ioperm), { -1, 0 }, EPERM },
		{ CALL(modify_ldt), { 99 }, EPERM },
		{ CALL(fanotify_init), { -1 }, EPERM },
		{ CALL(fanotify_mark), { -1 }, EPERM },
		{ CALL(syslog), { 99 }, EPERM },
		{ CALL(vhangup), { 0 }, EPERM },
		{ CALL(move_pages), { 0, 0, 0, 0 }, EPERM },
		{ CALL(migrate_pages), { 0 }, EPERM },
		{ CALL(mbind), { BAD }, EPERM },
		{ CALL(set_mempolicy), { 99 }, EPERM },
		{ CALL(sched_setscheduler), { 0, 99 }, EPERM },
		{ CALL(sched_setattr), { 0 }, EPERM },
		{ CALL(sched_setaffinity), { 0, 0, 0 }, EPERM },
		{ CALL(ioprio_set), { 99 }, EPERM },
		{ CALL(mincore), { BAD, 0 }, EPERM },
	};

	expect(table, COUNT(table), true);
}

Test(seccomp, answers_as_if_it_were_not_there)
{
	static const struct question table[] = {
		{ CALL(io_uring_setup), { BAD, BAD }, ENOSYS },
		{ CALL(io_uring_enter), { -1 }, ENOSYS },
		{ CALL(io_uring_register), { -1 }, ENOSYS },
		{ CALL(io_setup), { 1, BAD }, ENOSYS },
		{ CALL(add_key), { BAD, BAD }, ENOSYS },
		{ CALL(request_key), { BAD, BAD }, ENOSYS },
		{ CALL(vmsplice), { -1 }, ENOSYS },
		{ CALL(remap_file_pages), { BAD }, ENOSYS },
		{ CALL(get_mempolicy), { 0 }, ENOSYS },
		{ "cachestat", 451, { -1 }, ENOSYS },
		{ "statmount", 457, { BAD }, ENOSYS },
		{ "listmount", 458, { BAD }, ENOSYS },
		{ "mseal", 462, { BAD }, ENOSYS },
		{ "a number of the future", 1000, { 0 }, ENOSYS },
	};

	expect(table, COUNT(table), true);
}

Test(seccomp, looks_at_the_half_of_an_argument_that_the_kernel_looks_at)
{
	static const struct question table[] = {
		{ "ioctl TIOCSTI", SYS_ioctl, { -1, TIOCSTI }, EPERM },
		{ "ioctl TIOCSTI, high bit", SYS_ioctl, { -1, TIOCSTI | HIGH }, EPERM },
		{ "ioctl TIOCLINUX", SYS_ioctl, { -1, TIOCLINUX | (HIGH << 9) }, EPERM },
		{ "ioctl TIOCSETD", SYS_ioctl, { -1, TIOCSETD | ~0xffffffffL }, EPERM },
		{ "ioctl FIONREAD", SYS_ioctl, { -1, FIONREAD }, EBADF },
		{ "socket AF_INET", SYS_socket, { AF_INET, SOCK_STREAM }, EAFNOSUPPORT },
		{ "socket AF_INET6", SYS_socket, { AF_INET6, SOCK_DGRAM }, EAFNOSUPPORT },
		{ "socket AF_NETLINK", SYS_socket, { AF_NETLINK, SOCK_RAW }, EAFNOSUPPORT },
		{ "socket AF_PACKET", SYS_socket, { AF_PACKET, SOCK_RAW }, EAFNOSUPPORT },
		{ "socket AF_ALG", SYS_socket, { AF_ALG, SOCK_SEQPACKET }, EAFNOSUPPORT },
		{ "socket AF_VSOCK, high bit", SYS_socket, { AF_VSOCK | HIGH, 1 }, EAFNOSUPPORT },
		{ "socket AF_UNIX", SYS_socket, { AF_UNIX, SOCK_STREAM }, 0 },
		{ "socketpair AF_TIPC", SYS_socketpair, { 30, SOCK_STREAM, 0, BAD }, EAFNOSUPPORT },
		{ "socketpair AF_UNIX", SYS_socketpair, { AF_UNIX, SOCK_STREAM, 0, BAD }, EFAULT },
		{ "setsockopt SO_ATTACH_FILTER", SYS_setsockopt, { -1, 1, 26 }, EPERM },
		{ "setsockopt SO_RCVBUF", SYS_setsockopt, { -1, 1, 8 }, EBADF },
		{ "clone NEWUSER", SYS_clone, { CLONE_NEWUSER | SIGCHLD }, EPERM },
		{ "clone NEWPID, high bit", SYS_clone, { CLONE_NEWPID | HIGH }, EPERM },
		{ "clone NEWNS", SYS_clone, { CLONE_NEWNS | CLONE_VM }, EPERM },
		{ "clone NEWNET", SYS_clone, { CLONE_NEWNET | SIGCHLD }, EPERM },
		{ "clone PARENT", SYS_clone, { CLONE_PARENT | SIGCHLD }, EPERM },
		{ "clone THREAD alone", SYS_clone, { CLONE_THREAD | HIGH }, EINVAL },
		{ "personality query", SYS_personality, { 0xffffffff }, 0 },
		{ "personality PER_LINUX", SYS_personality, { HIGH }, 0 },
		{ "personality no ASLR", SYS_personality, { ADDR_NO_RANDOMIZE }, EPERM },
		{ "personality exec", SYS_personality, { READ_IMPLIES_EXEC | HIGH }, EPERM },
		{ "prctl SET_MM", SYS_prctl, { PR_SET_MM, 99 }, EPERM },
		{ "prctl SET_PTRACER", SYS_prctl, { PR_SET_PTRACER | HIGH, -1 }, EPERM },
		{ "prctl SCHED_CORE", SYS_prctl, { PR_SCHED_CORE, 99 }, EPERM },
		{ "prctl MEMORY_MERGE", SYS_prctl, { 67, 99 }, EPERM },
		{ "prctl SET_NAME", SYS_prctl, { PR_SET_NAME, (long)"name" }, 0 },
		{ "mknod block device", SYS_mknod, { BAD, S_IFBLK | 0600, 0x800 }, EPERM },
		{ "mknod character device", SYS_mknod, { BAD, S_IFCHR | HIGH, 0x103 }, EPERM },
		{ "mknod FIFO", SYS_mknod, { BAD, S_IFIFO | 0600 }, EFAULT },
		{ "mknodat block device", SYS_mknodat, { AT_FDCWD, BAD, S_IFBLK }, EPERM },
		{ "mknodat FIFO", SYS_mknodat, { AT_FDCWD, BAD, S_IFIFO }, EFAULT },
	};

	expect(table, COUNT(table), true);
}

Test(seccomp, lets_a_template_make_newborns)
{
	static const struct question table[] = {
		{ CALL(setns), { -1, 0 }, EBADF },
		{ CALL(clone3), { BAD, 0 }, EINVAL },
		{ "keyctl join", SYS_keyctl, { KEYCTL_JOIN_SESSION_KEYRING, 0 }, 0 },
		{ "keyctl other", SYS_keyctl, { KEYCTL_GET_KEYRING_ID, -3, 0 }, ENOSYS },
		{ CALL(landlock_create_ruleset), { 0, 0, LANDLOCK_VERSION }, 0 },
		{ CALL(landlock_add_rule), { -1, 1, BAD, 0 }, EBADF },
		{ CALL(landlock_restrict_self), { -1 }, EBADF },
		{ CALL(setgroups), { 0, 0 }, 0 },
		{ CALL(pidfd_open), { -1, 0 }, EINVAL },
	};

	expect(table, COUNT(table), false);
}

Test(seccomp, refuses_to_the_born_what_births_need)
{
	static const struct question table[] = {
		{ CALL(setns), { -1, 0 }, EPERM },
		{ CALL(clone3), { BAD, 0 }, ENOSYS },
		{ CALL(keyctl), { KEYCTL_JOIN_SESSION_KEYRING, 0 }, ENOSYS },
		{ CALL(landlock_create_ruleset), { 0, 0, LANDLOCK_VERSION }, ENOSYS },
		{ CALL(landlock_add_rule), { -1 }, ENOSYS },
		{ CALL(landlock_restrict_self), { -1 }, ENOSYS },
		{ CALL(pidfd_open), { -1, 0 }, EINVAL },
		{ CALL(pidfd_send_signal), { -1 }, EBADF },
	};

	expect(table, COUNT(table), true);
}

static int call_by_int80(void *argument)
{
	long number = 20; /* getpid among the calls of i386 */

	(void)argument;
	prctl(PR_SET_DUMPABLE, 0);
	if (attach(true))
		return 1;
	__asm__ volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
	return 0;
}

static int call_as_x32(void *argument)
{
	(void)argument;
	prctl(PR_SET_DUMPABLE, 0);
	if (attach(true))
		return 1;
	syscall(0x40000000 | SYS_getpid);
	return 0;
}

Test(seccomp, kills_who_calls_by_another_architecture)
{
	cr_expect_eq(child_run(call_by_int80, NULL), 256 + SIGSYS);
	cr_expect_eq(child_run(call_as_x32, NULL), 256 + SIGSYS);
}

static int loosen(void *argument)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &allow };
	long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;

	(void)argument;
	if (attach(true))
		return 1;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) >= 0 || errno != EPERM)
		return 2;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		return 3;
	return syscall(SYS_unshare, 0) == 0 || errno != EPERM;
}

Test(seccomp, can_be_made_stricter_but_not_looser)
{
	cr_assert_eq(child_run(loosen, NULL), 0);
}

Test(seccomp, fails_to_attach_without_no_new_privs_or_capability)
{
	struct error error = { "" };
	struct seccomp_birth_filter filter;

	cr_assert_eq(seccomp_birth_filter_build(&filter, &error), 0);
	cr_assert_gt(filter.length, 0);
	cr_assert_leq(filter.length, SECCOMP_BIRTH_INSTRUCTIONS_MAX / 4, "paid for at each birth");
	cr_assert_eq(setuid(65534), 0);
	cr_assert_eq(seccomp_birth_filter_attach(&filter), -EACCES);
	cr_assert_neq(seccomp_attach_allowed(&error), 0);
	cr_assert_neq(error.sentence[0], '\0');
}

/* Everything that jail/ puts around a worker, in the order of a birth, then a real program. */
static int run_as_newborn(void *argument)
{
	static const struct identity_limits limits = {
		.open_files = 256, .file_bytes = 64 << 20, .pids = 64,
	};
	char *const environment[] = { "PATH=/usr/bin:/bin", "HOME=/tmp", NULL };
	struct seccomp_birth_filter filter;
	uid_t uid = NEWBORN_UID;

	if (identity_set_no_new_privs() || identity_bound_capabilities() ||
		seccomp_birth_filter_build(&filter, NULL) || seccomp_attach_allowed(NULL))
		return 101;
	if (identity_join_keyring() || identity_set_limits(&limits) || identity_drop_to(uid, uid) ||
		identity_tie_to_parent() || chdir("/tmp"))
		return 102;
	if (landlock_abi() > 0 && landlock_enter(landlock_abi()))
		return 103;
	if (seccomp_birth_filter_attach(&filter) || identity_verify_powerless())
		return 104;
	execve(((char *const *)argument)[0], argument, environment);
	return 105;
}

static int run_program(const char *path, const char *program)
{
	const char *arguments[] = { path, "-c", program, NULL };

	return child_run(run_as_newborn, arguments);
}

Test(seccomp, lets_python_use_threads_and_processes, .timeout = 60)
{
	static const char program[] =
		"import subprocess, threading, asyncio, os, signal, socket\n"
		"seen = []\n"
		"threads = [threading.Thread(target=seen.append, args=(i,)) for i in range(8)]\n"
		"for t in threads: t.start()\n"
		"for t in threads: t.join()\n"
		"assert sorted(seen) == list(range(8))\n"
		"out = subprocess.run(['bash', '-c', 'echo $(echo a | tr a b) > /dev/null; "
		"cat <(echo c)'], capture_output=True, text=True, check=True)\n"
		"assert out.stdout == 'c\\n', out\n"
		"async def main():\n"
		"    watcher = asyncio.PidfdChildWatcher()\n"
		"    watcher.attach_loop(asyncio.get_running_loop())\n"
		"    asyncio.set_child_watcher(watcher)\n"
		"    child = await asyncio.create_subprocess_exec('sh', '-c', 'exit 7')\n"
		"    assert await child.wait() == 7\n"
		"    here, there = socket.socketpair()\n"
		"    reader, writer = await asyncio.open_unix_connection(sock=here)\n"
		"    writer.write(b'x'); await writer.drain(); writer.close()\n"
		"    assert there.recv(9) == b'x'\n"
		"    await asyncio.to_thread(os.sync)\n"
		"asyncio.run(main())\n"
		"pid = os.fork()\n"
		"if pid == 0: os._exit(3)\n"
		"assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3\n"
		"os.posix_spawn('/bin/true', ['true'], {}); os.wait()\n"
		"signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n"
		"signal.setitimer(signal.ITIMER_REAL, 0.001)\n"
		"assert signal.sigwait([signal.SIGALRM]) == signal.SIGALRM\n";

	cr_assert_eq(run_program("/usr/bin/python3.11", program), 0);
}

Test(seccomp, lets_python_share_memory_and_keep_databases, .timeout = 60)
{
	static const char program[] =
		"import multiprocessing as mp, sqlite3, tempfile, os, mmap, select\n"
		"from multiprocessing import shared_memory\n"
		"def main():\n"
		"    for way in ('fork', 'spawn'):\n"
		"        context = mp.get_context(way)\n"
		"        lock, queue = context.Lock(), context.Queue()\n"
		"        child = context.Process(target=queue.put, args=(5,))\n"
		"        child.start(); assert queue.get() == 5; child.join()\n"
		"        with lock: pass\n"
		"    with mp.get_context('fork').Pool(2) as pool:\n"
		"        assert pool.map(abs, [-1, -2, -3]) == [1, 2, 3]\n"
		"    shared = shared_memory.SharedMemory(create=True, size=4096)\n"
		"    shared.buf[0] = 9; shared.close(); shared.unlink()\n"
		"    with tempfile.TemporaryDirectory() as directory:\n"
		"        for mode in ('delete', 'wal'):\n"
		"            base = sqlite3.connect(os.path.join(directory, mode))\n"
		"            base.execute('pragma journal_mode=' + mode)\n"
		"            base.execute('create table t (x)')\n"
		"            base.executemany('insert into t values (?)', zip(range(9)))\n"
		"            base.commit()\n"
		"            assert base.execute('select sum(x) from t').fetchone() == (36,)\n"
		"            base.close()\n"
		"        os.mkfifo(os.path.join(directory, 'fifo'))\n"
		"    fd = os.memfd_create('m'); os.truncate(fd, 4096)\n"
		"    mmap.mmap(fd, 4096).close()\n"
		"    select.epoll().close(); os.eventfd(0)\n"
		"    os.getrandom(8); os.sched_getaffinity(0)\n"
		"    os.copy_file_range(fd, os.memfd_create('n'), 100)\n"
		"main()\n";

	cr_assert_eq(run_program("/usr/bin/python3.11", program), 0);
}

Test(seccomp, tells_python_at_once_that_there_is_no_network, .timeout = 30)
{
	static const char program[] =
		"import socket, urllib.request, urllib.error, time, errno\n"
		"start = time.monotonic()\n"
		"try: socket.socket(); raise SystemExit(2)\n"
		"except OSError as e: assert e.errno == errno.EAFNOSUPPORT, e\n"
		"try: socket.getaddrinfo('example.com', 80); raise SystemExit(3)\n"
		"except socket.gaierror: pass\n"
		"try: urllib.request.urlopen('http://127.0.0.1:9/'); raise SystemExit(4)\n"
		"except urllib.error.URLError as e: assert 'family not supported' in str(e), e\n"
		"assert time.monotonic() - start < 5\n";

	cr_assert_eq(run_program("/usr/bin/python3.11", program), 0);
}

Test(seccomp, lets_a_shell_work, .timeout = 30)
{
	static const char program[] =
		"set -e; cd /tmp; d=$(mktemp -d); trap 'rm -rf $d' EXIT; cd $d\n"
		"for i in 1 2 3; do (echo $i > f$i) & done; wait\n"
		"cat f* | sort -n | tee all | wc -l | grep -q 3; cp all copy; mv copy moved\n"
		"ln -s moved link; tar cf - . | tar tf - > /dev/null\n"
		"find . -name 'f*' | xargs rm\n"
		"grep -q 2 <<< $(cat link); timeout 5 true; nice true; sync\n"
		"test ! -t 0 < /dev/null\n";

	cr_assert_eq(run_program("/bin/bash", program), 0);
}
