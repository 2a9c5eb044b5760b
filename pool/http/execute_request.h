// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/execute_request.h: the body of POST /v1/execute, as what the pool runs.
 *
 *	{"runtime"?: "python", "code": text, "stdin"? or "stdin_base64"?: text,
 *	 "env"?: {NAME: text}, "args"?: [text], "cwd"?: text, "files"?: {NAME: base64},
 *	 "artifacts"?: [NAME], "limits"?: {"timeout"?, "cpu_time"?, "memory"?, "pids"?,
 *	 "output"?, "files"?, "open_files"?}, "stream"?: bool, "queue_timeout"?,
 *	 "reset"?: "replace" or "auto" or "rewind"}
 *
 * A limit and the queue_timeout are a number (of seconds, bytes, things) or a text as on the
 * command line ("30s", "256M"). An unknown field is refused: its sender would believe that it does
 * something.
 */
#pragma once

#include "base/error.h"
#include "pool/limits.h"
#include "pool/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_STDIN_BYTES_MAX (16u << 20)
#define REQUEST_QUEUE_NSEC_MAX (UINT64_C(3600) * 1000000000)

/* Owns its bytes and descriptors. Lists are as struct execution wants them. Only the code and the
 * lists are sure to hold no NUL but at their ends. */
struct request {
	const char *runtime; /* a static string */
	char *code;
	size_t code_bytes;
	char *environment; /* "NAME=value\0" each; NULL when there is none */
	size_t environment_bytes;
	char *arguments;   /* "argument\0" each; NULL when there is none */
	size_t arguments_bytes;
	char *stdin_text;  /* NULL when it was not given; given, it may be empty */
	size_t stdin_bytes;
	char *directory;   /* to begin in; NULL: not given */
	char *artifacts;   /* names of files: "name\0" each; NULL when there is none */
	size_t artifacts_bytes;
	bool files_given;
	int files_fd;      /* a parcel (ring/parcel.h), if they are given */
	uint64_t files_bytes; /* what they hold together */
	struct limits limits;
	struct error notes[LIMIT_COUNT]; /* one sentence for each limit that was clamped */
	unsigned note_count;
	bool stream;
	uint64_t queue_nsec_max; /* 0: not given */
	enum reset_policy reset; /* RESET_REWIND, which asks for nothing: not given */
};

/*
 * Reads `size` bytes of `body`, which need no NUL at the end and are not kept. Limits that are not
 * given are those of `standard`. 0, and the caller frees the request; or, with a sentence that
 * names the field or the byte: -EINVAL, -E2BIG (code, env and args do not fit the mailbox, stdin is
 * more than REQUEST_STDIN_BYTES_MAX, the files are more than limits.files), -ENOMEM (or nothing
 * else to keep the files in).
 */
int request_parse(const char *body, size_t size, const struct limits *standard,
	struct request *ret_request, struct error *error);

/* What the request owns; not the request itself. */
void request_free(struct request *request);
