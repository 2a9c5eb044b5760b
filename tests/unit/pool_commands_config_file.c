// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_commands_config_file.c: a file says what a person reads in it, line by line,
 * or is refused with its line; nothing is cut, dropped or guessed.
 */
#include "base/clock.h"
#include "tests/unit/pool_commands_config_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>

TestSuite(config_file, .init = make_directory, .fini = remove_directory);

Test(config_file, reads_every_value_of_a_file)
{
	cr_assert_eq(load("# a comment\n; another\n\n"
			  "[server]\n"
			  "socket = /run/x.sock\n"
			  "listen=127.0.0.1:8080\n"
			  "state_dir: /srv/state\n"
			  "connections_max = 7 ; seven\n"
			  "  body_bytes_max = 1.5M\n"
			  "header_timeout = 500ms\n"
			  "body_timeout = 1m\n"
			  "idle_timeout = 2\n"
			  "drain_timeout = 0\n"
			  "[pool] # workers\n"
			  "workers = 8\n"
			  "shards = 2\n"
			  "queue = 9\n"
			  "imports = json, os.path\n"
			  "without = bpf\n"
			  "reset = auto\nverify = on\n"
			  "[limits]\n"
			  "timeout = 5s\n"
			  "cpu_time = 4s\n"
			  "memory = 64M\n"
			  "pids = 3\n"
			  "output = 17\n"
			  "files = 1M\n"
			  "open_files = 99\n"
			  "syscalls = 77\n"
			  "[records]\n"
			  "executions_kept = 0\n"
			  "keys_kept_bytes = 3M\n"
			  "key_time = 7s\n"
			  "[log]\r\n"
			  "level = debug\r\n"
			  "[server]\n"
			  "token_file = /etc/token"),
		0, "%s", error.sentence);
	const struct sockaddr_in *address = (const struct sockaddr_in *)&config.listen.address;

	cr_expect_str_eq(config.socket, "/run/x.sock");
	cr_expect_str_eq(config.listen.text, "127.0.0.1:8080");
	cr_expect_eq(config.listen.bytes, sizeof(*address));
	cr_expect_eq(address->sin_family, AF_INET);
	cr_expect_eq(address->sin_port, htons(8080));
	cr_expect_eq(address->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	cr_expect_str_eq(config.state_dir, "/srv/state");
	cr_expect_str_eq(config.token_file, "/etc/token");
	cr_expect_eq(config.connections_max, 7);
	cr_expect_eq(config.body_bytes_max, 3 << 19);
	cr_expect_eq(config.header_timeout_nsec, 500 * NSEC_PER_MSEC);
	cr_expect_eq(config.body_timeout_nsec, 60 * NSEC_PER_SEC);
	cr_expect_eq(config.idle_timeout_nsec, 2 * NSEC_PER_SEC);
	cr_expect_eq(config.drain_timeout_nsec, 0);
	cr_expect_eq(config.executions_kept, 0);
	cr_expect_eq(config.keys_kept_bytes, 3 << 20);
	cr_expect_eq(config.key_time_nsec, 7 * NSEC_PER_SEC);
	cr_expect(config.workers == 8 && config.shards == 2);
	cr_expect_eq(config.queue_max, 9);
	cr_expect_str_eq(config.imports, "json, os.path");
	cr_expect(config.without_bpf && config.reset == RESET_AUTO && config.verify);
	const uint64_t limits[] = { 5 * NSEC_PER_SEC, 4 * NSEC_PER_SEC, 64 << 20, 3, 17, 1 << 20,
		99, 77 };

	for (int i = 0; i < LIMIT_COUNT; i++)
		cr_expect_eq(config.limits.values[i], limits[i], "%s", limit_types[i].name);
	cr_expect_eq(config.log_level, LOG_LEVEL_DEBUG);
	expect_origin(CONFIG_SOCKET, "corral.conf:5");
	expect_origin(CONFIG_LOG_LEVEL, "corral.conf:36");
	expect_origin(CONFIG_TOKEN_FILE, "corral.conf:38");
}

Test(config_file, refuses_what_it_does_not_know_by_name)
{
	expect_refused("[pool]\nwrokers = 3\n",
		"corral.conf:2: [pool] has no key 'wrokers': give one of workers, shards, queue, "
		"imports, reset, verify, template_executions, template_age, without");
	expect_refused("[log]\nworkers = 3\n",
		"corral.conf:2: [log] has no key 'workers': give one of level");
	expect_refused("[log]\n= 3\n", "corral.conf:2: [log] has no key '': give one of level");
	expect_refused("[sevrer]\n", "corral.conf:1: there is no section [sevrer]: "
				     "give one of [server], [pool], [limits], [records], [log]");
	expect_refused("[Pool]\nworkers = 3\n",
		"corral.conf:1: there is no section [Pool]: "
		"give one of [server], [pool], [limits], [records], [log]");
	expect_refused("workers = 3\n[pool]\n",
		"corral.conf:1: workers stands before any section: "
		"begin with one of [server], [pool], [limits], [records], [log]");
	expect_refused("[pool]\nworkers = 3\n[log]\n[pool]\nworkers = 3\n",
		"corral.conf:5: workers is given again, first in line 2: give it once");
}

Test(config_file, refuses_lines_that_inih_would_bend)
{
	static char text[CONFIG_LINE_BYTES_MAX + 64];

	expect_refused("[pool] workers = 3\n",
		"corral.conf:1: something stands behind [pool]: put it on a line of its own");
	expect_refused("[pool\n", "corral.conf:1: there is no ']' to this '[': give [NAME]");
	expect_refused("[pool]\nworkers = 4\n   8\nshards = x\n",
		"corral.conf:3: there is no '=' here: give key = value");
	cr_expect_eq(load("[pool]\nworkers = 4\n   shards = 2\n"), 0, "%s", error.sentence);
	cr_expect_eq(config.shards, 2);

	/* The longest line that fits is read whole, and one byte more is refused. */
	snprintf(text, sizeof(text), "[log]\nlevel = warning ;%0*d\n", 4094 - 17, 0);
	cr_expect_eq(load(text), 0, "%s", error.sentence);
	cr_expect_eq(config.log_level, LOG_LEVEL_WARNING);
	snprintf(text, sizeof(text), "[log]\nlevel = warning ;%0*d\n", 4095 - 17, 0);
	expect_refused(text, "corral.conf:2: the line is longer than 4094 bytes: shorten it");
}

Test(config_file, refuses_bytes_that_are_no_text)
{
#define BYTES(text) text, sizeof(text) - 1
#define NO_TEXT " here, which no text has: take it out"
	static const struct {
		const char *bytes;
		size_t size;
		const char *wanted;
	} rows[] = {
		{ BYTES("[log]\nlevel = info\0rmation\n"),
			"corral.conf:2: there is a byte 0x00" NO_TEXT },
		{ BYTES("\n\n\033[2J"), "corral.conf:3: there is a byte 0x1b" NO_TEXT },
		{ BYTES("\n# a\rlevel = info\n"), "corral.conf:2: there is a byte 0x0d" NO_TEXT },
		{ BYTES("[log]\n# \xc3\xa4\n# \xe4\n"),
			"corral.conf:3: this is no UTF-8: save the file as UTF-8" },
		{ BYTES("[log]\n# \xc3\n\xa4\n"),
			"corral.conf:2: this is no UTF-8: save the file as UTF-8" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		write_bytes(rows[i].bytes, rows[i].size);
		cr_expect_eq(config_load_file(&config, path, true, &error), -EINVAL);
		cr_expect_str_eq(without_directory(error.sentence), rows[i].wanted);
	}
}

Test(config_file, reads_files_up_to_64_kib)
{
	static char text[CONFIG_FILE_BYTES_MAX + 1];

	memset(text, '\n', sizeof(text));
	memcpy(text + sizeof(text) - 20, "[pool]\nworkers = 3", 18);
	write_bytes(text, sizeof(text) - 1);
	cr_expect_eq(config_load_file(&config, path, true, &error), 0, "%s", error.sentence);
	cr_expect_eq(config.workers, 3);
	write_bytes(text, sizeof(text));
	cr_expect_eq(config_load_file(&config, path, true, &error), -EFBIG);
	cr_expect(strstr(error.sentence, "is larger than 64 KiB: give a smaller one"), "%s",
		error.sentence);
}

Test(config_file, says_which_file_it_cannot_read)
{
	static char longer[CONFIG_FILE_NAME_BYTES_MAX + 2];

	cr_expect_eq(config_load_file(&config, path, false, &error), 0);
	cr_expect_eq(config_load_file(&config, path, true, &error), -ENOENT);
	cr_expect(strstr(error.sentence,
			  "corral.conf: No such file or directory; give a file that can be read"),
		"%s", error.sentence);
	cr_expect_eq(config_load_file(&config, directory, false, &error), -EISDIR);
	memset(longer, 'x', sizeof(longer) - 1);
	cr_expect_eq(config_load_file(&config, longer, true, &error), -ENAMETOOLONG);
	cr_expect_eq(config_load_file(&config, "a\nb", true, &error), -ENAMETOOLONG);
	cr_expect_eq(config_load_file(&config, longer + 1, false, &error), 0);
}
