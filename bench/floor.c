// SPDX-License-Identifier: Apache-2.0
/*
 * bench/floor.c: what would a bare fork a run cost, with the same isolation?
 *
 *	floor [STREAMS [SECONDS]]
 *
 * The yardstick for Corral: a zygote, as small as it can honestly be made. It embeds the same
 * Python with the same modules imported, sealed into a memfd by the same code; each run is one
 * clone3 into new pid, mount, ipc, uts and cgroup namespaces and into a v2 group. The child takes
 * every layer that a worker of Corral's has: v1 groups, private tmpfs and /proc in the read-only
 * view, keyring, rlimits, uid, Landlock, seccomp. It runs `print(1+1)` into a pipe, exits, and is
 * reaped. No pool, no io_uring, one thread; a stream is one such process, on a CPU of its own.
 *
 * Where it has less, it is faster for that, never slower: the program is PID 1 of its namespace,
 * the network namespace is one a stream and inherited, the conditions on arguments of system calls
 * are left out, and nothing measures, limits time or reads more than one pipe.
 * Latency is from before the clone to after the reaping. Closed loop.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "bench/harness.h"
#include "jail/cgroup.h"
#include "jail/enter.h"
#include "jail/identity.h"
#include "jail/init/init.h"
#include "jail/landlock.h"
#include "jail/seccomp_policy.h"
#include "runtime/python/python.h"
#include "runtime/seal.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STREAMS_MAX 64u
#define CODE "print(1+1)"
#define OUTPUT "2\n"
#define UID_FIRST 0x6f000000u
#define FILTER_INSTRUCTIONS_MAX 1024u
#define MEMORY_BYTES (UINT64_C(256) << 20)
#define FILES_BYTES (UINT64_C(64) << 20)

struct filter {
	struct sock_filter code[FILTER_INSTRUCTIONS_MAX];
	unsigned short length;
};

/* Shared by the streams. */
static struct floor {
	unsigned ready;
	uint64_t begin_nsec, end_nsec; /* begin 0: not yet */
	struct histogram latency[STREAMS_MAX];
} * shared;

static struct cgroup_entrance entrance;
static struct filter list, last;
static int abi;

/* --- What the runtime asks of its stub ------------------------------------------------------- */

void stub_forked(void)
{
}

void stub_write(enum output_kind kind, const void *bytes, size_t size)
{
	if (kind == OUTPUT_STDOUT && write(1, bytes, size) != (ssize_t)size)
		_exit(3);
}

/* --- Filters --------------------------------------------------------------------------------- */

/* The child itself mounts, so that one call has the answer `mounting` instead of the table's. */
static void filter_compile(struct filter *filter, uint32_t usual, uint32_t mounting,
	const struct seccomp_rule *rules, size_t count)
{
	AUTO_FD fd = memfd_create("filter", MFD_CLOEXEC);
	ssize_t size = -1;
	scmp_filter_ctx context = seccomp_init(usual);
	int result = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) ||
		seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2) ||
		seccomp_rule_add_exact(context, mounting, SCMP_SYS(mount), 0);

	for (size_t i = 0; i < count && !result; i++)
		if (rules[i].number != SCMP_SYS(mount))
			result = seccomp_rule_add_exact(
				context, rules[i].answer, rules[i].number, 0);
	if (!result && !seccomp_export_bpf(context, fd))
		size = pread(fd, filter->code, sizeof(filter->code), 0);
	if (size <= 0 || (size_t)size == sizeof(filter->code))
		errx(1, "a filter cannot be compiled");
	filter->length = (unsigned short)((size_t)size / sizeof(filter->code[0]));
	seccomp_release(context);
}

static int filter_attach(const struct filter *filter)
{
	const struct sock_fprog program = { filter->length, (struct sock_filter *)filter->code };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? -errno : 0;
}

/* --- One run --------------------------------------------------------------------------------- */

/* The order is that of jail/init/cell.c and jail/enter.c. */
static int layers_take(unsigned stream)
{
	const struct identity_limits limits = {
		.open_files = 256,
		.file_bytes = FILES_BYTES,
		.pids = 32,
	};
	const uint32_t id = UID_FIRST + stream;
	const struct cell_request request = {
		.files_bytes = FILES_BYTES,
		.files_inodes = FILES_BYTES / 4096,
		.uid = id,
		.gid = id,
	};
	int result;

	if ((result = cgroup_entrance_join_v1(&entrance, stream)) < 0 ||
		(result = view_mount_files(&request)) < 0 || (result = view_mount_proc()) < 0 ||
		(result = identity_join_keyring()) < 0 ||
		(result = identity_set_limits(&limits)) < 0 ||
		(result = identity_drop_to(id, id)) < 0 ||
		(result = identity_verify_powerless()) < 0 ||
		(result = identity_tie_to_parent()) < 0 ||
		(result = chdir("/workspace") < 0 ? -errno : 0) < 0 ||
		(result = landlock_enter(abi)) < 0)
		return result;
	if (close_range(3, ~0u, 0) < 0)
		return -errno;
	return filter_attach(&last);
}

static void __attribute__((noreturn)) child_run(unsigned stream, int out)
{
	static char *nothing[] = { NULL };
	struct runtime_job job = {
		.code = CODE,
		.code_bytes = strlen(CODE),
		.environment = nothing,
		.arguments = nothing,
		.seed = { clock_now_nsec(), stream, 1, 1 },
	};
	struct output_end end;

	if (dup2(out, 1) < 0 || dup2(out, 2) < 0 || layers_take(stream) < 0)
		_exit(2);
	python_execute(&job, &end);
	_exit(end.ending == OUTPUT_ENDED_OK ? 0 : 1);
}

static void run_once(unsigned stream, int cgroup)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS |
			CLONE_NEWCGROUP | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
		.cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0,
		.exit_signal = SIGCHLD,
	};
	char bytes[64];
	size_t used = 0;
	ssize_t n;
	int ends[2], status;

	if (pipe2(ends, O_CLOEXEC) < 0)
		err(1, "pipe");
	python_fork_before();
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0) {
		python_fork_child();
		child_run(stream, ends[1]);
	}
	python_fork_parent();
	close(ends[1]);
	while (used < sizeof(bytes) && (n = read(ends[0], bytes + used, sizeof(bytes) - used)) > 0)
		used += (size_t)n;
	close(ends[0]);
	if (pid < 0 || waitpid(pid, &status, __WALL) != pid || status || used != strlen(OUTPUT) ||
		memcmp(bytes, OUTPUT, used) != 0)
		errx(1, "a run failed: pid %d, status 0x%x, %zu bytes", pid, (unsigned)status,
			used);
}

/* --- A stream -------------------------------------------------------------------------------- */

static void stream_prepare(unsigned stream, const cpu_set_t *allowed)
{
	struct error error = { .sentence = "" };
	const char *path = "";
	unsigned skip = stream % (unsigned)CPU_COUNT(allowed), cpu = 0;
	size_t bytes;
	cpu_set_t one;

	for (; !CPU_ISSET(cpu, allowed) || skip--; cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0 ||
		unshare(CLONE_NEWNET | CLONE_NEWUTS) < 0 || sethostname("corral", 6) < 0)
		err(1, "cannot settle stream %u", stream);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	abi = landlock_abi();
	filter_compile(
		&list, SCMP_ACT_ERRNO(ENOSYS), SCMP_ACT_ALLOW, seccomp_rules, seccomp_rule_count);
	filter_compile(&last, SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM), seccomp_birth_rules,
		seccomp_birth_rule_count);
	if (python_warm(NULL, &error) < 0 || seal_private_memory(&bytes, &error) < 0)
		errx(1, "%s", error.sentence);
	if (view_build(UID_FIRST, STREAMS_MAX, &path) < 0)
		err(1, "cannot build the view at %s", path);
	if (identity_bound_capabilities() < 0 || identity_set_no_new_privs() < 0 ||
		filter_attach(&list) < 0)
		err(1, "cannot bound stream %u", stream);
}

static void __attribute__((noreturn)) stream_main(unsigned stream, const cpu_set_t *allowed)
{
	struct histogram *latency = &shared->latency[stream];
	uint64_t before, now, end;
	int cgroup = -1;

	stream_prepare(stream, allowed);
	cgroup_entrance_open(&entrance, stream, &cgroup);
	for (int i = 0; i < 200; i++)
		run_once(stream, cgroup);
	histogram_init(latency);
	__atomic_add_fetch(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->begin_nsec, __ATOMIC_ACQUIRE))
		sched_yield();
	end = shared->end_nsec;
	for (now = clock_now_nsec(); now < end; histogram_add(latency, now - before)) {
		before = now;
		run_once(stream, cgroup);
		now = clock_now_nsec();
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned streams = harness_number(argc, argv, 1, 1, 1, STREAMS_MAX);
	unsigned seconds = harness_number(argc, argv, 2, 5, 1, 3600);
	const struct cgroup_limits limits = { .memory_bytes = MEMORY_BYTES, .pids = 32 };
	static struct histogram all;
	struct cgroups *cgroups;
	struct error error;
	cpu_set_t allowed;
	int status, failed = 0;

	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		err(1, "cannot begin");
	harness_json_begin("floor");
	fflush(stdout);
	if (cgroups_open(&cgroups, streams, &error) < 0)
		errx(1, "%s", error.sentence);
	cgroups_entrance(cgroups, &entrance);
	for (unsigned i = 0; i < streams; i++) {
		if (cgroups_slot_prepare(cgroups, i, &limits) < 0)
			errx(1, "cannot make a control group");
		if (fork() == 0)
			stream_main(i, &allowed);
	}
	while (__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) < streams && !failed)
		failed = waitpid(-1, &status, WNOHANG) > 0 || (harness_pause(10), 0);
	shared->end_nsec = clock_now_nsec() + seconds * NSEC_PER_SEC;
	__atomic_store_n(&shared->begin_nsec, clock_now_nsec(), __ATOMIC_RELEASE);
	while (waitpid(-1, &status, 0) > 0)
		failed |= status;
	double elapsed = (double)(clock_now_nsec() - shared->begin_nsec) / 1e9;

	cgroups_close(cgroups);
	if (failed)
		errx(1, "a stream failed");
	histogram_init(&all);
	for (unsigned i = 0; i < streams; i++)
		histogram_merge(&all, &shared->latency[i]);
	printf(",\"streams\":%u,\"executions\":%llu,\"per_second\":%.1f", streams,
		(unsigned long long)all.count, (double)all.count / elapsed);
	harness_json_quantiles("latency_usec", &all);
	printf("}\n");
	return 0;
}
