// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/worker_job.c: copies one execution out of the mailbox.
 *
 * The program that is about to run could otherwise change its own code under the runtime's eyes,
 * which would harm nobody else, but make tracebacks and `inspect` lie.
 */
#include "runtime/worker_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t strings_count(const char *bytes, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += bytes[i] == '\0';
	return count;
}

/* Points at each NUL-terminated string; the list ends with NULL. Returns the place behind it. */
static char **strings_split(char **list, char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i += strlen(bytes + i) + 1)
		*list++ = bytes + i;
	*list++ = NULL;
	return list;
}

int worker_job_copy(struct channel *channel, struct worker_job **ret_job)
{
	const struct mailbox mailbox = channel->mailbox;
	uint64_t lists = (uint64_t)mailbox.environment_bytes + mailbox.arguments_bytes +
			 mailbox.directory_bytes;
	uint64_t size = mailbox.code_bytes + lists;
	struct worker_job *job;

	if (size > CHANNEL_MAILBOX_BYTES)
		return -EBADMSG;
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	/* [lists NUL] [code NUL]: a list whose last string has no end still has one. */
	job->bytes = malloc(size + 2);
	if (!job->bytes)
		goto fail;
	const uint8_t *mail = channel_mailbox_bytes(channel);
	char *environment = job->bytes, *arguments = environment + mailbox.environment_bytes;
	char *code = job->bytes + lists + 1;

	memcpy(job->bytes, mail + mailbox.code_bytes, lists);
	job->bytes[lists] = '\0';
	memcpy(code, mail, mailbox.code_bytes);
	code[mailbox.code_bytes] = '\0';
	job->strings = calloc(strings_count(job->bytes, lists + 1) + 3, sizeof(*job->strings));
	if (!job->strings)
		goto fail;
	char **second = strings_split(job->strings, environment, mailbox.environment_bytes);

	strings_split(second, arguments, mailbox.arguments_bytes);
	job->job = (struct runtime_job){
		.code = code,
		.code_bytes = mailbox.code_bytes,
		.environment = job->strings,
		.arguments = second,
		.want_result = mailbox.flags & MAILBOX_WANT_RESULT,
	};
	if (mailbox.directory_bytes)
		job->directory = arguments + mailbox.arguments_bytes;
	memcpy(job->job.seed, mailbox.seed, sizeof(job->job.seed));
	*ret_job = job;
	return 0;
fail:
	worker_job_free(job);
	return -ENOMEM;
}

void worker_job_free(struct worker_job *job)
{
	if (!job)
		return;
	free(job->bytes);
	free(job->strings);
	free(job);
}
