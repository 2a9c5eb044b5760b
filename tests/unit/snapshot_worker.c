// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/snapshot_worker.c: images of real workers. A pool's idle worker is captured at its
 * safe point, made to do things, and put back.
 *
 * Executions run here by hand, past the pool, which would replace the worker after each: the test
 * fills the mailbox and sends the dispatch itself, and the shard ignores the doorbells of an idle
 * slot. Changes of the mapping table are made by calls injected one by one; the descriptors and
 * limits that a dispatch brings are not put back, so posture is not compared here. Needs root.
 */
#include "snapshot/image.h"

#include "base/file.h"
#include "jail/identity.h"
#include "ring/message.h"
#include "snapshot/verify.h"
#include "tests/unit/pool_fixture.h"
#include "tests/unit/snapshot_child.h"

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static struct pool *pool;
static struct slot *slot;
static struct tracee tracee;
static struct sealed sealed;
static struct image *image;
static struct verify_digest digest;
static struct written_range ranges[WRITTEN_RANGES_MAX];
static struct image_own own = { .ranges = ranges, .capacity = WRITTEN_RANGES_MAX };

static void hold(void)
{
	process_hold_in(&tracee, slot->worker_pid, SYS_recvmsg);
}

static void let_go(void)
{
	cr_assert_eq(tracee_end(&tracee), 0);
}

static void start(void)
{
	struct error error = { .sentence = "" };

	pool = pool_of(1);
	slot = &pool->slots[0];
	cr_assert_eq(sealed_open(&sealed, slot->worker_pid, &error), 0, "%s", error.sentence);
	hold();
	cr_assert_eq(image_capture(&image, &tracee, &sealed, &error), 0, "%s", error.sentence);
	cr_assert_eq(verify_process(&tracee, &digest), 0);
	let_go();
}

static void stop(void)
{
	image_free(image);
	sealed_close(&sealed);
	pool_stop(pool);
}

/* --- An execution by hand --------------------------------------------------------------------- */

static struct output_reader reader;

static void dispatch(const char *code)
{
	struct execution execution;
	struct dispatch letter = { .version = CELL_VERSION };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int fds[2] = { null, null };
	struct mailbox *mailbox = &slot->channel->mailbox;
	size_t size = strlen(code);

	/* The worker's limits only go down: as the pool will set them. */
	execution_init(&execution);
	letter.open_files = execution.limits.values[LIMIT_OPEN_FILES];
	letter.file_bytes = execution.limits.values[LIMIT_FILES] + CHANNEL_PAGE_BYTES;
	letter.pids = identity_pids_rlimit(execution.limits.values[LIMIT_PIDS]);
	output_reader_init(&reader, slot->channel);
	memcpy(channel_mailbox_bytes(slot->channel), code, size);
	*mailbox = (struct mailbox){ .code_bytes = (uint32_t)size, .seed = { 1, 2, 3, 4 } };
	cr_assert_eq(message_send(slot->control_fd, &letter, sizeof(letter), fds, 2), 0);
	fd_close(&null);
}

/* Its standard output, once it is done. */
static const char *run(const char *code)
{
	static char text[4096];
	struct output_record record;
	size_t used = 0;

	dispatch(code);
	while (!reader.ended) {
		if (output_peek(&reader, &record) != 1) {
			sched_yield();
			continue;
		}
		for (unsigned i = 0; i < record.part_count; i++) {
			struct iovec *part = &record.parts[i];

			if (record.kind == OUTPUT_STDOUT && used + part->iov_len < sizeof(text)) {
				memcpy(text + used, part->iov_base, part->iov_len);
				used += part->iov_len;
			}
		}
		output_consume(&reader, &record);
	}
	output_reader_init(&reader, slot->channel);
	text[used] = '\0';
	return text;
}

/* --- A rewind --------------------------------------------------------------------------------- */

/* A call in the worker's name, at the instruction that it waits in. */
static long inject(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	struct user_regs_struct registers = image->registers.general;
	int status;

	registers.rip -= 2;
	registers.rax = (uint64_t)number;
	registers.orig_rax = UINT64_MAX;
	registers.rdi = a;
	registers.rsi = b;
	registers.rdx = c;
	registers.r10 = d;
	registers.r8 = e;
	registers.r9 = 0;
	cr_assert_eq(ptrace(PTRACE_SETREGS, tracee.pid, NULL, &registers), 0);
	cr_assert_eq(ptrace(PTRACE_SINGLESTEP, tracee.pid, NULL, NULL), 0);
	cr_assert_eq(waitpid(tracee.pid, &status, __WALL), tracee.pid);
	cr_assert_eq(ptrace(PTRACE_GETREGS, tracee.pid, NULL, &registers), 0);
	return (long)registers.rax;
}

static void change(const struct mapping_change *change)
{
	uint64_t size = change->end - change->start;
	long result = 0;

	switch (change->kind) {
	case MAPPING_UNMAP:
		result = inject(SYS_munmap, change->start, size, 0, 0, 0);
		break;
	case MAPPING_ANONYMOUS:
		result = inject(SYS_mmap, change->start, size, change->protection,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, UINT64_MAX);
		result = (uint64_t)result == change->start ? 0 : -1;
		break;
	case MAPPING_PROTECT:
		result = inject(SYS_mprotect, change->start, size, change->protection, 0, 0);
		break;
	case MAPPING_BREAK:
		result = inject(SYS_brk, change->start, 0, 0, 0, 0);
		result = (uint64_t)result == change->start ? 0 : -1;
		break;
	}
	cr_assert_eq(result, 0, "change %d of %lx", change->kind, change->start);
}

static unsigned mappings_mend(void)
{
	struct mapping_change changes[MAPPINGS_CHANGES_MAX];
	unsigned count = 0, left = 0;

	cr_assert_eq(image_compare_mappings(image, slot->worker_pid, 0, changes,
			     MAPPINGS_CHANGES_MAX, &count), 0);
	for (unsigned i = 0; i < count; i++)
		change(&changes[i]);
	cr_assert_eq(image_compare_mappings(image, slot->worker_pid, 0, changes,
			     MAPPINGS_CHANGES_MAX, &left), 0);
	cr_assert_eq(left, 0);
	if (count)
		image_own_forget(&own);
	return count;
}

static uint64_t apply(void)
{
	uint64_t pages = 0;

	cr_assert_eq(image_apply_memory(image, slot->worker_pid, &own, &pages), 0);
	cr_assert_eq(image_apply_registers(image, &tracee), 0);
	return pages;
}

static void expect_as_captured(const char *what)
{
	struct verify_digest now;

	cr_assert_eq(verify_process(&tracee, &now), 0);
	memcpy(now.posture, digest.posture, sizeof(now.posture));
	cr_assert_null(verify_compare(&digest, &now), "%s: %s", what,
		verify_compare(&digest, &now));
}

/* Page faults that the worker took so far: minor and major (proc_pid_stat(5)). */
static uint64_t faults_now(void)
{
	unsigned long minor = 0, major = 0;
	char path[32], text[1024];

	snprintf(path, sizeof(path), "/proc/%d/stat", slot->worker_pid);
	cr_assert_gt(file_read(AT_FDCWD, path, text, sizeof(text)), 0);
	cr_assert_eq(sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %lu %*u %lu",
			     &minor, &major), 2);
	return minor + major;
}

static uint64_t faults_before;
static unsigned scans_saved;

static void rewind_worker(const char *what)
{
	hold();
	if (faults_now() != faults_before)
		image_own_forget(&own);
	mappings_mend();
	scans_saved += own.image != NULL;
	apply();
	expect_as_captured(what);
	faults_before = faults_now();
	let_go();
}

/* --- Tests ------------------------------------------------------------------------------------ */

Test(worker, is_put_back_after_each_execution, .timeout = 120)
{
	static const struct {
		const char *code, *said;
	} programs[] = {
		{ "print(1+1)", "2\n" },
		{ "import sys\nsys.residue = 'here'\nprint(hasattr(sys, 'residue'))", "True\n" },
		{ "import sys\nprint(hasattr(sys, 'residue'))", "False\n" },
		{ "x = [str(i) for i in range(200000)]\nprint(len(x))", "200000\n" },
		{ "import sys\nsys.setrecursionlimit(9000)\n"
		  "def f(n): return 0 if n == 0 else 1 + f(n - 1)\nprint(f(8000))", "8000\n" },
		{ "import mmap\nm = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE)\n"
		  "m.write(b'x' * 5000)\nprint(m.tell())", "5000\n" },
		{ "import ctypes\nctypes.memset(ctypes.addressof(ctypes.c_int.in_dll("
		  "ctypes.pythonapi, 'Py_VerboseFlag')), 0, 4)\nprint('set')", "set\n" },
		{ "import json, re, decimal\nprint(json.dumps({'a': [1, 2]}),"
		  " re.sub('a', 'b', 'banana'), decimal.Decimal(1) / 3)",
		  "{\"a\": [1, 2]} bbnbnb 0.3333333333333333333333333333\n" },
	};

	start();
	for (unsigned round = 0; round < 40; round++) {
		unsigned i = round % (sizeof(programs) / sizeof(programs[0]));

		cr_assert_str_eq(run(programs[i].code), programs[i].said, "round %u", round);
		rewind_worker(programs[i].code);
	}
	for (unsigned round = 0; round < 5; round++) {
		cr_assert_str_eq(run(programs[0].code), programs[0].said);
		rewind_worker(programs[0].code);
	}
	cr_expect_geq(scans_saved, 3, "the second run of a program takes no fault");
	pool_expect(pool, "import sys\nassert not hasattr(sys, 'residue')", "ok");
	stop();
}

/* Pages here and there over all that it can write, whatever they hold. */
Test(worker, that_was_overwritten_is_put_back, .timeout = 120)
{
	uint8_t bytes[64];
	unsigned written = 0;

	memset(bytes, 0xee, sizeof(bytes));
	start();
	for (unsigned round = 0; round < 5; round++) {
		hold();
		for (unsigned i = 0; i < image->mapping_count; i++) {
			const struct mapping *mapping = &image->mappings[i];

			if (!mapping_is_private(mapping) || !(mapping->protection & PROT_WRITE))
				continue;
			for (uint64_t at = mapping->start + 100 * round; at < mapping->end;
				at += 16 * WRITTEN_PAGE_BYTES) {
				struct iovec local = { bytes, sizeof(bytes) };
				struct iovec remote = { (void *)(uintptr_t)at, sizeof(bytes) };

				cr_assert_eq(process_vm_writev(
						     tracee.pid, &local, 1, &remote, 1, 0),
					sizeof(bytes));
				written++;
			}
		}
		if (round != 4) /* else: the same pages as the round before */
			image_own_forget(&own);
		apply();
		expect_as_captured("scribbled over");
		let_go();
	}
	cr_expect_gt(written, 500);
	pool_expect(pool, "import json\nassert json.loads('[1]') == [1]", "ok");
	stop();
}

/* Of the one shared mapping that a worker can write: its channel. */
static uint64_t channel_inode(pid_t pid)
{
	static struct mapping table[MAPPINGS_MAX];
	uint64_t inode = 0;
	unsigned count = 0;

	cr_assert_eq(mappings_read(pid, table, MAPPINGS_MAX, &count), 0);
	for (unsigned i = 0; i < count; i++)
		if (table[i].is_shared && (table[i].protection & PROT_WRITE)) {
			cr_expect_eq(inode, 0, "there is one");
			inode = table[i].inode;
		}
	return inode;
}

/* What one worker learnt the other knows, and nothing of what it knew before. */
Test(worker, takes_the_image_of_another, .timeout = 120)
{
	struct mapping_change changes[MAPPINGS_CHANGES_MAX];
	struct error error = { .sentence = "" };
	unsigned count = 0;
	uint64_t pages;

	pool = pool_of(2);
	slot = &pool->slots[0];
	cr_assert_eq(sealed_open(&sealed, slot->worker_pid, &error), 0, "%s", error.sentence);
	cr_assert_str_eq(run("import sys\nsys.learnt = list(range(1000))\nprint('A')"), "A\n");
	hold();
	cr_assert_eq(image_capture(&image, &tracee, &sealed, &error), 0, "%s", error.sentence);
	let_go();
	cr_assert_str_eq(run("import sys\nsys.learnt = 0\nprint('later')"), "later\n");

	slot = &pool->slots[1];
	cr_assert_str_eq(run("import sys\nsys.known = ['b']\nprint('B')"), "B\n");
	hold();
	cr_assert_eq(image_compare_mappings(image, slot->worker_pid, 0, changes,
			     MAPPINGS_CHANGES_MAX, &count), -ENOTSUP, "another channel");
	cr_assert_eq(image_compare_mappings(image, slot->worker_pid,
			     channel_inode(slot->worker_pid), changes, MAPPINGS_CHANGES_MAX,
			     &count), 0);
	for (unsigned i = 0; i < count; i++)
		change(&changes[i]);
	cr_assert_eq(image_apply_memory(image, slot->worker_pid, &own, &pages), 0);
	cr_assert_eq(image_apply_registers(image, &tracee), 0);
	let_go();
	cr_expect_str_eq(
		run("import sys\nprint(sum(sys.learnt), hasattr(sys, 'known'))"), "499500 False\n");
	stop();
}

Test(sealed, is_found_in_workers_alone)
{
	struct error error = { .sentence = "" };
	struct sealed none;

	cr_expect_eq(sealed_open(&none, getpid(), &error), -ENOENT);
	cr_expect_not_null(strstr(error.sentence, "cannot read the sealed memory of process"));
	cr_expect_null(none.bytes);
	start();
	cr_expect_geq(sealed.size, 4u << 20);
	cr_expect_lt(image->store_bytes, sealed.size / 10, "the image holds what differs");
	stop();
}
