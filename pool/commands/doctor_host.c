// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/doctor_host.c: what the host must give, one small check a line of the table.
 *
 * A check reads what the kernel says now, or better tries it, and writes one finding; what falls
 * short comes with the reason why it matters and the command that mends it. A file that is not
 * there is a kernel without that knob, which is never an error here.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/own.h"
#include "base/quantity.h"
#include "jail/layer.h"
#include "pool/commands/doctor.h"
#include "pool/limits.h"
#include "ring/channel.h"
#include "ring/loop_support.h"
#include "snapshot/written.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

/* What the daemon needs beside its workers' share, in generous round numbers. */
#define POOL_DESCRIPTORS 512u /* pipes of busy workers, spare namespaces, rings, clients */
#define POOL_PROCESSES 128u
#define POOL_MAPPINGS 512u
#define WORKER_PROCESSES 2u /* corral-init and the worker */
#define WORKER_BYTES (700u * 1024u)
#define TEXT_BYTES 4096u

/* --- Rights ---------------------------------------------------------------------------------- */

static const struct {
	unsigned bit;
	const char *name, *loss; /* NULL: corral cannot run without it */
} capabilities[] = {
	{ CAP_SYS_ADMIN, "SYS_ADMIN", NULL },
	{ CAP_SETUID, "SETUID", NULL },
	{ CAP_SETGID, "SETGID", NULL },
	{ CAP_SETPCAP, "SETPCAP", NULL },
	{ CAP_CHOWN, "CHOWN", NULL },
	{ CAP_MKNOD, "MKNOD", NULL },
	{ CAP_KILL, "KILL", NULL },
	{ CAP_SYS_PTRACE, "SYS_PTRACE", "no execution can have its own limit of files" },
	{ CAP_SYS_NICE, "SYS_NICE", "the loops cannot go before their workers" },
};

static void name_add(char *list, size_t size, const char *name)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
}

static void check_root(struct doctor_finding *finding, const struct doctor *doctor)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	char needed[96] = "", wished[96] = "";
	const char *loss = NULL;

	if (geteuid() != 0) {
		doctor_found(finding, DOCTOR_MISSING, "uid %u", geteuid());
		doctor_advise(
			finding, "corral makes namespaces and control groups: run it with sudo");
		return;
	}
	syscall(SYS_capget, &header, data);
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		unsigned bit = capabilities[i].bit;

		if (data[bit / 32].effective & (1u << bit % 32))
			continue;
		name_add(capabilities[i].loss ? wished : needed, sizeof(needed),
			capabilities[i].name);
		loss = loss ? loss : capabilities[i].loss;
	}
	if (needed[0]) {
		doctor_found(finding, DOCTOR_MISSING, "root without CAP_%s", needed);
		doctor_advise(finding,
			"give them to the service (systemd: CapabilityBoundingSet=, "
			"docker: --privileged)");
	} else if (wished[0]) {
		doctor_found(finding, DOCTOR_DEGRADED, "root without CAP_%s", wished);
		doctor_advise(finding,
			"without it %s; systemd: CapabilityBoundingSet=, docker: --cap-add", loss);
	} else {
		doctor_found(finding, DOCTOR_OK, "root, with every capability that is used");
	}
}

/* --- The kernel ------------------------------------------------------------------------------ */

static void check_kernel(struct doctor_finding *finding, const struct doctor *doctor)
{
	struct utsname system;
	unsigned major = 0, minor = 0;

	if (uname(&system) < 0 || sscanf(system.release, "%u.%u", &major, &minor) != 2) {
		doctor_found(finding, DOCTOR_MISSING, "a kernel that does not say its version");
		return;
	}
	unsigned version = major * 1000 + minor;

	if (version >= 5014) {
		doctor_found(finding, DOCTOR_OK, "Linux %s", system.release);
	} else if (version >= 5012) {
		doctor_found(finding, DOCTOR_DEGRADED, "Linux %s", system.release);
		doctor_advise(
			finding, "cgroup.kill, the second means to end a cell, came with 5.14");
	} else {
		doctor_found(finding, DOCTOR_MISSING, "Linux %s", system.release);
		doctor_advise(
			finding, "mount_setattr(2), which makes files read-only, came with 5.12");
	}
}

static void check_io_uring(struct doctor_finding *finding, const struct doctor *doctor)
{
	struct loop_support support;
	uint64_t disabled = 0;
	int result = loop_support(&support);

	if (result < 0) {
		doctor_found(finding, DOCTOR_MISSING, "no ring: %s", error_text(result));
		file_read_number(AT_FDCWD, "/proc/sys/kernel/io_uring_disabled", &disabled);
		if (disabled)
			doctor_advise(finding,
				"every loop runs on one: sysctl -w kernel.io_uring_disabled=0");
		else
			doctor_advise(finding,
				"every loop runs on one; a seccomp filter around corral (that of "
				"a container) may refuse it");
	} else if (support.missing[0]) {
		doctor_found(finding, DOCTOR_MISSING, "a ring without %s", support.missing);
		doctor_advise(finding, "needs Linux 5.6");
	} else {
		doctor_found(finding, DOCTOR_OK,
			"a ring; completions %sdeferred; children waited for by %s; a receive has "
			"%s",
			support.defers ? "" : "not ", support.waits ? "waitid" : "polling a pidfd",
			support.shoots ? "many results" : "one result");
	}
}

/* Needed for --reset rewind and auto alone; what it needs of BPF is a layer's line. */
static void check_written_pages(struct doctor_finding *finding, const struct doctor *doctor)
{
	struct written_range range;
	uint64_t page = (uint64_t)(uintptr_t)&range & -(uint64_t)WRITTEN_PAGE_BYTES;
	unsigned count;
	int result = written_scan(getpid(), page, page + WRITTEN_PAGE_BYTES, &range, 1, &count);

	if (result == 0) {
		doctor_found(finding, DOCTOR_OK, "told by PAGEMAP_SCAN");
		return;
	}
	doctor_found(finding, DOCTOR_DEGRADED, "no PAGEMAP_SCAN: %s", error_text(result));
	doctor_advise(finding,
		"no worker can be rewound, each is replaced: it came with 6.7, and a seccomp "
		"filter around corral (that of a container) may refuse it");
}

static void check_memfd(struct doctor_finding *finding, const struct doctor *doctor)
{
	AUTO_FD fd = -1;
	int result = channel_create(&fd);

	if (result < 0) {
		doctor_found(finding, DOCTOR_MISSING, "no sealed memory: %s", error_text(result));
		doctor_advise(finding,
			"needs memfd_create(2) with sealing, and room in /dev/shm's "
			"memory; no filter of a container before it");
	} else if (ftruncate(fd, 0) == 0) {
		doctor_found(finding, DOCTOR_MISSING, "a seal against shrinking does not hold");
		doctor_advise(
			finding, "a worker could end the daemon with SIGBUS; report this kernel");
	} else {
		doctor_found(finding, DOCTOR_OK, "sealed memory keeps its size");
	}
}

/* --- Room for the workers -------------------------------------------------------------------- */

/* `room` workers fit; `advice` says how to make more. */
static void room_found(struct doctor_finding *finding, const struct doctor *doctor, uint64_t room,
	const char *what, uint64_t value, const char *advice)
{
	doctor_found(finding, room < doctor->workers ? DOCTOR_DEGRADED : DOCTOR_OK,
		"%s %llu: room for %llu workers", what, (unsigned long long)value,
		(unsigned long long)(room > POOL_WORKERS_MAX ? POOL_WORKERS_MAX : room));
	if (finding->state != DOCTOR_OK)
		doctor_advise(finding, "%u are wanted; %s", doctor->workers, advice);
}

static uint64_t room_for(uint64_t value, uint64_t of_pool, uint64_t of_worker)
{
	return value > of_pool ? (value - of_pool) / of_worker : 0;
}

static void check_descriptors(struct doctor_finding *finding, const struct doctor *doctor)
{
	struct rlimit files = { 0 };

	getrlimit(RLIMIT_NOFILE, &files);
	room_found(finding, doctor, room_for(files.rlim_max, POOL_DESCRIPTORS, 1),
		"hard RLIMIT_NOFILE", files.rlim_max,
		"raise it (ulimit -Hn, systemd: LimitNOFILE=)");
}

/* The smaller of the two bounds on ids of processes and threads. */
static void check_processes(struct doctor_finding *finding, const struct doctor *doctor)
{
	uint64_t pids = UINT64_MAX, threads = UINT64_MAX;

	file_read_number(AT_FDCWD, "/proc/sys/kernel/pid_max", &pids);
	file_read_number(AT_FDCWD, "/proc/sys/kernel/threads-max", &threads);
	const char *what = pids < threads ? "kernel.pid_max" : "kernel.threads-max";
	uint64_t value = pids < threads ? pids : threads;
	char advice[80];

	snprintf(advice, sizeof(advice), "sysctl -w %s=%u", what,
		2 * (doctor->workers * WORKER_PROCESSES + POOL_PROCESSES));
	room_found(finding, doctor, room_for(value, POOL_PROCESSES, WORKER_PROCESSES), what, value,
		advice);
}

static void check_mappings(struct doctor_finding *finding, const struct doctor *doctor)
{
	uint64_t value = 65530; /* the kernel's own standard */

	file_read_number(AT_FDCWD, "/proc/sys/vm/max_map_count", &value);
	room_found(finding, doctor, room_for(value, POOL_MAPPINGS, 1), "vm.max_map_count", value,
		"the daemon maps a channel for each: sysctl -w vm.max_map_count=262144");
}

static void check_namespaces(struct doctor_finding *finding, const struct doctor *doctor)
{
	static const char *const kinds[] = { "pid", "mnt", "ipc", "uts", "net", "cgroup" };
	char path[64], what[40] = "user.max_*_namespaces", advice[80];
	uint64_t least = UINT64_MAX, value;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(path, sizeof(path), "/proc/sys/user/max_%s_namespaces", kinds[i]);
		if (file_read_number(AT_FDCWD, path, &value) < 0 || value >= least)
			continue;
		least = value;
		snprintf(what, sizeof(what), "user.max_%s_namespaces", kinds[i]);
	}
	snprintf(advice, sizeof(advice), "sysctl -w %s=%u", what,
		2 * doctor->workers + POOL_PROCESSES);
	room_found(finding, doctor, room_for(least, POOL_PROCESSES, 1), what, least, advice);
}

static void check_memory(struct doctor_finding *finding, const struct doctor *doctor)
{
	char text[TEXT_BYTES] = "", words[2][24];
	const char *line;
	unsigned long long kib;

	file_read(AT_FDCWD, "/proc/meminfo", text, sizeof(text));
	line = strstr(text, "MemAvailable:");
	if (!line || sscanf(line, "MemAvailable: %llu", &kib) != 1) {
		doctor_found(finding, DOCTOR_NOTE, "the kernel does not say what is available");
		return;
	}
	uint64_t wanted = (uint64_t)doctor->workers * WORKER_BYTES;

	doctor_found(finding, wanted > kib * 1024 ? DOCTOR_DEGRADED : DOCTOR_OK,
		"%s available; %u idle workers take about %s",
		quantity_print_bytes(kib * 1024, words[0], sizeof(words[0])), doctor->workers,
		quantity_print_bytes(wanted, words[1], sizeof(words[1])));
	if (finding->state != DOCTOR_OK)
		doctor_advise(finding, "keep fewer workers ready");
}

/* --- What else the host does ----------------------------------------------------------------- */

static void check_core_pattern(struct doctor_finding *finding, const struct doctor *doctor)
{
	char pattern[160];
	int size = file_read(AT_FDCWD, "/proc/sys/kernel/core_pattern", pattern, sizeof(pattern));

	if (size < 0) {
		doctor_found(finding, DOCTOR_NOTE, "cannot be read: %s", error_text(size));
		return;
	}
	pattern[strcspn(pattern, "\n")] = '\0';
	doctor_found(finding, pattern[0] == '|' || pattern[0] == '@' ? DOCTOR_DEGRADED : DOCTOR_OK,
		"%s", pattern);
	if (finding->state != DOCTOR_OK)
		doctor_advise(finding,
			"a crash inside a cell reaches a program of the host's, as root, "
			"whatever RLIMIT_CORE says: sysctl -w kernel.core_pattern=core");
}

/* Whether some memory controller can bound swap: v1 with swap accounting, or v2. */
static bool swap_is_bounded(void)
{
	static const char pattern[] =
		"/sys/fs/cgroup/{memory/memory.memsw.limit_in_bytes,*/memory.swap.max}";
	glob_t found;
	bool bounded = glob(pattern, GLOB_NOSORT | GLOB_BRACE, NULL, &found) == 0;

	globfree(&found);
	return bounded;
}

static void check_swap(struct doctor_finding *finding, const struct doctor *doctor)
{
	char text[TEXT_BYTES];
	const char *second = NULL;

	if (file_read(AT_FDCWD, "/proc/swaps", text, sizeof(text)) > 0)
		second = strchr(text, '\n');
	if (!second || !second[1]) {
		doctor_found(finding, DOCTOR_OK, "none");
	} else if (swap_is_bounded()) {
		doctor_found(finding, DOCTOR_OK, "on, and cells get none of it");
	} else {
		doctor_found(finding, DOCTOR_DEGRADED, "on, and not bounded by control groups");
		doctor_advise(finding,
			"a program can push its memory, and others', to the disk beyond its "
			"limit: swapoff -a, or swapaccount=1 on the kernel's command line");
	}
}

static void check_overcommit(struct doctor_finding *finding, const struct doctor *doctor)
{
	uint64_t mode = 0;

	file_read_number(AT_FDCWD, "/proc/sys/vm/overcommit_memory", &mode);
	doctor_found(finding, mode == 2 ? DOCTOR_DEGRADED : DOCTOR_OK, "vm.overcommit_memory %llu",
		(unsigned long long)mode);
	if (mode == 2)
		doctor_advise(finding,
			"each fork of a template counts all its memory, and births fail "
			"early: sysctl -w vm.overcommit_memory=0");
}

static void check_user_namespaces(struct doctor_finding *finding, const struct doctor *doctor)
{
	uint64_t allowed = 1, max = 0;

	file_read_number(AT_FDCWD, "/proc/sys/kernel/unprivileged_userns_clone", &allowed);
	file_read_number(AT_FDCWD, "/proc/sys/user/max_user_namespaces", &max);
	doctor_found(finding, DOCTOR_NOTE, "%s for users of the host; never inside cells",
		allowed && max ? "open" : "closed");
}

static void check_smt(struct doctor_finding *finding, const struct doctor *doctor)
{
	uint64_t active = 0;

	file_read_number(AT_FDCWD, "/sys/devices/system/cpu/smt/active", &active);
	if (active)
		doctor_found(finding, DOCTOR_NOTE, "on: cells on one core can time each other");
	else
		doctor_found(finding, DOCTOR_OK, "off");
}

static void check_ksm(struct doctor_finding *finding, const struct doctor *doctor)
{
	uint64_t run = 0;

	file_read_number(AT_FDCWD, "/sys/kernel/mm/ksm/run", &run);
	doctor_found(finding, run == 1 ? DOCTOR_DEGRADED : DOCTOR_OK, "%s",
		run == 1 ? "running" : "off");
	if (run == 1)
		doctor_advise(finding,
			"equal pages of different cells are merged where a program asked for "
			"it, and a write's timing tells: echo 2 > /sys/kernel/mm/ksm/run");
}

static const struct {
	const char *name;
	void (*check)(struct doctor_finding *finding, const struct doctor *doctor);
} checks[] = {
	{ "root", check_root },
	{ "kernel", check_kernel },
	{ "io_uring", check_io_uring },
	{ "memfd", check_memfd },
	{ "written pages", check_written_pages },
	{ "descriptors", check_descriptors },
	{ "processes", check_processes },
	{ "mappings", check_mappings },
	{ "namespace room", check_namespaces },
	{ "memory", check_memory },
	{ "core_pattern", check_core_pattern },
	{ "swap", check_swap },
	{ "overcommit", check_overcommit },
	{ "user namespaces", check_user_namespaces },
	{ "SMT", check_smt },
	{ "KSM", check_ksm },
};

static_assert(sizeof(checks) / sizeof(checks[0]) + LAYER_COUNT < DOCTOR_FINDINGS_MAX, "room");

void doctor_check_host(struct doctor *doctor)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i].check(doctor_add(doctor, "host", checks[i].name), doctor);
}
