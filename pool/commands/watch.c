// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/watch.c: corral status --watch: rates are differences between two looks.
 *
 * A look is one GET /v1/pool and one GET /metrics. When the second belongs to another life of the
 * daemon than the one before, nothing can be compared: that is said, and rates begin anew. A frame
 * goes to the terminal in one write and leaves nothing behind that would have to be undone, so
 * Ctrl-C may come at any moment.
 */
#include "base/clock.h"
#include "base/own.h"
#include "base/quantity.h"
#include "pool/commands/client.h"
#include "pool/commands/command.h"
#include "pool/commands/scrape.h"
#include "pool/commands/status.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#define ANSWER_NSEC_MAX (10 * NSEC_PER_SEC)

/* Lines are cut at the terminal's edge while they are drawn: a wrapped one would count as two. */
#define FRAME_BEGIN "\033[?7l"
#define FRAME_END "\033[?7h"

struct look {
	cJSON *pool;
	struct scrape scrape;
};

struct watch {
	const struct watch_options *options;
	const char *socket;
	bool is_terminal;
	unsigned lines;       /* of the frame that stands there */
	struct scrape before;
	bool has_before;
};

static void interrupted(int number)
{
	ssize_t n = isatty(1) ? write(1, "\n", 1) : 0;

	(void)n;
	_exit(0);
}

/* --- Looking ---------------------------------------------------------------------------------- */

static int ask(const struct watch *watch, const char *target, char **ret_body, size_t *ret_size,
	struct error *error)
{
	const struct client_request request = {
		.socket_path = watch->socket,
		.method = "GET",
		.target = target,
		.answer_nsec_max = ANSWER_NSEC_MAX,
	};

	return client_ask(&request, ret_body, ret_size, error);
}

static int look_at(const struct watch *watch, struct look *ret_look, struct error *error)
{
	AUTO_FREE char *pool = NULL;
	AUTO_FREE char *metrics = NULL;
	size_t size;
	int result = ask(watch, "/metrics", &metrics, &size, error);

	if (result == 0)
		result = scrape_read(metrics, &ret_look->scrape, error);
	ret_look->scrape.when_nsec = clock_now_nsec();
	if (result == 0)
		result = ask(watch, "/v1/pool", &pool, &size, error);
	if (result < 0)
		return result;
	ret_look->pool = cJSON_ParseWithLength(pool, size);
	if (cJSON_IsObject(ret_look->pool))
		return 0;
	cJSON_Delete(ret_look->pool);
	return error_set(error, -EBADMSG, "cannot read the daemon's answer: it is no JSON object");
}

/* --- Showing ---------------------------------------------------------------------------------- */

static const char *duration(double seconds, char *buffer, size_t size)
{
	uint64_t nsec;

	if (isnan(seconds) || quantity_from_seconds(seconds, &nsec) < 0)
		snprintf(buffer, size, "-");
	else
		quantity_print_duration(nsec, buffer, size);
	return buffer;
}

static void rates_print(FILE *out, const struct watch *watch, const struct scrape *now)
{
	const struct scrape *before = &watch->before;
	char p50[32], p99[32];

	fprintf(out, "%.1f executions/s, p50 %s, p99 %s",
		scrape_rate(before, now, before->executions, now->executions),
		duration(scrape_quantile(before, now, 0.5), p50, sizeof(p50)),
		duration(scrape_quantile(before, now, 0.99), p99, sizeof(p99)));
}

/* Those of which there were any. */
static void verdicts_print(FILE *out, const struct watch *watch, const struct scrape *now)
{
	const char *between = "";

	for (unsigned i = 0; i < now->verdict_count; i++) {
		const char *name = now->verdicts[i].name;
		double rate = scrape_rate(&watch->before, now,
			scrape_verdict(&watch->before, name), now->verdicts[i].count);

		if (rate <= 0)
			continue;
		fprintf(out, "%s%s %.1f/s", between, name, rate);
		between = ", ";
	}
	if (!*between)
		fputs("no verdicts", out);
}

static void table_show(FILE *out, const struct watch *watch, const struct look *look)
{
	status_print(out, look->pool, watch->socket);
	fputs("rates       ", out);
	if (watch->has_before)
		rates_print(out, watch, &look->scrape);
	else
		fputs("-", out);
	fputs("\nverdicts    ", out);
	if (watch->has_before)
		verdicts_print(out, watch, &look->scrape);
	else
		fputs("-", out);
	fputc('\n', out);
}

static void line_show(FILE *out, const struct watch *watch, const struct look *look)
{
	status_line_print(out, look->pool);
	if (watch->has_before) {
		fputs("; ", out);
		rates_print(out, watch, &look->scrape);
		fputs("; ", out);
		verdicts_print(out, watch, &look->scrape);
	}
	fputc('\n', out);
}

static void number_add(cJSON *object, const char *name, double number)
{
	if (isnan(number))
		cJSON_AddNullToObject(object, name);
	else
		cJSON_AddNumberToObject(object, name, number);
}

static void document_show(FILE *out, const struct watch *watch, const struct look *look)
{
	const struct scrape *before = &watch->before, *now = &look->scrape;
	bool has = watch->has_before;
	cJSON *object = cJSON_CreateObject(), *verdicts, *durations;

	cJSON_AddItemToObject(object, "pool", cJSON_Duplicate(look->pool, true));
	number_add(object, "executions_per_second",
		has ? scrape_rate(before, now, before->executions, now->executions) : NAN);
	verdicts = cJSON_AddObjectToObject(object, "verdicts_per_second");
	for (unsigned i = 0; i < now->verdict_count; i++)
		number_add(verdicts, now->verdicts[i].name,
			has ? scrape_rate(before, now,
				      scrape_verdict(before, now->verdicts[i].name),
				      now->verdicts[i].count)
			    : NAN);
	durations = cJSON_AddObjectToObject(object, "execution_seconds");
	number_add(durations, "p50", has ? scrape_quantile(before, now, 0.5) : NAN);
	number_add(durations, "p99", has ? scrape_quantile(before, now, 0.99) : NAN);
	AUTO_FREE char *text = cJSON_PrintUnformatted(object);

	fprintf(out, "%s\n", text ? text : "{}");
	cJSON_Delete(object);
}

/* A sentence instead of figures; on a terminal it stands where they stood. */
static void sentence_show(FILE *out, const struct watch *watch, const char *sentence)
{
	cJSON *object;

	if (!watch->options->json) {
		fprintf(out, "%s\n", sentence);
		return;
	}
	object = cJSON_CreateObject();
	cJSON_AddStringToObject(object, "error", sentence);
	AUTO_FREE char *text = cJSON_PrintUnformatted(object);

	fprintf(out, "%s\n", text ? text : "{}");
	cJSON_Delete(object);
}

static void look_show(FILE *out, struct watch *watch, const struct look *look)
{
	if (watch->has_before && !scrape_is_same_life(&watch->before, &look->scrape)) {
		sentence_show(out, watch, "the daemon was started anew; rates begin again");
		watch->has_before = false;
	}
	if (watch->options->json)
		document_show(out, watch, look);
	else if (watch->is_terminal)
		table_show(out, watch, look);
	else
		line_show(out, watch, look);
	watch->before = look->scrape;
	watch->has_before = true;
}

/* In place: up to where the last frame began, and over it. */
static int frame_write(struct watch *watch, const char *text, size_t size)
{
	char up[32] = "";
	int result;

	if (!watch->is_terminal || watch->options->json)
		return command_write(1, text, size);
	if (watch->lines)
		snprintf(up, sizeof(up), "\r\033[%uA\033[J", watch->lines);
	size_t room = strlen(up) + strlen(FRAME_BEGIN) + size + strlen(FRAME_END) + 1;
	AUTO_FREE char *frame = malloc(room);

	if (!frame)
		return -ENOMEM;
	snprintf(frame, room, "%s" FRAME_BEGIN "%s" FRAME_END, up, text);
	result = command_write(1, frame, strlen(frame));
	watch->lines = 0;
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		watch->lines++;
	return result;
}

static int show_once(struct watch *watch)
{
	struct error error = { .sentence = "" };
	struct look look = { .pool = NULL };
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int result;

	if (!out)
		return -ENOMEM;
	result = look_at(watch, &look, &error);
	if (result < 0)
		sentence_show(out, watch, error.sentence);
	else
		look_show(out, watch, &look);
	if (result == 0)
		cJSON_Delete(look.pool);
	if (fclose(out) != 0)
		return -ENOMEM;
	return frame_write(watch, text, size);
}

int watch_run(const struct watch_options *options)
{
	struct watch watch = {
		.options = options,
		.socket = client_socket_path(options->socket),
		.is_terminal = isatty(1),
	};
	uint64_t interval = (uint64_t)(options->seconds * (double)NSEC_PER_SEC);
	uint64_t due = clock_now_nsec();
	char sentence[160];
	int result;

	signal(SIGINT, interrupted);
	signal(SIGTERM, interrupted);
	while ((result = show_once(&watch)) == 0) {
		due += interval;
		/* A look that took longer is not made up for. */
		if (due < clock_now_nsec())
			due = clock_now_nsec();
		clock_wait_until(due);
	}
	snprintf(sentence, sizeof(sentence), "cannot write: %s", error_text(result));
	return result == -EPIPE ? 0 : command_failed("status", sentence);
}
