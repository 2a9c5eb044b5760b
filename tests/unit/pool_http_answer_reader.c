// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_http_answer_reader.c: an answer is the same whole and byte by byte; what is
 * none, is cut or is too long is refused.
 */
#include "pool/http/answer_reader.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_BYTES_MAX 64
#define HEAD "HTTP/1.1 200 OK\r\n"

static struct http_answer_reader *reader;
static struct error error;

static void open_one(void)
{
	reader = http_answer_reader_new(BODY_BYTES_MAX);
	cr_assert_not_null(reader);
}

static void close_one(void)
{
	http_answer_reader_free(reader);
}

TestSuite(http_answer, .init = open_one, .fini = close_one);

/* Until the answer is complete or refused, `step` bytes at a time. */
static int take(const char *bytes, size_t step)
{
	size_t size = strlen(bytes);
	int result = 0;

	for (size_t at = 0; at < size && result == 0; at += step)
		result = http_answer_reader_take(
			reader, bytes + at, size - at < step ? size - at : step, &error);
	return result;
}

static const struct {
	const char *bytes;
	unsigned status;
	const char *body; /* NULL: none */
	bool until_end;   /* complete only when the other end closes */
} answers[] = {
	{ HEAD "Content-Length: 5\r\n\r\nhello", 200, "hello", false },
	{ HEAD "Content-Length: 5\r\n\r\nhellomore", 200, "hello", false },
	{ HEAD "Content-Length: 0\r\n\r\n", 200, NULL, false },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n", 200,
		"hello world", false },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nTrailer: x\r\n\r\n", 200, "hi",
		false },
	{ HEAD "\r\nuntil the end", 200, "until the end", true },
	{ "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}", 429,
		"{}", false },
	{ "HTTP/1.1 204 No Content\r\n\r\n", 204, NULL, false },
	{ "HTTP/1.1 100 Continue\r\n\r\n" HEAD "Content-Length: 2\r\n\r\nok", 200, "ok", false },
};

Test(http_answer, is_the_same_whole_and_byte_by_byte)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		for (size_t step = 1; step <= 1000; step += 999) {
			size_t size;
			char *body;

			close_one();
			open_one();
			cr_assert_eq(take(answers[i].bytes, step), !answers[i].until_end,
				"answer %zu: %s", i, error.sentence);
			if (answers[i].until_end)
				cr_assert_eq(http_answer_reader_end(reader, &error), 1);
			cr_expect_eq(http_answer_status(reader), answers[i].status);
			body = http_answer_body_take(reader, &size);
			if (answers[i].body)
				cr_expect_str_eq(body, answers[i].body);
			else
				cr_expect_null(body);
			cr_expect_eq(size, answers[i].body ? strlen(answers[i].body) : 0);
			free(body);
		}
}

Test(http_answer, is_refused_when_it_is_no_http)
{
	static const char *const wrong[] = { "nonsense\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
		"HTTP/2.0 200 OK\r\n\r\n", HEAD "Content-Length: x\r\n\r\n",
		HEAD "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
		HEAD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		close_one();
		open_one();
		error.sentence[0] = '\0';
		cr_expect_eq(take(wrong[i], 1), -EBADMSG, "%s", wrong[i]);
		cr_expect_eq(strncmp(error.sentence, "the daemon's answer is ", 23), 0, "%s",
			error.sentence);
	}
}

Test(http_answer, is_refused_when_its_body_is_longer_than_the_bound)
{
	char text[256];

	snprintf(text, sizeof(text), HEAD "Content-Length: 64\r\n\r\n%064d", 0);
	cr_expect_eq(take(text, 1000), 1, "the bound itself fits");
	close_one();
	open_one();
	cr_expect_eq(take(HEAD "Content-Length: 65\r\n\r\n", 1000), -EFBIG, "by its head");
	close_one();
	open_one();
	snprintf(text, sizeof(text), HEAD "Transfer-Encoding: chunked\r\n\r\n"
		"30\r\n%048d\r\n11\r\n%017d\r\n", 0, 0);
	cr_expect_eq(take(text, 1000), -EFBIG, "in chunks");
	close_one();
	open_one();
	snprintf(text, sizeof(text), HEAD "\r\n%065d", 0);
	cr_expect_eq(take(text, 1), -EFBIG, "until its end");
}

Test(http_answer, is_refused_when_its_head_does_not_end)
{
	int result = take(HEAD, 1000);

	for (int i = 0; i < 2000 && result == 0; i++)
		result = take("Name: value\r\n", 1000);
	cr_expect_eq(result, -EFBIG);
	close_one();
	open_one();
	result = take(HEAD "Transfer-Encoding: chunked\r\n\r\n1;x=", 1000);
	for (int i = 0; i < 20000 && result == 0; i++)
		result = take("yyyy", 1000);
	cr_expect_eq(result, -EFBIG, "%s", error.sentence);
}

Test(http_answer, is_told_apart_when_the_other_end_closes_too_early)
{
	static const char *const cut[] = { "HTTP/1.1 200 O", HEAD,
		HEAD "Content-Length: 5\r\n\r\nhell",
		HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n" };

	cr_expect_eq(http_answer_reader_end(reader, &error), -ECONNRESET);
	cr_expect_str_eq(error.sentence, "the daemon closed the connection before its answer");
	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		close_one();
		open_one();
		cr_assert_eq(take(cut[i], 1), 0);
		cr_expect_eq(http_answer_reader_end(reader, &error), -ECONNRESET, "%s", cut[i]);
		cr_expect_str_eq(error.sentence,
			"the daemon closed the connection in the middle of its answer");
	}
}

Test(http_answer, reads_the_answers_of_one_connection_after_each_other)
{
	static const char *const bodies[] = { "first", "no", "third body" };
	char bytes[128];
	size_t size;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		snprintf(bytes, sizeof(bytes), HEAD "Content-Length: %zu\r\n\r\n%s",
			strlen(bodies[i]), bodies[i]);
		cr_assert_eq(take(bytes, i + 1), 1, "%s", error.sentence);
		cr_assert_eq(http_answer_status(reader), 200);
		cr_assert_str_eq(http_answer_body(reader, &size), bodies[i]);
		cr_assert_eq(size, strlen(bodies[i]));
		http_answer_reader_next(reader);
		cr_assert_null(http_answer_body(reader, &size), "nothing of the last one is left");
	}
	cr_assert_lt(take("nonsense", 1), 0);
	http_answer_reader_next(reader);
	cr_assert_eq(take(HEAD "Content-Length: 0\r\n\r\n", 1), 1);
	cr_assert_null(http_answer_body(reader, &size));
}
