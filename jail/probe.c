// SPDX-License-Identifier: Apache-2.0
/*
 * jail/probe.c: one throw-away child a layer.
 *
 * The child writes its findings into a page shared with the caller, and the caller believes them
 * only if the child ended well: who dies on the way has not proved anything. A layer is enforced
 * when it was seen to refuse, not when setting it up succeeded.
 *
 * Children are not dumpable: some of them are meant to die of SIGSYS, and no core handler of the
 * host shall run for that.
 */
#include "jail/probe.h"

#include "base/error.h"
#include "base/own.h"
#include "jail/identity.h"
#include "jail/landlock.h"
#include "jail/seccomp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBE_SECONDS_MAX 10
#define PROBE_UID 65534 /* nobody: for the moment of the try */

static void found(struct layer_status *status, enum layer_state state, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void found(struct layer_status *status, enum layer_state state, const char *format, ...)
{
	va_list list;

	status->state = state;
	va_start(list, format);
	vsnprintf(status->detail, sizeof(status->detail), format, list);
	va_end(list);
}

/* Waits for a child; its wait status, or a negative errno. */
static int child_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}

/* --- Namespaces ------------------------------------------------------------------------------ */

static const struct {
	uint64_t flag;
	const char *name;
} namespaces[] = {
	{ CLONE_NEWPID, "pid" }, { CLONE_NEWNS, "mount" }, { CLONE_NEWIPC, "ipc" },
	{ CLONE_NEWUTS, "uts" }, { CLONE_NEWCGROUP, "cgroup" }, { CLONE_NEWNET, "net" },
};

#define NAMESPACE_COUNT (sizeof(namespaces) / sizeof(namespaces[0]))

/*
 * Makes a first process in new namespaces and joins them through its pidfd, as births do (pidfd
 * and setns() since Linux 5.8). 0 or a negative errno.
 */
static int namespaces_try(uint64_t flags)
{
	int pidfd = -1, r = 0;
	struct clone_args arguments = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if ((flags & CLONE_NEWPID) && getpid() != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (setns(pidfd, (int)(flags & ~(uint64_t)CLONE_NEWPID)) ||
		((flags & CLONE_NEWPID) && setns(pidfd, CLONE_NEWPID)))
		r = -errno;
	kill(pid, SIGKILL);
	fd_close(&pidfd);

	int status = child_wait(pid);

	return r ? r : WIFSIGNALED(status) ? 0 : -EIO;
}

static void probe_namespaces(struct layer_status *ret)
{
	uint64_t all = 0;
	unsigned working = 0;
	char missing[64] = "";
	int r, error = 0;

	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		all |= namespaces[i].flag;
	r = namespaces_try(all);
	if (r == 0)
		return found(ret, LAYER_ENFORCED, "pid, mount, ipc, uts, cgroup, net");
	if (r == -EPERM)
		return found(ret, LAYER_ABSENT, "no new namespaces: %s; run as root with "
			"CAP_SYS_ADMIN (a container: privileged)", error_text(r));
	for (size_t i = 0; i < NAMESPACE_COUNT; i++) {
		int one = namespaces_try(namespaces[i].flag);
		size_t used = strlen(missing);

		if (one == 0) {
			working++;
			continue;
		}
		error = one;
		snprintf(missing + used, sizeof(missing) - used, "%s%s", used ? ", " : "",
			namespaces[i].name);
	}
	found(ret, working ? LAYER_DEGRADED : LAYER_ABSENT,
		"not to be had: %s: %s; needs Linux 5.8 with CONFIG_NAMESPACES, and room in "
		"/proc/sys/user/max_*_namespaces", error ? missing : "all at once",
		error_text(error ? error : r));
}

/* --- View ------------------------------------------------------------------------------------ */

#define VIEW "/tmp" /* over it, in a mount namespace of the child's own */
#define VIEW_BYTES 65536

static int view_mount(const char **ret_step)
{
	*ret_step = "a mount namespace";
	if (unshare(CLONE_NEWNS))
		return -errno;
	*ret_step = "its mounts private";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	*ret_step = "a tmpfs with limits";
	if (mount("tmpfs", VIEW, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,nr_inodes=64") ||
		mkdir(VIEW "/system", 0755) || mkdir(VIEW "/proc", 0755))
		return -errno;
	*ret_step = "a read-only bind of /usr";
	if (mount("/usr", VIEW "/system", NULL, MS_BIND, NULL) ||
		mount(NULL, VIEW "/system", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID,
			NULL))
		return -errno;
	return 0;
}

static bool view_is_read_only(void)
{
	static const char path[] = VIEW "/system/corral-probe";
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		unlink(path);
	return fd < 0 && errno == EROFS;
}

static bool view_is_bounded(void)
{
	AUTO_FD fd = open(VIEW "/file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd >= 0 && fallocate(fd, 0, 0, 2 * VIEW_BYTES) < 0 && errno == ENOSPC;
}

static void probe_view(struct layer_status *ret)
{
	const char *step;
	int r = view_mount(&step);

	if (r)
		return found(ret, LAYER_ABSENT, "cannot make %s: %s; run as root with "
			"CAP_SYS_ADMIN (a container: privileged)", step, error_text(r));
	if (!view_is_read_only())
		return found(ret, LAYER_ABSENT, "a file could be made below a read-only bind of "
			"/usr; do not run untrusted code here");
	if (!view_is_bounded())
		return found(ret, LAYER_DEGRADED, "tmpfs ignores its size; the kernel needs "
			"CONFIG_TMPFS, not ramfs");
	if (mount("proc", VIEW "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "subset=pid"))
		return found(ret, LAYER_DEGRADED, "/proc shows more than processes, for want "
			"of subset=pid: %s; needs Linux 5.8", error_text(errno));
	found(ret, LAYER_ENFORCED, "read-only binds, tmpfs with limits, /proc with subset=pid");
}

/* --- Ids ------------------------------------------------------------------------------------- */

static int ids_drop(const char **ret_step)
{
	const struct identity_limits limits = { .open_files = 64, .file_bytes = 1, .pids = 64 };
	int r;

	*ret_step = "set no_new_privs";
	if ((r = identity_set_no_new_privs()))
		return r;
	*ret_step = "empty the bounding set";
	if ((r = identity_bound_capabilities()))
		return r;
	*ret_step = "set rlimits";
	if ((r = identity_set_limits(&limits)))
		return r;
	*ret_step = "take another uid";
	if ((r = identity_drop_to(PROBE_UID, PROBE_UID)))
		return r;
	*ret_step = "lose every capability";
	return identity_verify_powerless();
}

static void probe_ids(struct layer_status *ret)
{
	AUTO_FD fd = open("/", O_PATH | O_CLOEXEC);
	const char *step;
	int keyring = identity_join_keyring();
	int r = ids_drop(&step);

	if (r)
		return found(ret, LAYER_ABSENT, "cannot %s: %s; run as root with CAP_SETUID, "
			"CAP_SETGID, CAP_SETPCAP", step, error_text(r));
	if (setresuid(0, 0, 0) == 0)
		return found(ret, LAYER_ABSENT, "a uid that was given up came back; do not run "
			"untrusted code here");
	if (fcntl(fd, F_DUPFD_CLOEXEC, 64) >= 0)
		return found(ret, LAYER_DEGRADED, "RLIMIT_NOFILE does not bite; report this "
			"kernel");
	if (keyring)
		return found(ret, LAYER_DEGRADED, "workers share the daemon's session keyring: %s; "
			"raise /proc/sys/kernel/keys/root_maxkeys", error_text(keyring));
	found(ret, LAYER_ENFORCED, "own uid, no capabilities, no_new_privs, own keyring, rlimits");
}

/* --- Seccomp --------------------------------------------------------------------------------- */

/* The same call by its i386 number; where the kernel has no 32-bit entry at all: SIGSEGV. */
static void call_by_int80(void)
{
	long number = 20; /* getpid */

	__asm__ volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
}

static void call_as_x32(void)
{
	syscall(0x40000000 | SYS_getpid);
}

static bool kills(void (*call)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		call();
		_exit(0);
	}

	int status = pid < 0 ? 0 : child_wait(pid);

	return status > 0 && WIFSIGNALED(status) &&
		(WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV);
}

static int seccomp_attach_both(void)
{
	struct seccomp_birth_filter filter;
	int r = identity_set_no_new_privs();

	if (!r)
		r = seccomp_birth_filter_build(&filter, NULL);
	if (!r)
		r = seccomp_attach_allowed(NULL);
	if (!r)
		r = seccomp_birth_filter_attach(&filter);
	return r;
}

static void probe_seccomp(struct layer_status *ret)
{
	const char *passed = NULL;
	int r = seccomp_attach_both();

	if (r)
		return found(ret, LAYER_ABSENT, "cannot attach a filter: %s; the kernel needs "
			"CONFIG_SECCOMP_FILTER", error_text(r));
	if (unshare(CLONE_NEWUSER) == 0 || errno != EPERM)
		passed = "unshare()";
	else if (syscall(SYS_clone3, NULL, 0) >= 0 || errno != ENOSYS)
		passed = "clone3()";
	else if (socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 || errno != EAFNOSUPPORT)
		passed = "socket(AF_INET)";
	else if (!kills(call_by_int80))
		passed = "int 0x80";
	else if (!kills(call_as_x32))
		passed = "an x32 call";
	if (passed)
		return found(ret, LAYER_ABSENT, "%s was not refused as it should; an older "
			"filter or a tracer stands before ours", passed);
	found(ret, LAYER_ENFORCED, "list of allowed calls, conditions, no foreign architectures");
}

/* --- Landlock -------------------------------------------------------------------------------- */

#define LANDLOCK_ABI_SCOPES 6 /* Linux 6.12 */
#define ELSEWHERE "/dev/ptmx" /* anybody may open it for writing, except below our rules */

static int abstract_listen(struct sockaddr_un *ret_address, socklen_t *ret_length, int *ret_fd)
{
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* Only the family: the kernel picks a free abstract name (unix(7), autobind). */
	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*ret_length = sizeof(*ret_address);
	if (bind(fd, (struct sockaddr *)ret_address, sizeof(sa_family_t)) || listen(fd, 1) ||
		getsockname(fd, (struct sockaddr *)ret_address, ret_length))
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

static bool landlock_lets_write(void)
{
	AUTO_FD fd = open(ELSEWHERE, O_RDWR | O_NOCTTY | O_CLOEXEC);

	return fd >= 0 || errno != EACCES;
}

static bool landlock_lets_connect(const struct sockaddr_un *address, socklen_t length)
{
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (const struct sockaddr *)address, length) == 0 || errno != EPERM;
}

static void probe_landlock(struct layer_status *ret)
{
	AUTO_FD listener = -1;
	struct sockaddr_un address;
	socklen_t length;
	int abi = landlock_abi();
	int r = abi < 0 ? abi : abstract_listen(&address, &length, &listener);

	if (abi < 0)
		return found(ret, LAYER_ABSENT, "%s; %s", error_text(abi), abi == -EOPNOTSUPP
			? "add landlock to lsm= on the kernel's command line"
			: "needs Linux 5.13 with CONFIG_SECURITY_LANDLOCK");
	if (r || access(ELSEWHERE, W_OK))
		return found(ret, LAYER_DEGRADED, "ABI %d, but nothing to try it on: %s; /dev "
			"needs a ptmx", abi, error_text(r ? r : errno));
	r = identity_set_no_new_privs();
	if (!r)
		r = landlock_enter(abi);
	if (r || landlock_lets_write())
		return found(ret, LAYER_ABSENT, "ABI %d, but %s: %s; report this kernel", abi,
			r ? "no domain" : "a write outside went through", error_text(r));
	if (abi < LANDLOCK_ABI_SCOPES)
		return found(ret, LAYER_DEGRADED, "ABI %d: files only; abstract sockets and "
			"signals need ABI %d, Linux 6.12", abi, LANDLOCK_ABI_SCOPES);
	if (landlock_lets_connect(&address, length) || kill(getppid(), 0) == 0)
		return found(ret, LAYER_DEGRADED, "ABI %d: files hold, but an abstract socket or a "
			"signal left the domain; report this kernel", abi);
	found(ret, LAYER_ENFORCED, "ABI %d: files, TCP, abstract sockets, signals", abi);
}

/* --- The frame ------------------------------------------------------------------------------- */

static void (*const probes[LAYER_COUNT])(struct layer_status *ret) = {
	[LAYER_NAMESPACES] = probe_namespaces,
	[LAYER_VIEW] = probe_view,
	[LAYER_IDS] = probe_ids,
	[LAYER_SECCOMP] = probe_seccomp,
	[LAYER_LANDLOCK] = probe_landlock,
};

static void probe_in_child(enum layer layer, struct layer_status *shared)
{
	sigset_t none;

	sigemptyset(&none);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGALRM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarm(PROBE_SECONDS_MAX);
	probes[layer](shared);
	_exit(0);
}

void probe_layer(enum layer layer, struct layer_status *ret_status)
{
	struct layer_status *shared;
	int status;
	pid_t pid;

	assert((unsigned)layer < LAYER_COUNT && probes[layer]);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		0);
	if (shared == MAP_FAILED)
		return found(ret_status, LAYER_ABSENT, "no page to try it with: %s",
			error_text(errno));
	pid = fork();
	if (pid == 0)
		probe_in_child(layer, shared);
	status = pid < 0 ? -errno : child_wait(pid);
	if (status == 0)
		*ret_status = *shared;
	else if (status < 0)
		found(ret_status, LAYER_ABSENT, "no child to try it with: %s", error_text(status));
	else
		found(ret_status, LAYER_ABSENT, "the child that tried it died, wait status 0x%x",
			(unsigned)status);
	munmap(shared, sizeof(*shared));
}
