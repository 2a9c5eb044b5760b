// SPDX-License-Identifier: Apache-2.0
/*
 * pool/verdict.c: verdicts in words and exit codes.
 */
#include "pool/verdict.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char *const names[VERDICT_COUNT] = {
	[VERDICT_OK] = "ok",
	[VERDICT_ERROR] = "error",
	[VERDICT_EXIT] = "exit",
	[VERDICT_SIGNAL] = "signal",
	[VERDICT_TIMEOUT] = "timeout",
	[VERDICT_LIMIT] = "limit",
	[VERDICT_DENIED] = "denied",
	[VERDICT_CANCELLED] = "cancelled",
	[VERDICT_LOST] = "lost",
	[VERDICT_REJECTED] = "rejected",
};

/*
 * Verdicts speak of cpu, not of cpu_time: the limit's option names the unit, the verdict the cause.
 */
static const char *limit_word(enum limit limit)
{
	return limit == LIMIT_CPU_TIME ? "cpu" : limit_types[limit].name;
}

const char *verdict_word(enum verdict verdict)
{
	assert((unsigned)verdict < VERDICT_COUNT);
	return names[verdict];
}

const char *verdict_name(const struct result *result, char *buffer, size_t size)
{
	if (result->verdict == VERDICT_LIMIT)
		snprintf(buffer, size, "limit:%s", limit_word(result->limit));
	else
		snprintf(buffer, size, "%s", names[result->verdict]);
	return buffer;
}

int verdict_parse(const char *name, struct result *result)
{
	struct result each = { .verdict = VERDICT_OK };
	char text[32];

	for (; each.verdict < VERDICT_COUNT; each.verdict++)
		for (each.limit = 0; each.limit < LIMIT_COUNT; each.limit++) {
			if (strcmp(verdict_name(&each, text, sizeof(text)), name) != 0)
				continue;
			result->verdict = each.verdict;
			result->limit = each.verdict == VERDICT_LIMIT ? each.limit
								      : RESULT_NO_LIMIT;
			return 0;
		}
	return -EINVAL;
}

/* As a shell sees a process that the kernel ended for the same reason (signal(7)). */
static int limit_exit_code(enum limit limit)
{
	switch (limit) {
	case LIMIT_CPU_TIME:
		return 128 + SIGXCPU;
	case LIMIT_OUTPUT:
	case LIMIT_FILES:
		return 128 + SIGXFSZ;
	default:
		return 128 + SIGKILL;
	}
}

int verdict_exit_code(const struct result *result)
{
	switch (result->verdict) {
	case VERDICT_OK:
		return 0;
	case VERDICT_ERROR:
		return 1;
	case VERDICT_EXIT:
		return result->exit_code;
	case VERDICT_SIGNAL:
		return 128 + result->signal;
	case VERDICT_TIMEOUT:
		return 124;
	case VERDICT_LIMIT:
		return limit_exit_code(result->limit);
	case VERDICT_CANCELLED:
		return 130;
	default:
		return 125;
	}
}

const char *verdict_sentence(const struct result *result, char *buffer, size_t size)
{
	struct limits limits = { { 0 } };
	char value[32] = "";

	if (result->limit != RESULT_NO_LIMIT) {
		limits.values[result->limit] = result->limit_value;
		limits_print(&limits, result->limit, value, sizeof(value));
	}
	switch (result->verdict) {
	case VERDICT_OK:
	case VERDICT_ERROR:
	case VERDICT_EXIT:
		snprintf(buffer, size, "%s", result->reason);
		break;
	case VERDICT_SIGNAL:
		snprintf(buffer, size, "the program died of signal %d (%s)", result->signal,
			strsignal(result->signal));
		break;
	case VERDICT_TIMEOUT:
		snprintf(buffer, size,
			"the program was still running after %s and was ended; raise --timeout if "
			"it needs longer",
			value);
		break;
	case VERDICT_LIMIT:
		/* Refused a process or a block, it failed by itself; of the others it was ended. */
		snprintf(buffer, size, "the program reached its limit of %s for %s and %s", value,
			limit_types[result->limit].help,
			result->limit == LIMIT_PIDS || result->limit == LIMIT_FILES ? "failed"
										    : "was ended");
		break;
	default:
		snprintf(buffer, size, "%s: %s", names[result->verdict], result->reason);
	}
	return buffer;
}
