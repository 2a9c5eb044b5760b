// SPDX-License-Identifier: Apache-2.0
/*
 * pool/verdict.h: how an execution ended: one typed field, and the figures beside it.
 */
#pragma once

#include "pool/limits.h"

#include <stddef.h>

enum verdict {
	VERDICT_OK,
	VERDICT_ERROR,     /* the code raised */
	VERDICT_EXIT,      /* the code asked for an exit code other than 0 */
	VERDICT_SIGNAL,    /* the worker died of a signal */
	VERDICT_TIMEOUT,
	VERDICT_LIMIT,     /* which one stands in result.limit */
	VERDICT_DENIED,    /* it broke the rules of the worker's protocol, or a policy */
	VERDICT_CANCELLED,
	VERDICT_LOST,      /* the worker died for a reason of ours */
	VERDICT_REJECTED,  /* never started */
	VERDICT_COUNT,
};

#define RESULT_NO_LIMIT LIMIT_COUNT

struct usage {
	uint64_t wall_usec;
	uint64_t cpu_usec;
	uint64_t queue_usec;
	uint64_t memory_peak_bytes;
	uint64_t output_bytes;  /* stdout and stderr, delivered */
	uint64_t dropped_bytes; /* stdout and stderr, written but not delivered */
	/* Of all its processes, by its footprint; where there is none, `traced` is false. */
	bool traced;
	uint64_t system_calls, page_faults;
	uint64_t processes; /* that lived, the worker included */
};

struct result {
	enum verdict verdict;
	int exit_code;          /* for VERDICT_EXIT; 0 for OK, 1 for ERROR */
	int signal;             /* for VERDICT_SIGNAL */
	enum limit limit;       /* that was hit, whatever the verdict; RESULT_NO_LIMIT */
	uint64_t limit_value;
	char reason[160];       /* a sentence, empty where the verdict says it all */
	char reset[32];         /* "replace:<why>" */
	struct usage usage;
	uint64_t due_nsec; /* the deadline by the daemon's clock, and when the end was noticed */
	uint64_t ended_nsec;
};

/* "ok", "limit"… */
const char *verdict_word(enum verdict verdict);

/* "ok", "limit:memory"…; the limit's name is the design's short word. Returns `buffer`. */
const char *verdict_name(const struct result *result, char *buffer, size_t size);

/*
 * The verdict of such a name, into result->verdict and result->limit (RESULT_NO_LIMIT where the
 * name has none). 0 or -EINVAL.
 */
int verdict_parse(const char *name, struct result *result);

/* For a shell: 0 ok, 1 error, N exit, 128+N signal, 124 timeout, 130 cancelled, 125 ours;
 * limits: 137 memory and pids, 152 cpu, 153 output and files. */
int verdict_exit_code(const struct result *result);

/* One sentence for a person, "" for an execution that ended well. Returns `buffer`. */
const char *verdict_sentence(const struct result *result, char *buffer, size_t size);
