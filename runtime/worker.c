// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/worker.c: the worker's life: enter, wait at the safe point, run, report, wait again.
 *
 * The safe point is one recvmsg() in our own C, with nothing of the runtime on the way: at that
 * moment the process is its mappings, its pages, one register set and four descriptors.
 *
 * What ends an execution is the end record in the ring, not a message: a program may close the
 * control socket or write to it, and harms only the promptness of its own answer. Without a socket
 * to ring, the worker exits, and the daemon finds the record when it reaps.
 */
#include "runtime/template.h"

#include "base/own.h"
#include "bpf/event.h"
#include "jail/layer.h"
#include "ring/message.h"
#include "runtime/worker_files.h"
#include "runtime/worker_job.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#define DOORBELL_WAIT_NSEC 10000000L /* at most so long is a wake-up lost */

static struct {
	struct channel *channel;
	struct output_writer writer;
	bool forked;   /* stdout and stderr go through 1 and 2 from now on */
	bool is_child; /* this is a child process that the program forked */
	bool deaf;     /* the control socket is gone */
} worker;

static void doorbell_ring(void *owner, bool wait)
{
	const struct timespec patience = { .tv_nsec = DOORBELL_WAIT_NSEC };
	uint64_t head;

	/* Looked at before the bell and the wait, so that room made meanwhile is not slept over. */
	head = __atomic_load_n(&worker.channel->output_head, __ATOMIC_ACQUIRE);
	if (wait && CHANNEL_OUTPUT_BYTES - (worker.writer.tail - head) > CHANNEL_OUTPUT_BYTES / 2)
		return;
	if (send(WORKER_FD_CONTROL, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
		worker.deaf = true;
	if (!wait)
		return;
	/* The daemon wakes the low half of the index: x86-64 is little-endian. */
	syscall(SYS_futex, &worker.channel->output_head, FUTEX_WAIT, (uint32_t)head, &patience,
		NULL, 0);
}

static void descriptor_write(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		bytes += n;
		size -= (size_t)n;
	}
}

void stub_forked(void)
{
	worker.forked = true;
}

void stub_write(enum output_kind kind, const void *bytes, size_t size)
{
	if (worker.forked && (kind == OUTPUT_STDOUT || kind == OUTPUT_STDERR))
		descriptor_write(kind == OUTPUT_STDOUT ? 1 : 2, bytes, size);
	else if (!worker.is_child)
		output_write(&worker.writer, kind, bytes, size);
}

static void child_marked(void)
{
	worker.forked = true;
	worker.is_child = true;
}

/* Until a program runs, our own descriptors 0, 1 and 2 are /dev/null. */
static int streams_take(const struct dispatch *dispatch, int *fds)
{
	int target = dispatch->stdin_given ? 0 : 1, last = dispatch->streams_kept ? 0 : 2;

	for (; target <= last; target++, fds++) {
		if (dup2(*fds, target) < 0)
			return -errno;
		fd_close(fds);
	}
	return 0;
}

/* Moves this process, which is single-threaded, and closes the way before foreign code runs. */
static int memory_join(int tasks_fd)
{
	AUTO_FD fd = tasks_fd;

	return write(fd, "0", 1) == 1 ? 0 : -errno;
}

/* *ret_files is the caller's: a parcel, or -1. */
static int descriptors_take(
	const struct dispatch *dispatch, int *fds, unsigned fd_count, int *ret_files)
{
	unsigned streams = (dispatch->stdin_given ? 1 : 0) + (dispatch->streams_kept ? 0 : 2);
	unsigned memory = dispatch->memory_given ? 1 : 0, files = dispatch->files_given ? 1 : 0;
	int result;

	if (fd_count != streams + memory + files)
		return -EBADMSG;
	*ret_files = files ? fds[streams + memory] : -1;
	result = streams_take(dispatch, fds);
	return result == 0 && memory ? memory_join(fds[streams]) : result;
}

static int limit_take(__rlimit_resource_t resource, uint64_t value)
{
	const struct rlimit limit = { value, value };

	return value && setrlimit(resource, &limit) < 0 ? -errno : 0;
}

static int limits_take(const struct dispatch *dispatch)
{
	int result = limit_take(RLIMIT_NOFILE, dispatch->open_files);

	if (result == 0)
		result = limit_take(RLIMIT_FSIZE, dispatch->file_bytes);
	return result == 0 ? limit_take(RLIMIT_NPROC, dispatch->pids) : result;
}

/* That is no program's failure, so it must not look like one. */
static void __attribute__((noreturn)) unbegun(void (*doorbell)(void *owner, bool wait))
{
	const struct output_end end = { .ending = OUTPUT_ENDED_UNBEGUN };

	output_writer_init(&worker.writer, worker.channel, doorbell, NULL);
	output_write(&worker.writer, OUTPUT_END, &end, sizeof(end));
	doorbell(NULL, false);
	_exit(125);
}

/* Told as a program's own error is: on its standard error, and as an exception of the answer. */
static void refused(const char *name, const struct error *error, struct output_end *ret_end)
{
	char line[ERROR_SENTENCE_BYTES + 32];
	int size = snprintf(line, sizeof(line), "%s: %s\n", name, error->sentence);

	stub_write(OUTPUT_STDERR, line, (size_t)size);
	stub_write(OUTPUT_ERROR_NAME, name, strlen(name));
	stub_write(OUTPUT_ERROR_MESSAGE, error->sentence, strlen(error->sentence));
	*ret_end = (struct output_end){ .ending = OUTPUT_ENDED_ERROR };
}

/*
 * Before foreign code runs, and with the execution's clock running: they cost its time and count
 * against its limits. False: the program must not run, for it would find a part of them.
 */
static bool files_take(int files_fd, struct output_end *ret_end)
{
	AUTO_FD files = files_fd;
	AUTO_FD folder = open("/workspace", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct error error;
	int result;

	error_set(&error, 0, "cannot make the files that the request brings: %s",
		error_text(folder < 0 ? errno : ENOMEM));
	result = folder < 0 ? -ENOENT : worker_files_make(files, folder, &error);
	if (result == -EBADMSG)
		unbegun(doorbell_ring);
	if (result < 0)
		refused("FilesError", &error, ret_end);
	return result == 0;
}

/* Behind the files, which may be what makes it. */
static bool directory_take(const char *directory, struct output_end *ret_end)
{
	struct error error;

	if (!directory || chdir(directory) == 0)
		return true;
	error_set(&error, 0, "cannot begin in the directory '%.200s': %s", directory,
		error_text(errno));
	refused("DirectoryError", &error, ret_end);
	return false;
}

/* `files` is a parcel to unpack before, or -1. */
static void execution_run(
	const struct runtime *runtime, void (*doorbell)(void *owner, bool wait), int files)
{
	struct worker_job *job;
	struct output_end end = { 0 };

	if (worker_job_copy(worker.channel, &job) < 0)
		unbegun(doorbell);
	output_writer_init(&worker.writer, worker.channel, doorbell, NULL);
	if ((files < 0 || files_take(files, &end)) && directory_take(job->directory, &end)) {
		/* Its footprint begins. */
		syscall(FOOTPRINT_MARK);
		runtime->execute(&job->job, &end);
	}
	worker_job_free(job);
	/* A forked child that comes back here through the runtime has nothing to say. */
	if (worker.is_child)
		_exit(end.exit_code);
	output_write(&worker.writer, OUTPUT_END, &end, sizeof(end));
	doorbell(NULL, false);
	if (worker.deaf)
		_exit(0);
}

static void doorbell_unheard(void *owner, bool wait)
{
}

void worker_try(const struct runtime *runtime)
{
	size_t size = strlen(runtime->sample);
	AUTO_FD fd = -1;

	if (channel_create(&fd) < 0 || channel_map(fd, &worker.channel) < 0)
		return;
	memcpy(channel_mailbox_bytes(worker.channel), runtime->sample, size);
	worker.channel->mailbox.code_bytes = (uint32_t)size;
	worker.channel->mailbox.seed[0] = 1;
	execution_run(runtime, doorbell_unheard, -1);
}

static void __attribute__((noreturn)) safe_point(const struct runtime *runtime)
{
	for (;;) {
		struct dispatch dispatch;
		int fds[MESSAGE_FDS_MAX] = { -1, -1, -1, -1, -1 }, files = -1;
		unsigned fd_count;
		int size = message_receive(WORKER_FD_CONTROL, &dispatch, sizeof(dispatch), fds,
			MESSAGE_FDS_MAX, &fd_count);

		/* 0: the daemon is gone. Anything else that is no dispatch is nothing to go on
		 * with. */
		if (size != sizeof(dispatch) || dispatch.version != CELL_VERSION)
			_exit(0);
		if (descriptors_take(&dispatch, fds, fd_count, &files) < 0 ||
			limits_take(&dispatch) < 0)
			unbegun(doorbell_ring);
		execution_run(runtime, doorbell_ring, files);
	}
}

/* As the daemon counts: /proc is still the host's, and getpid() is not. */
static int own_pid(void)
{
	char text[16];
	ssize_t n = readlink("/proc/self", text, sizeof(text) - 1);

	if (n < 0)
		return 0;
	text[n] = '\0';
	return (int)strtol(text, NULL, 10);
}

void worker_live(const struct template_self *self, const struct birth_letter *letter, int init_fd,
	int control_fd, int channel_fd)
{
	struct birth_report report = { .pid = 0 };

	if (channel_map(channel_fd, &worker.channel) < 0)
		_exit(125);
	report.pid = own_pid();
	worker.channel->birth = report;
	pthread_atfork(NULL, NULL, child_marked);
	if (cell_enter(&self->plan, letter, init_fd, control_fd, &report) < 0) {
		worker.channel->birth = report;
		_exit(125);
	}
	worker.channel->birth = report;
	/* The first doorbell says: here, waiting. */
	doorbell_ring(NULL, false);
	safe_point(self->runtime);
}
