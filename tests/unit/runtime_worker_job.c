// SPDX-License-Identifier: Apache-2.0
// sources: runtime/worker_job.c
/*
 * tests/unit/runtime_worker_job.c: what the mailbox says is what the runtime gets, and what the
 * mailbox cannot say is refused.
 */
#include "runtime/worker_job.h"

#include "base/own.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

static struct channel *channel;

static void channel_open(void)
{
	AUTO_FD fd = -1;

	cr_assert_eq(channel_create(&fd), 0);
	cr_assert_eq(channel_map(fd, &channel), 0);
}

static void channel_close(void)
{
	channel_unmap(channel);
}

TestSuite(worker_job, .init = channel_open, .fini = channel_close);

#define PART(text) text, sizeof(text) - 1

static void post(const char *code, size_t code_bytes, const char *environment,
	size_t environment_bytes, const char *arguments, size_t arguments_bytes)
{
	uint8_t *bytes = channel_mailbox_bytes(channel);

	memset(bytes, '#', 4096);
	memcpy(bytes, code, code_bytes);
	memcpy(bytes + code_bytes, environment, environment_bytes);
	memcpy(bytes + code_bytes + environment_bytes, arguments, arguments_bytes);
	channel->mailbox = (struct mailbox){
		.code_bytes = (uint32_t)code_bytes,
		.environment_bytes = (uint32_t)environment_bytes,
		.arguments_bytes = (uint32_t)arguments_bytes,
	};
}

static struct worker_job *copied(void)
{
	struct worker_job *job = NULL;

	cr_assert_eq(worker_job_copy(channel, &job), 0);
	return job;
}

Test(worker_job, has_code_and_both_lists)
{
	post(PART("print(1)"), PART("A=1\0B=two words\0"), PART("first\0\0third\0"));
	channel->mailbox.flags = MAILBOX_WANT_RESULT;
	channel->mailbox.seed[3] = 42;

	struct worker_job *job = copied();
	const struct runtime_job *is = &job->job;

	cr_expect_str_eq(is->code, "print(1)");
	cr_expect_eq(is->code_bytes, 8);
	cr_expect_str_eq(is->environment[0], "A=1");
	cr_expect_str_eq(is->environment[1], "B=two words");
	cr_expect_null(is->environment[2]);
	cr_expect_str_eq(is->arguments[0], "first");
	cr_expect_str_eq(is->arguments[1], "");
	cr_expect_str_eq(is->arguments[2], "third");
	cr_expect_null(is->arguments[3]);
	cr_expect(is->want_result);
	cr_expect_not(is->session);
	cr_expect_eq(is->seed[3], 42);
	worker_job_free(job);
}

Test(worker_job, may_have_nothing_at_all)
{
	post(PART(""), PART(""), PART(""));

	struct worker_job *job = copied();

	cr_expect_str_eq(job->job.code, "");
	cr_expect_null(job->job.environment[0]);
	cr_expect_null(job->job.arguments[0]);
	cr_expect_not(job->job.want_result);
	worker_job_free(job);
	worker_job_free(NULL);
}

Test(worker_job, is_a_copy_that_no_later_write_changes)
{
	post(PART("print(1)"), PART("A=1\0"), PART("a\0"));

	struct worker_job *job = copied();

	memset(channel_mailbox_bytes(channel), 'X', CHANNEL_MAILBOX_BYTES);
	channel->mailbox = (struct mailbox){ .code_bytes = 1 };
	cr_expect_str_eq(job->job.code, "print(1)");
	cr_expect_str_eq(job->job.environment[0], "A=1");
	cr_expect_str_eq(job->job.arguments[0], "a");
	worker_job_free(job);
}

Test(worker_job, keeps_a_code_with_nul_bytes_whole)
{
	post(PART("a\0b"), PART(""), PART(""));

	struct worker_job *job = copied();

	cr_expect_eq(job->job.code_bytes, 3);
	cr_expect_eq(memcmp(job->job.code, "a\0b", 4), 0);
	worker_job_free(job);
}

/* The daemon ends every string; whoever else wrote the mailbox gets strings with an end all the
 * same. */
Test(worker_job, ends_a_last_string_that_has_no_end)
{
	post(PART("c"), PART("A=1\0B=2"), PART("x\0y"));

	struct worker_job *job = copied();

	cr_expect_str_eq(job->job.environment[0], "A=1");
	cr_expect_eq(strncmp(job->job.environment[1], "B=2", 3), 0);
	cr_expect_str_eq(job->job.arguments[0], "x");
	cr_expect_str_eq(job->job.arguments[1], "y");
	cr_expect_null(job->job.arguments[2]);
	cr_expect_str_eq(job->job.code, "c");
	worker_job_free(job);
}

Test(worker_job, fits_the_whole_mailbox_and_not_a_byte_more)
{
	static const struct {
		uint32_t code, environment, arguments;
		int expected;
	} rows[] = {
		{ CHANNEL_MAILBOX_BYTES, 0, 0, 0 },
		{ 0, CHANNEL_MAILBOX_BYTES, 0, 0 },
		{ 0, 0, CHANNEL_MAILBOX_BYTES, 0 },
		{ CHANNEL_MAILBOX_BYTES - 2, 1, 1, 0 },
		{ CHANNEL_MAILBOX_BYTES - 2, 1, 2, -EBADMSG },
		{ CHANNEL_MAILBOX_BYTES + 1, 0, 0, -EBADMSG },
		{ UINT32_MAX, 1, 0, -EBADMSG },
		{ UINT32_MAX, UINT32_MAX, 2, -EBADMSG },
		{ 0, UINT32_MAX, 1, -EBADMSG },
		{ UINT32_MAX, UINT32_MAX, UINT32_MAX, -EBADMSG },
		{ 0x80000000, 0x80000000, 0, -EBADMSG },
	};

	/* Every byte a string of its own is the most that there can be. */
	memset(channel_mailbox_bytes(channel), '\0', CHANNEL_MAILBOX_BYTES);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct worker_job *job = NULL;

		channel->mailbox.code_bytes = rows[i].code;
		channel->mailbox.environment_bytes = rows[i].environment;
		channel->mailbox.arguments_bytes = rows[i].arguments;
		cr_expect_eq(worker_job_copy(channel, &job), rows[i].expected, "row %zu", i);
		cr_expect_eq(job != NULL, rows[i].expected == 0, "row %zu", i);
		worker_job_free(job);
	}
}
