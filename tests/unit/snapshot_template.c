// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/snapshot_template.c: the life of a template: warm, asked, killed, mended, stopped.
 * What it bears, the pool's tests show. Needs root.
 */
#include "snapshot/template.h"

#include "base/clock.h"
#include "base/own.h"
#include "ring/channel.h"
#include "ring/message.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TYPE_RECEIVE, TYPE_EXIT, TYPE_COUNT };

static const struct loop_op_type types[TYPE_COUNT] = {
	[TYPE_RECEIVE] = { "receive", template_received },
	[TYPE_EXIT] = { "exit", template_exited },
};

#define EVENTS_MAX 16

static struct loop *loop;
static struct template template;
static struct birth_reply birth;
static unsigned readies, births, losses;
static char last_sentence[256];
static uint64_t lost_nsec[EVENTS_MAX];

static void ready(struct template *told)
{
	cr_expect_eq(told, &template);
	readies++;
	loop_stop(loop);
}

static void born(struct template *told, const struct birth_reply *reply)
{
	birth = *reply;
	births++;
	loop_stop(loop);
}

static void lost(struct template *told, const char *sentence)
{
	cr_assert_lt(losses, EVENTS_MAX);
	lost_nsec[losses++] = clock_now_nsec();
	snprintf(last_sentence, sizeof(last_sentence), "%s", sentence);
	loop_stop(loop);
}

static void template_open(const char *program, const char *imports)
{
	const struct loop_config loop_config = {
		.types = types, .type_count = TYPE_COUNT, .ops_max = 8
	};
	struct template_config config = {
		.program = program,
		.imports = imports,
		.cpu = -1,
		.receive_type = TYPE_RECEIVE,
		.exit_type = TYPE_EXIT,
		.entrance = { -1, -1, -1, -1 },
		.ready = ready,
		.born = born,
		.lost = lost,
	};
	struct error error = { .sentence = "" };

	cr_assert_eq(loop_new(&loop, &loop_config), 0);
	config.loop = loop;
	template_init(&template, &config);
	cr_expect_eq(template.state, TEMPLATE_DOWN);
	cr_assert_eq(template_start(&template, &error), 0, "%s", error.sentence);
	cr_expect_eq(template.state, TEMPLATE_WARMING);
}

static const char *python_path(void)
{
	static char path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);

	cr_assert_gt(n, 0);
	path[n] = '\0';
	snprintf(strrchr(path, '/'), 32, "/corral-python");
	return path;
}

static void run(void)
{
	cr_assert_eq(loop_run(loop), 0);
}

/* Stops it and hears of its end. */
static void template_close(void)
{
	unsigned before = losses;

	template_stop(&template);
	if (template.pid) {
		while (losses == before)
			run();
	}
	cr_expect_eq(template.state, TEMPLATE_DOWN);
	cr_expect_eq(template.watch.place, 0, "nothing starts it again");
	cr_expect_eq(loop_inflight(loop, -1), 0);
	loop_free(loop);
}

/* Asks for a worker in the cell of process `init_pid`. */
static int ask(pid_t init_pid)
{
	struct birth_letter letter = {
		.version = CELL_VERSION,
		.slot = 5,
		.generation = 9,
		.init_pid = init_pid,
	};
	AUTO_FD channel = -1, theirs = -1, ours = -1;
	int sockets[2], result;

	cr_assert_eq(message_pair(sockets), 0);
	ours = sockets[0];
	theirs = sockets[1];
	cr_assert_eq(channel_create(&channel), 0);
	result = template_bear(&template, &letter, theirs, channel);
	fd_close(&ours);
	fd_close(&theirs);
	fd_close(&channel);
	return result;
}

TestSuite(template, .timeout = 30);

Test(template, gets_warm_and_answers_each_request)
{
	template_open(python_path(), NULL);
	cr_expect_eq(ask(1), -EAGAIN, "it is not warm yet");
	run();
	cr_expect_eq(readies, 1);
	cr_expect_eq(template.state, TEMPLATE_READY);
	/* No process has this number: pid_max is below it. */
	for (unsigned i = 1; i <= 3; i++) {
		cr_assert_eq(ask(0x7ffffff0), 0);
		run();
		cr_expect_eq(births, i);
		cr_expect_eq(birth.error, -ESRCH);
		cr_expect_eq(birth.pid, 0);
		cr_expect(birth.slot == 5 && birth.generation == 9);
		cr_expect_eq(template.unanswered, 0);
		cr_expect_eq(template.watch.place, 0, "nobody waits for it any more");
	}
	template_close();
	cr_expect_eq(losses, 1);
}

Test(template, says_which_import_it_cannot_warm)
{
	template_open(python_path(), "json,no_such_module");
	run();
	cr_expect_eq(readies, 0);
	cr_expect_eq(losses, 1);
	cr_expect(strstr(last_sentence, "no_such_module"), "%s", last_sentence);
	template_close();
}

Test(template, is_started_again_when_it_is_killed)
{
	template_open(python_path(), "json");
	run();
	pid_t first = template.pid;

	kill(first, SIGKILL);
	run();
	cr_expect_eq(losses, 1);
	cr_expect_str_eq(last_sentence, "it ended with signal 9");
	cr_expect_eq(template.state, TEMPLATE_DOWN);
	cr_expect_eq(template.pid, 0);
	cr_expect_eq(ask(1), -EAGAIN);
	run();
	cr_expect_eq(readies, 2);
	cr_expect_eq(template.restarts, 1);
	cr_expect_neq(template.pid, first);
	cr_assert_eq(ask(0x7ffffff0), 0);
	run();
	cr_expect_eq(births, 1);
	template_close();
}

Test(template, that_cannot_live_is_started_after_pauses_that_double)
{
	template_open("/bin/false", NULL);
	for (unsigned i = 1; i <= 3; i++) {
		run();
		cr_assert_eq(losses, i);
		cr_expect_str_eq(last_sentence, "it ended with exit code 1");
	}
	cr_expect_geq(lost_nsec[1] - lost_nsec[0], TEMPLATE_PAUSE_NSEC_MIN);
	cr_expect_geq(lost_nsec[2] - lost_nsec[1], 2 * TEMPLATE_PAUSE_NSEC_MIN);
	cr_expect_eq(template.restarts, 2);
	template_close();
}

Test(template, that_is_stopped_while_it_is_down_stays_down)
{
	template_open("/bin/false", NULL);
	run();
	cr_expect_neq(template.watch.place, 0);
	template_close();
	cr_expect_eq(losses, 1);
}

Test(template, that_cannot_be_started_says_so)
{
	const struct template_config config = {
		.program = "/no/such/program",
		.cpu = -1,
		.entrance = { -1, -1, -1, -1 },
	};
	struct error error;

	template_init(&template, &config);
	cr_expect_eq(template_start(&template, &error), -ENOENT);
	cr_expect_str_eq(
		error.sentence, "cannot start /no/such/program: No such file or directory");
	cr_expect_eq(template.state, TEMPLATE_DOWN);
}
