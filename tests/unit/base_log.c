// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/base_log.c: one event, one line, one write, and nothing in it that acts.
 */
#include "base/log.h"

#include "base/own.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Datagrams: what one recv(2) returns is what one write(2) sent. */
static int log_end = -1;
static int stderr_kept = -1;

static void catch_stderr(void)
{
	int ends[2];

	cr_assert(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
	stderr_kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	cr_assert(dup3(ends[1], STDERR_FILENO, O_CLOEXEC) == STDERR_FILENO);
	close(ends[1]);
	log_end = ends[0];
}

static void release_stderr(void)
{
	dup2(stderr_kept, STDERR_FILENO);
	fd_close(&stderr_kept);
	fd_close(&log_end);
}

TestSuite(log, .init = catch_stderr, .fini = release_stderr);

/* The next line, or "" if none was written. */
static const char *line(void)
{
	static char text[16384];
	ssize_t n = recv(log_end, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static cJSON *line_json(void)
{
	const char *text = line();
	cJSON *json = cJSON_Parse(text);

	cr_assert_not_null(json, "no JSON: %s", text);
	cr_expect_eq(text[strlen(text) - 1], '\n');
	return json;
}

static const char *member(const cJSON *json, const char *name)
{
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(json, name));

	cr_assert_not_null(value, "no %s", name);
	return value;
}

Test(log, writes_plain_words_with_time_and_level)
{
	int year, month, day, length = 0;

	log_set_format(LOG_FORMAT_PLAIN);
	log_warning("slot %d: cgroup.kill: busy, retrying", 12);

	const char *text = line();

	cr_expect_eq(sscanf(text, "%d-%d-%dT%*d:%*d:%*d.%*dZ %n", &year, &month, &day, &length), 3);
	cr_expect_str_eq(text + length, "warning: slot 12: cgroup.kill: busy, retrying\n");
}

Test(log, chooses_json_when_stderr_is_no_terminal)
{
	log_open(LOG_LEVEL_INFO);
	log_error("slot 3: closing");

	cJSON *json = line_json();

	cr_expect_str_eq(member(json, "level"), "error");
	cr_expect_str_eq(member(json, "message"), "slot 3: closing");
	cr_expect_eq(strlen(member(json, "time")), strlen("2026-01-01T00:00:00.000Z"));
	cJSON_Delete(json);
}

Test(log, says_nothing_below_the_level)
{
	log_open(LOG_LEVEL_WARNING);
	log_debug("a");
	log_info("b");
	cr_expect_str_empty(line());
	log_warning("c");
	cr_expect_str_not_empty(line());
}

Test(log, keeps_every_byte_of_a_message_through_json)
{
	const char *message =
		"a \"quoted\" \\ back\\slash, \n\r\t\x01\x1f\x7f, \u00e9 \u20ac \U0001f40e";

	log_set_format(LOG_FORMAT_JSON);
	log_info("%s", message);

	cJSON *json = line_json();

	cr_expect_str_eq(member(json, "message"), message);
	cJSON_Delete(json);
}

Test(log, replaces_in_json_what_is_no_utf8)
{
	/* A stray continuation, a cut character, an overlong '/', a surrogate, beyond the last. */
	static const char *const broken[] = {
		"\x80",
		"\xe2\x82",
		"\xc0\xaf",
		"\xed\xa0\x80",
		"\xf4\x90\x80\x80",
		"\xe0\x80\xaf",
		"\xff",
	};

	log_set_format(LOG_FORMAT_JSON);
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		static const char replaced[] = "\ufffd\ufffd\ufffd\ufffd";

		log_info("%s", broken[i]);
		cJSON *json = line_json();

		cr_expect_str_eq(member(json, "message"), replaced + 3 * (4 - strlen(broken[i])));
		cJSON_Delete(json);
	}
}

Test(log, cannot_be_made_to_end_a_line_or_drive_a_terminal)
{
	log_set_format(LOG_FORMAT_PLAIN);
	log_info("%s", "x\nerror: forged\r\x1b[2J\xc2\x9b"
		       "2J\x7f\xff\u00e9");

	const char *text = line();

	cr_expect_not_null(
		strstr(text, "x\\x0aerror: forged\\x0d\\x1b[2J\\x9b2J\\x7f\\xff\u00e9\n"), "%s",
		text);
	cr_expect_eq(strchr(text, '\n') - text, (ptrdiff_t)strlen(text) - 1);
}

Test(log, cuts_a_message_that_is_too_long_and_still_ends_the_line)
{
	static char message[5000];

	memset(message, 1, sizeof(message) - 1);
	log_set_format(LOG_FORMAT_JSON);
	log_info("%s", message);

	cJSON *json = line_json();

	cr_expect_eq(strlen(member(json, "message")), 1023);
	cJSON_Delete(json);
}

Test(log, keeps_errno_also_when_nobody_reads)
{
	fd_close(&log_end);
	errno = EXDEV;
	log_error("nobody reads");
	cr_expect_eq(errno, EXDEV);
}

static void *writer(void *unused)
{
	for (int i = 0; i < 50; i++)
		log_info("%040d", i);
	return unused;
}

Test(log, writes_whole_lines_from_many_threads)
{
	pthread_t threads[4];

	log_set_format(LOG_FORMAT_JSON);
	for (size_t i = 0; i < 4; i++)
		cr_assert(pthread_create(&threads[i], NULL, writer, NULL) == 0);
	/* The socket's queue is short: a writer waits until its line is read here. */
	for (int lines = 0; lines < 200; lines++) {
		char text[512];
		ssize_t n = recv(log_end, text, sizeof(text) - 1, 0);

		cr_assert(n > 0);
		text[n] = '\0';
		cJSON *json = cJSON_Parse(text);

		cr_assert_not_null(json);
		cr_expect_eq(strlen(member(json, "message")), 40);
		cJSON_Delete(json);
	}
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	cr_expect_str_empty(line());
}
