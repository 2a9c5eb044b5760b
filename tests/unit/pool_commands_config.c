// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_commands_config.c: the daemon is told what the highest source said, or refuses to
 * start with the place and the remedy; what it prints says the same when it is read.
 */
#include "base/clock.h"
#include "pool/commands/config_private.h"
#include "tests/unit/pool_commands_config_fixture.h"

#include <netinet/in.h>
#include <sys/mman.h>

TestSuite(config, .init = make_directory, .fini = remove_directory);

/* --- The table -------------------------------------------------------------------------------- */

Test(config, has_standard_values)
{
	cr_expect_str_eq(config.socket, "/run/corral/corral.sock");
	cr_expect_str_eq(config.listen.text, "none");
	cr_expect_eq(config.listen.bytes, 0);
	cr_expect_str_eq(config.state_dir, "/var/lib/corral");
	cr_expect_str_eq(config.token_file, "/var/lib/corral/token");
	cr_expect_eq(config.connections_max, 1024);
	cr_expect_eq(config.body_bytes_max, 32 << 20);
	cr_expect_eq(config.header_timeout_nsec, 10 * NSEC_PER_SEC);
	cr_expect_eq(config.body_timeout_nsec, 30 * NSEC_PER_SEC);
	cr_expect_eq(config.idle_timeout_nsec, 75 * NSEC_PER_SEC);
	cr_expect_eq(config.answer_timeout_nsec, 30 * NSEC_PER_SEC);
	cr_expect_eq(config.drain_timeout_nsec, 30 * NSEC_PER_SEC);
	cr_expect_eq(config.workers, 64);
	cr_expect_eq(config.shards, 0);
	cr_expect_eq(config.queue_max, 1024);
	cr_expect_str_eq(config.imports, "");
	cr_expect_eq(config.executions_kept, 4096);
	cr_expect_eq(config.executions_kept_bytes, 64 << 20);
	cr_expect_eq(config.keys_kept, 65536);
	cr_expect_eq(config.keys_kept_bytes, 64 << 20);
	cr_expect_eq(config.key_time_nsec, 600 * NSEC_PER_SEC);
	cr_expect_eq(config.log_level, LOG_LEVEL_INFO);
	for (int i = 0; i < LIMIT_COUNT; i++)
		cr_expect_eq(config.limits.values[i], limit_types[i].standard);
	for (int i = 0; i < CONFIG_COUNT; i++)
		expect_origin(i, "standard");
	cr_expect_eq(config_check(&config, &error), 0);
}

Test(config, has_one_name_for_each_value_everywhere)
{
	for (int i = 0; i < CONFIG_COUNT; i++) {
		const struct config_key *key = &config_keys[i];
		char variable[64] = "CORRAL_", standard[64];
		size_t used = strlen(variable);

		for (const char *at = key->flag; *at; at++)
			variable[used++] = *at == '-' ? '_' : (char)(*at - 'a' + 'A');
		cr_expect_str_eq(key->environment, variable);
		cr_expect_eq(key->type == CONFIG_TYPE_LIMIT, strcmp(key->section, "limits") == 0);
		if (key->type == CONFIG_TYPE_LIMIT)
			cr_expect_str_eq(key->name, limit_types[i - CONFIG_TIMEOUT].name);
		for (int k = 0; k < i; k++) {
			cr_expect_str_neq(config_keys[k].flag, key->flag);
			cr_expect_neq(config_keys[k].offset, key->offset);
		}
		/* --help tells the standard value. */
		snprintf(standard, sizeof(standard), "(%s)", key->standard ? key->standard : "");
		if (key->standard && *key->standard)
			cr_expect(strstr(key->help, standard), "%s: %s", key->name, key->help);
	}
}

/* --- Values ----------------------------------------------------------------------------------- */

Test(config, reads_an_ipv6_address_and_a_mark_of_utf_8)
{
	cr_assert_eq(load("\xef\xbb\xbf[server]\nlisten = [::1]:0\n"), 0, "%s", error.sentence);
	const struct sockaddr_in6 *address = (const struct sockaddr_in6 *)&config.listen.address;

	cr_expect_eq(config.listen.bytes, sizeof(*address));
	cr_expect_eq(address->sin6_family, AF_INET6);
	cr_expect_eq(address->sin6_port, 0);
	cr_expect(IN6_IS_ADDR_LOOPBACK(&address->sin6_addr));
}

Test(config, keeps_the_token_in_the_state_directory_unless_told)
{
	cr_assert_eq(load("[server]\nstate_dir = /srv\n"), 0);
	cr_expect_str_eq(config.token_file, "/srv/token");
	expect_origin(CONFIG_TOKEN_FILE, "standard");
	cr_assert_eq(load("[server]\ntoken_file = /t\nstate_dir = /srv2\n"), 0);
	cr_expect_str_eq(config.token_file, "/t");
}

Test(config, refuses_values_with_place_and_remedy)
{
	expect_refused("[pool]\n\n\n\n\n\nworkers = many\n",
		"corral.conf:7: workers cannot be 'many': give a whole number from 1 to 16384");
	expect_refused("[pool]\nworkers = 0",
		"corral.conf:2: workers cannot be '0': give a whole number from 1 to 16384");
	expect_refused("[pool]\nworkers = 16385\n",
		"corral.conf:2: workers cannot be '16385': give a whole number from 1 to 16384");
	expect_refused("[pool]\nworkers =\n",
		"corral.conf:2: workers cannot be '': give a whole number from 1 to 16384");
	expect_refused("[pool]\nworkers = 8 # eight\n",
		"corral.conf:2: workers cannot be '8 # eight': "
		"give a whole number from 1 to 16384");
	expect_refused("[pool]\nimports = os; rm\n",
		"corral.conf:2: imports cannot be 'os; rm': "
		"give names of modules with commas between");
	expect_refused("[server]\nbody_bytes_max = 65M\n",
		"corral.conf:2: body_bytes_max cannot be '65M': give a size from 1K to 64M");
	expect_refused("[server]\nidle_timeout = 1d\n",
		"corral.conf:2: idle_timeout cannot be '1d': give a duration from 1ms to 1h");
	expect_refused("[pool]\ntemplate_executions = 0\n",
		"corral.conf:2: template_executions cannot be '0': "
		"give a whole number from 1 to 1000000000, or none");
	expect_refused("[log]\nlevel = loud\n",
		"corral.conf:2: level cannot be 'loud': give error, warning, info or debug");
	expect_refused("[limits]\npids = 0\n",
		"corral.conf:2: pids cannot be '0': give a whole number above zero");
	expect_refused("[log]\nlevel = in\tfo\n", "corral.conf:2: level holds a control character "
						  "or is no UTF-8: give it without");
	expect_refused("[limits]\nmemory = 1111111111111111111111111111111111111111111111111111111"
		       "11111111111\n",
		"corral.conf:2: memory cannot be '111111111111111111111111111111111111111111111111"
		"1111111111111111...': give a shorter value");
}

Test(config, refuses_paths_and_addresses_that_would_be_something_else)
{
	static const char *const paths[] = { "", "/", "run/x", "/run/a b", "/run/a;b", "/x # y" };
	static const char *const addresses[] = { "", "8080", ":8080", "localhost:80", "127.1:80",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", "[::1]", "[::1:80",
		"[]:80", "None", "127.0.0.1:80x", "[1.2.3.4]:80", "[" };
	char text[256], wanted[256];

	for (size_t i = 0; i < COUNT(paths); i++) {
		snprintf(text, sizeof(text), "[server]\nsocket = %s\n", paths[i]);
		snprintf(wanted, sizeof(wanted),
			"corral.conf:2: socket cannot be '%s': give a full path, beginning with /, "
			"without blanks and ';'",
			paths[i]);
		expect_refused(text, wanted);
	}
	for (size_t i = 0; i < COUNT(addresses); i++) {
		snprintf(text, sizeof(text), "[server]\nlisten = %s\n", addresses[i]);
		snprintf(wanted, sizeof(wanted),
			"corral.conf:2: listen cannot be '%s': give an address and a port, such as "
			"127.0.0.1:8080 or [::1]:8080, or none",
			addresses[i]);
		expect_refused(text, wanted);
	}
	snprintf(text, sizeof(text), "[server]\nsocket = /%0107d\n", 0);
	expect_refused(text, "corral.conf:2: socket has 108 bytes: give at most 107");
	snprintf(text, sizeof(text), "[server]\nsocket = /%0106d\n", 0);
	cr_expect_eq(load(text), 0, "%s", error.sentence);
}

Test(config, clamps_limits_and_keeps_the_sentence)
{
	cr_assert_eq(load("[limits]\ntimeout = 2h\npids = 7\n"), 0);
	cr_expect_eq(config.limits.values[LIMIT_TIMEOUT], 3600 * NSEC_PER_SEC);
	cr_expect_str_eq(config.origins[CONFIG_TIMEOUT].note,
		"timeout 2h is outside what this pool allows; using 1 h");
	cr_expect_str_eq(config.origins[CONFIG_PIDS].note, "");
}

Test(config, warns_of_each_value_that_a_cap_changed)
{
	AUTO_FD log = memfd_create("log", MFD_CLOEXEC);
	AUTO_FD old = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	char text[1024];

	cr_assert_eq(load("[limits]\ntimeout = 2h\npids = 5000\nmemory = 64M\n"), 0);
	log_open(LOG_LEVEL_INFO);
	log_set_format(LOG_FORMAT_PLAIN);
	dup2(log, STDERR_FILENO);
	config_log(&config);
	dup2(old, STDERR_FILENO);
	ssize_t size = pread(log, text, sizeof(text) - 1, 0);

	text[size < 0 ? 0 : size] = '\0';
	cr_expect(strstr(text, "corral.conf:2: timeout 2h is outside"), "%s", text);
	cr_expect(strstr(text, "corral.conf:3: pids 5000 is outside"), "%s", text);
	cr_expect_not(strstr(text, "memory"), "%s", text);
}

/* --- The environment -------------------------------------------------------------------------- */

static int load_variable(const char *variable)
{
	char *environment[] = { "PATH=/bin", (char *)variable, NULL };

	error.sentence[0] = '\0';
	return config_load_environment(&config, environment, &error);
}

Test(config, reads_every_variable)
{
	static const char *const texts[] = { [CONFIG_TYPE_PATH] = "/x", [CONFIG_TYPE_MODULES] = "x",
		[CONFIG_TYPE_ADDRESS] = "127.0.0.1:1", [CONFIG_TYPE_COUNT] = "3",
		[CONFIG_TYPE_COUNT_OR_NONE] = "none",
		[CONFIG_TYPE_BYTES] = "3K", [CONFIG_TYPE_DURATION] = "3s",
		[CONFIG_TYPE_LEVEL] = "error", [CONFIG_TYPE_WITHOUT] = "bpf",
		[CONFIG_TYPE_RESET] = "rewind",
		[CONFIG_TYPE_SWITCH] = "on" };

	for (int i = 0; i < CONFIG_COUNT; i++) {
		const struct config_key *key = &config_keys[i];
		char variable[128], printed[CONFIG_LINE_BYTES_MAX];
		const char *text = key->type == CONFIG_TYPE_LIMIT ? "64" : texts[key->type];

		if (i == CONFIG_MEMORY || i == CONFIG_FILES)
			text = "9M";
		else if (i == CONFIG_MEMORY_MAX)
			text = "32M";
		else if (i == CONFIG_TIMEOUT || i == CONFIG_CPU_TIME)
			text = "9s";
		snprintf(variable, sizeof(variable), "%s=%s", key->environment, text);
		cr_expect_eq(load_variable(variable), 0, "%s", error.sentence);
		cr_expect_str_eq(config_print_value(&config, i, printed), text);
		expect_origin(i, key->environment);
	}
}

Test(config, refuses_variables_by_name)
{
	char *twice[] = { "CORRAL_QUEUE=1", "CORRAL_WORKERS=2", "CORRAL_QUEUE=1", NULL };

	cr_expect_eq(load_variable("CORRAL_WROKERS=3"), -EINVAL);
	cr_expect_str_eq(error.sentence,
		"CORRAL_WROKERS in the environment means nothing to corral: unset it, or give a "
		"flag's name, as CORRAL_WORKERS for --workers");
	cr_expect_eq(load_variable("CORRAL_=3"), -EINVAL);
	cr_expect_eq(load_variable("CORRAL_FAULTS=3"), -EINVAL);
	cr_expect_eq(load_variable("CORRAL_WORKERS=-1"), -EINVAL);
	cr_expect_str_eq(error.sentence, "CORRAL_WORKERS: workers cannot be '-1': "
					 "give a whole number from 1 to 16384");
	cr_expect_eq(load_variable("CORRAL_SOCKET=/a\nb"), -EINVAL);
	cr_expect_eq(load_variable("CORRAL_SOCKET=/a\xff"), -EINVAL);
	cr_expect_str_eq(error.sentence, "CORRAL_SOCKET: socket holds a control character or is no "
					 "UTF-8: give it without");
	cr_expect_eq(load_variable("CORRAL_IMPORTS= os"), -EINVAL);
	cr_expect_eq(config_load_environment(&config, twice, &error), -EINVAL);
	cr_expect_str_eq(
		error.sentence, "CORRAL_QUEUE stands in the environment twice: give it once");
	cr_expect_eq(config.workers, 64);
	expect_origin(CONFIG_WORKERS, "standard");
}

Test(config, leaves_variables_of_others_alone)
{
	cr_expect_eq(load_variable("CORRAL_FAULT=cgroup.mkdir:3"), 0);
	cr_expect_eq(load_variable("CORRAL_BUILD=/build"), 0);
	cr_expect_eq(load_variable("CORRALS=3"), 0);
	cr_expect_eq(load_variable("XCORRAL_WORKERS=3"), 0);
	for (int i = 0; i < CONFIG_COUNT; i++)
		expect_origin(i, "standard");
}

/* --- Flags, and which source outranks which --------------------------------------------------- */

static void parse_flags(struct config *into, char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	cr_assert_eq(argp_parse(&config_argp, argc, argv, ARGP_NO_EXIT, NULL, into), 0);
}

Test(config, reads_flags)
{
	char *argv[] = { "serve", "--workers=9", "--log-level", "error", "--memory=64M",
		"--config", "/f", "--print-config", "--verify", "--workers=10", NULL };

	parse_flags(&config, argv);
	cr_expect(config.verify);
	cr_expect_eq(config.workers, 10);
	cr_expect_eq(config.log_level, LOG_LEVEL_ERROR);
	cr_expect_eq(config.limits.values[LIMIT_MEMORY], 64 << 20);
	cr_expect_str_eq(config.file, "/f");
	cr_expect(config.print);
	expect_origin(CONFIG_WORKERS, "--workers");
	expect_origin(CONFIG_LOG_LEVEL, "--log-level");
	expect_origin(CONFIG_QUEUE, "standard");
}

Test(config, refuses_flags_with_the_same_sentence)
{
	char *argv[] = { "serve", "--shards=65", NULL }, *text = NULL;
	size_t size;
	FILE *old = stderr;

	stderr = open_memstream(&text, &size);
	parse_flags(&config, argv);
	fclose(stderr);
	stderr = old;
	cr_expect(strstr(text, "--shards: shards cannot be '65': give a whole number from 0 to 64"),
		"%s", text);
	free(text);
}

Test(config, lets_the_higher_source_win_in_whatever_order)
{
	char *argv[] = { "serve", "--workers=4", NULL };
	char *environment[] = { "CORRAL_WORKERS=3", "CORRAL_QUEUE=3", NULL };
	const char *text = "[pool]\nworkers = 2\nqueue = 2\nshards = 2\n";

	for (int order = 0; order < 2; order++) {
		config_init(&config);
		if (order)
			parse_flags(&config, argv);
		cr_assert_eq(order ? config_load_environment(&config, environment, &error)
				   : load(text), 0);
		cr_assert_eq(order ? load(text)
				   : config_load_environment(&config, environment, &error), 0);
		if (!order)
			parse_flags(&config, argv);
		cr_expect_eq(config.workers, 4);
		cr_expect_eq(config.queue_max, 3);
		cr_expect_eq(config.shards, 2);
		expect_origin(CONFIG_WORKERS, "--workers");
		expect_origin(CONFIG_QUEUE, "CORRAL_QUEUE");
		expect_origin(CONFIG_SHARDS, "corral.conf:4");
	}
	/* What is outranked is checked all the same. */
	cr_expect_eq(load("[pool]\nworkers = x\n"), -EINVAL);
}

Test(config, loads_all_sources_and_checks_them_or_changes_nothing)
{
	char *argv[] = { "serve", "--config", path, "--shards=2", NULL };
	char *environment[] = { "CORRAL_WORKERS=1", "CORRAL_QUEUE=3", NULL };
	char *fewer[] = { "CORRAL_QUEUE=3", NULL };

	parse_flags(&config, argv);
	cr_expect_eq(config_load(&config, fewer, &error), -ENOENT);
	write_bytes("[pool]\nworkers = 2\n", 19);
	cr_expect_eq(config_load(&config, environment, &error), -EINVAL);
	cr_expect_str_eq(error.sentence, "2 shards (--shards) cannot share 1 workers "
					 "(CORRAL_WORKERS): give each shard one at least");
	cr_expect_eq(config.workers, 64);
	cr_expect_eq(config.queue_max, 1024);
	cr_expect_eq(config_load(&config, fewer, &error), 0, "%s", error.sentence);
	cr_expect_eq(config.workers, 2);
	cr_expect_eq(config.queue_max, 3);
}

Test(config, refuses_one_path_for_two_things)
{
	cr_assert_eq(load("[server]\nsocket = /a\ntoken_file = /a\n"), 0);
	cr_expect_eq(config_check(&config, &error), -EINVAL);
	cr_expect(strstr(error.sentence, "cannot both be /a: give each a path of its own"), "%s",
		error.sentence);
	cr_assert_eq(load("[server]\nsocket = /b\ntoken_file = /a\nstate_dir = /a\n"), 0);
	cr_expect_eq(config_check(&config, &error), -EINVAL);
	cr_assert_eq(load("[server]\nstate_dir = /c\n"), 0);
	cr_expect_eq(config_check(&config, &error), 0);
}

/* --- Printing and reloading ------------------------------------------------------------------- */

static char *printed(const struct config *shown)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	config_print(shown, out);
	fclose(out);
	return text;
}

Test(config, prints_a_file_that_reads_back_the_same)
{
	char *argv[] = { "serve", "--idle-timeout=1500ms", "--body-bytes-max=1025", "--timeout=2h",
		"--imports=json, os.path", "--listen=[::1]:80", "--cpu-time=1.000000001s",
		"--drain-timeout=0", "--log-level=warning", NULL };
	char one[CONFIG_LINE_BYTES_MAX], other[CONFIG_LINE_BYTES_MAX];
	static struct config before;

	cr_assert_eq(load("[pool]\nworkers = 7\n"), 0);
	cr_assert_eq(load_variable("CORRAL_STATE_DIR=/srv"), 0);
	parse_flags(&config, argv);
	AUTO_FREE char *text = printed(&config);

	cr_expect(strstr(text, "[server]\n# standard\nsocket = /run/corral/corral.sock\n"));
	cr_expect(strstr(text, "# CORRAL_STATE_DIR\nstate_dir = /srv\n"), "%s", text);
	cr_expect(strstr(text, "# --idle-timeout\nidle_timeout = 1500ms\n"), "%s", text);
	cr_expect(strstr(text, "corral.conf:2\nworkers = 7\n"), "%s", text);
	cr_expect(strstr(text, "using 1 h\ntimeout = 1h\n"), "%s", text);
	before = config;
	config_init(&config);
	cr_assert_eq(load(text), 0, "%s", error.sentence);
	for (int i = 0; i < CONFIG_COUNT; i++) {
		cr_expect_str_eq(config_print_value(&config, i, one),
			config_print_value(&before, i, other));
		cr_expect_eq(config.origins[i].source, CONFIG_FROM_FILE);
	}
	cr_expect_eq(config.idle_timeout_nsec, 1500 * NSEC_PER_MSEC);
	cr_expect_eq(config.body_bytes_max, 1025);
	cr_expect_eq(memcmp(&config.limits, &before.limits, sizeof(config.limits)), 0);
	cr_expect_eq(config.limits.values[LIMIT_CPU_TIME], NSEC_PER_SEC + 1);
	cr_expect_eq(memcmp(&config.listen, &before.listen, sizeof(config.listen)), 0);
	cr_expect_str_eq(config.imports, "json, os.path");
}

Test(config, reload_takes_over_what_may_change_and_names_the_rest)
{
	static struct config running;

	config_init(&running);
	cr_assert_eq(load("[server]\nidle_timeout = 9s\nlisten = 127.0.0.1:80\n[pool]\n"
			  "workers = 8\nqueue = 1024\n[limits]\nmemory = 64M\n[log]\n"
			  "level = debug\n"),
		0);
	cr_expect_eq(config_reload(&running, &config, &error), 2);
	cr_expect_str_eq(
		error.sentence, "a restart is needed for what changed in listen, workers");
	cr_expect_eq(running.idle_timeout_nsec, 9 * NSEC_PER_SEC);
	cr_expect_eq(running.limits.values[LIMIT_MEMORY], 64 << 20);
	cr_expect_eq(running.log_level, LOG_LEVEL_DEBUG);
	cr_expect_eq(running.workers, 64);
	cr_expect_str_eq(running.listen.text, "none");
	cr_expect_str_eq(running.origins[CONFIG_WORKERS].name, "standard");
	cr_expect_str_eq(
		without_directory(running.origins[CONFIG_LOG_LEVEL].name), "corral.conf:10");
	cr_expect_str_eq(without_directory(running.origins[CONFIG_QUEUE].name), "corral.conf:6");

	config_init(&config);
	cr_expect_eq(config_reload(&running, &config, &error), 0);
	cr_expect_str_eq(error.sentence, "");
	cr_expect_eq(running.idle_timeout_nsec, 75 * NSEC_PER_SEC);
	cr_expect_eq(running.log_level, LOG_LEVEL_INFO);
}

Test(config, reload_changes_each_value_that_says_it_can_and_no_other)
{
	char text[CONFIG_LINE_BYTES_MAX], before[CONFIG_LINE_BYTES_MAX];
	static const char *const other[CONFIG_COUNT] = { "/o", "127.0.0.1:1", "/o", "/p", "3", "3K",
		"32M", "3s", "3s", "3s", "3s", "3s", "3", "3", "3", "os", "rewind", "on", "none",
		"3s", "bpf", "3s", "3s", "9M", "3", "3", "9M", "33", "3", "3", "3M", "3", "3M",
		"3s", "error" };

	for (int i = 0; i < CONFIG_COUNT; i++) {
		const struct config_key *key = &config_keys[i];
		static struct config running;

		config_init(&running);
		config_init(&config);
		config_print_value(&running, i, before);
		cr_assert_eq(config_set(&config, i, CONFIG_FROM_FLAG, "test", other[i], &error), 0);
		cr_expect_eq(config_reload(&running, &config, &error) == 0,
			key->changes_at_run_time, "%s", key->name);
		cr_expect_str_eq(config_print_value(&running, i, text),
			key->changes_at_run_time ? other[i] : before);
		cr_expect_eq(strstr(error.sentence, key->name) == NULL, key->changes_at_run_time);
	}
}
