// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/template.c: a warm runtime that only forks.
 *
 * A newborn is made by a raw clone3, because the C library's fork can give it neither the daemon as
 * parent (CLONE_PARENT) nor its cgroup (CLONE_INTO_CGROUP). Two things that fork() would have done
 * are done here: the runtime's own hooks around it, and the thread id that the C library keeps for
 * raise() and abort() (CLONE_CHILD_SETTID to the address that it registered itself).
 *
 * The template holds no secret: every worker can read all of it.
 */
#include "runtime/template.h"

#include "base/own.h"
#include "jail/identity.h"
#include "jail/landlock.h"
#include "ring/message.h"
#include "ring/restorer.h"
#include "runtime/join.h"
#include "runtime/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define HEAP_REQUEST_BYTES (120u * 1024u) /* below the threshold of mmap(2), 128 KiB */
#define HEAP_SMALL_BYTES 2048u            /* up to here each size has a bin (malloc.c of glibc) */
#define HEAP_CHUNK_BYTES_MIN 16u
#define HEAP_MAPPED_BYTES_MIN (1 << 20)   /* what is larger gets a mapping of its own */
#define HEAP_ROOM_BYTES (8 << 20)
#define CHUNK_OVERHEAD_BYTES 64

static void ready_send(int error, const char *sentence)
{
	struct birth_reply reply = {
		.version = CELL_VERSION,
		.kind = BIRTH_TEMPLATE_READY,
		.error = error,
	};

	snprintf(reply.sentence, sizeof(reply.sentence), "%s", sentence);
	message_send(CELL_FD_SOCKET, &reply, sizeof(reply), NULL, 0);
}

static void born_send(const struct birth_letter *letter, int pid)
{
	struct birth_reply reply = {
		.version = CELL_VERSION,
		.kind = BIRTH_BORN,
		.slot = letter->slot,
		.generation = letter->generation,
		.pid = pid < 0 ? 0 : pid,
		.error = pid < 0 ? pid : 0,
	};

	message_send(CELL_FD_SOCKET, &reply, sizeof(reply), NULL, 0);
}

static int descriptor_if_open(int fd)
{
	return fcntl(fd, F_GETFD) < 0 ? -1 : fd;
}

/* Every layer that the newborns inherit or take, as far as it can be known here. */
static int layers_take(struct template_self *self, struct error *error)
{
	const struct identity_limits limits = {
		.open_files = IDENTITY_OPEN_FILES_MAX,
		.file_bytes = IDENTITY_FILE_BYTES_MAX + CHANNEL_PAGE_BYTES,
		.pids = identity_pids_rlimit(IDENTITY_PIDS_MAX),
	};
	struct enter_plan *plan = &self->plan;
	int result;

	plan->entrance = (struct cgroup_entrance){
		.unified = descriptor_if_open(CELL_FD_CGROUP_UNIFIED),
		.memory_v1 = descriptor_if_open(CELL_FD_CGROUP_MEMORY),
		.pids_v1 = descriptor_if_open(CELL_FD_CGROUP_PIDS),
		.cpu_v1 = descriptor_if_open(CELL_FD_CGROUP_CPU),
	};
	plan->landlock_abi = landlock_abi();
	result = identity_set_limits(&limits);
	if (result < 0)
		return error_set(error, result, "cannot set the template's rlimits: %s",
			error_text(result));
	result = identity_join_keyring();
	if (result < 0)
		return error_set(error, result,
			"cannot leave the daemon's session keyring: %s; raise"
			" /proc/sys/kernel/keys/root_maxkeys", error_text(result));
	result = identity_bound_capabilities();
	if (result == 0)
		result = identity_set_no_new_privs();
	if (result < 0)
		return error_set(error, result, "cannot bound the template's capabilities: %s",
			error_text(result));
	result = seccomp_birth_filter_build(&plan->birth_filter, error);
	if (result == 0)
		result = seccomp_allowed_filter_build(&self->allowed, error);
	plan->seccomp = result == 0;
	return result;
}

/*
 * Takes every free chunk below `top` that serves `size` bytes, for good. The one from above goes
 * back to where it came from, but for the small: they would wait in a list of their own size.
 */
static void heap_take(size_t size, uintptr_t top)
{
	char *volatile request;

	do
		request = malloc(size);
	while (request && (uintptr_t)request < top);
	if (size > HEAP_SMALL_BYTES)
		free(request);
}

/*
 * Leaves the C library's heap as newborns want it: in order, and with nothing free below its top.
 *
 * It puts freed chunks in order late, when a larger one is asked for: every newborn's first such
 * call would write to a hundred pages. And it serves small requests from free chunks that lie all
 * over the heap, so that each of the first allocations would cost a page of its own. So here the
 * chunks are joined (malloc_trim), sorted into their bins (by a request that none of them can
 * serve) and then taken, largest first, for good: from then on memory comes from the top, one byte
 * behind the other. What is lost lies in the image, once for all workers, in pages nobody touches.
 */
static void heap_tidy(void)
{
	void *volatile request; /* or the compiler knows better, and asks for nothing */
	uintptr_t top;

	malloc_trim(0);
	request = malloc(HEAP_REQUEST_BYTES);
	top = (uintptr_t)request;
	free(request);
	for (size_t size = HEAP_REQUEST_BYTES; size >= HEAP_CHUNK_BYTES_MIN;
		size -= size > HEAP_SMALL_BYTES ? size / 16 : 16)
		heap_take(size, top);
}

/*
 * Behind the seal, so that it is ordinary memory that nobody has touched: room above the heap's
 * top. A program that stays within it neither moves the end of the heap nor makes a mapping, and
 * its worker can be rewound. What is freed stays with the process.
 */
static void heap_extend(void)
{
	char *volatile request;

	mallopt(M_MMAP_THRESHOLD, HEAP_MAPPED_BYTES_MIN);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	mallopt(M_TOP_PAD, HEAP_ROOM_BYTES);
	request = malloc(HEAP_MAPPED_BYTES_MIN - CHUNK_OVERHEAD_BYTES);
	free(request);
}

int template_prepare(struct template_self *self, const char *imports)
{
	struct error error = { .sentence = "" };
	size_t image_bytes;
	int result = self->runtime->warm(imports, &error);

	if (result == 0)
		result = layers_take(self, &error);
	heap_tidy();
	if (result == 0)
		result = seal_private_memory(&image_bytes, &error);
	if (result == 0) {
		mappings_join();
		heap_extend();
		self->runtime->make_room();
		result = restorer_map();
		if (result < 0)
			error_set(&error, result, "cannot map the restorer: %s",
				error_text(result));
	}
	if (result == 0)
		template_warm_tables(self);
	if (result == 0)
		result = seccomp_allowed_filter_attach(&self->allowed, &error);
	ready_send(result, error.sentence);
	return result;
}

/* Where the C library keeps this thread's id: the kernel was told at the program's start. */
static uint64_t thread_id_address(void)
{
	uint64_t address = 0;

	/* PR_GET_TID_ADDRESS: CONFIG_CHECKPOINT_RESTORE, in every Debian kernel. */
	if (prctl(PR_GET_TID_ADDRESS, &address) < 0)
		return 0;
	return address;
}

int template_clone(
	const struct template_self *self, uint64_t flags, int cgroup_fd, pid_t number)
{
	uint64_t thread_id = thread_id_address();
	struct clone_args args = {
		.flags = flags |
			(thread_id ? CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID : 0) |
			(cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
		.child_tid = thread_id,
		.cgroup = cgroup_fd >= 0 ? (uint64_t)cgroup_fd : 0,
		.set_tid = number ? (uint64_t)(uintptr_t)&number : 0,
		.set_tid_size = number ? 1 : 0,
		.exit_signal = 0, /* who waits does so with __WALL */
	};
	long pid;

	self->runtime->fork_before();
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		self->runtime->fork_child();
	else
		self->runtime->fork_parent();
	return pid < 0 ? -errno : (int)pid;
}

static int worker_bear(struct template_self *self, const struct birth_letter *letter, int *fds)
{
	AUTO_FD init_fd = (int)syscall(SYS_pidfd_open, letter->init_pid, 0);
	AUTO_FD cgroup_fd = -1;
	int pid;

	if (init_fd < 0)
		return -errno;
	if (cgroup_entrance_open(&self->plan.entrance, letter->slot, &cgroup_fd) == -ENOENT &&
	    self->plan.entrance.unified >= 0)
		return -ENOENT;
	/* The next child's pid namespace; this process stays in its own (pid_namespaces(7)). */
	if (setns(init_fd, CLONE_NEWPID) < 0)
		return -errno;
	pid = template_clone(self, CLONE_PARENT | CLONE_NEWIPC, cgroup_fd,
		letter->used ? WORKER_PID : 0);
	if (pid == 0)
		worker_live(self, letter, init_fd, fds[0], fds[1]);
	return pid;
}

int template_serve(struct template_self *self)
{
	for (;;) {
		struct birth_letter letter;
		int fds[2] = { -1, -1 };
		unsigned fd_count;
		int size =
			message_receive(CELL_FD_SOCKET, &letter, sizeof(letter), fds, 2, &fd_count);

		if (size == 0)
			return 0;
		if (size != sizeof(letter) || letter.version != CELL_VERSION || fd_count != 2)
			return 1;

		int born = worker_bear(self, &letter, fds);

		/* First: the daemon must see the worker's socket end when the worker does. */
		fd_close(&fds[0]);
		fd_close(&fds[1]);
		born_send(&letter, born);
	}
}
