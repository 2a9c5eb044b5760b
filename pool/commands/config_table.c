// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/config_table.c: every value of the configuration, once, and the flags made of it.
 *
 * A value is one row of KEYS: the table that files, environment, printing and reload go by, and the
 * options of argp, are both spread from it. A row without a reader in the daemon is a defect.
 *
 * What may change at run time is what the daemon asks for anew with each request. What it builds at
 * its start (sockets, tables of connections, workers) needs a restart.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "pool/commands/config_private.h"

#include <assert.h>

#define SIZE_OF(member) (sizeof(((struct config *)0)->member))
#define HOUR (3600 * NSEC_PER_SEC)
#define SERVER "server"
#define POOL "pool"
#define LIMITS "limits"
#define RECORDS "records"
#define LOG "log"

/*
 * X(value, section, name, flag, environment, type, member, standard, min, max,
 *   changes at run time, what the flag takes, help)
 */
#define KEYS_SERVER(X)                                                                            \
	X(SOCKET, SERVER, "socket", "socket", "CORRAL_SOCKET", PATH, socket,                      \
		"/run/corral/corral.sock", 2, SIZE_OF(socket) - 1, false, "PATH",                 \
		"Unix socket to listen on (/run/corral/corral.sock)")                             \
	X(LISTEN, SERVER, "listen", "listen", "CORRAL_LISTEN", ADDRESS, listen, "none", 0, 0,     \
		false, "ADDR:PORT", "TCP address to listen on (none)")                            \
	X(STATE_DIR, SERVER, "state_dir", "state-dir", "CORRAL_STATE_DIR", PATH, state_dir,       \
		"/var/lib/corral", 2, SIZE_OF(state_dir) - 1, false, "DIR",                       \
		"Where it keeps what outlives it (/var/lib/corral)")                              \
	X(TOKEN_FILE, SERVER, "token_file", "token-file", "CORRAL_TOKEN_FILE", PATH, token_file,  \
		NULL, 2, SIZE_OF(token_file) - 1, false, "PATH",                                  \
		"File with the token of callers (token, in the state directory)")                 \
	X(CONNECTIONS, SERVER, "connections_max", "connections-max", "CORRAL_CONNECTIONS_MAX",    \
		COUNT, connections_max, "1024", 1, CONFIG_CONNECTIONS_MAX, false, "N",            \
		"Connections at one time (1024)")                                                 \
	X(BODY_BYTES, SERVER, "body_bytes_max", "body-bytes-max", "CORRAL_BODY_BYTES_MAX", BYTES, \
		body_bytes_max, "32M", CONFIG_BODY_BYTES_MIN, CONFIG_BODY_BYTES_MAX, true, "SIZE", \
		"Largest body of a request (32M)")                                                 \
	X(MEMORY_MAX, SERVER, "memory_max", "memory-max", "CORRAL_MEMORY_MAX", BYTES,             \
		memory_bytes_max, "256M", MEMORY_BYTES_MIN, MEMORY_BYTES_MAX, false, "SIZE",      \
		"For requests and answers of all connections together (256M)")                    \
	X(HEADER_TIMEOUT, SERVER, "header_timeout", "header-timeout", "CORRAL_HEADER_TIMEOUT",    \
		DURATION, header_timeout_nsec, "10s", NSEC_PER_MSEC, HOUR, true, "TIME",          \
		"For the header of a request to arrive (10s)")                                    \
	X(BODY_TIMEOUT, SERVER, "body_timeout", "body-timeout", "CORRAL_BODY_TIMEOUT", DURATION,  \
		body_timeout_nsec, "30s", NSEC_PER_MSEC, HOUR, true, "TIME",                      \
		"For the body of a request to arrive (30s)")                                      \
	X(IDLE_TIMEOUT, SERVER, "idle_timeout", "idle-timeout", "CORRAL_IDLE_TIMEOUT", DURATION,  \
		idle_timeout_nsec, "75s", NSEC_PER_MSEC, HOUR, true, "TIME",                      \
		"For which a connection may be silent between requests (75s)")                    \
	X(ANSWER_TIMEOUT, SERVER, "answer_timeout", "answer-timeout", "CORRAL_ANSWER_TIMEOUT",    \
		DURATION, answer_timeout_nsec, "30s", NSEC_PER_MSEC, HOUR, true, "TIME",          \
		"For which a client may take nothing of its answer (30s)")                        \
	X(DRAIN_TIMEOUT, SERVER, "drain_timeout", "drain-timeout", "CORRAL_DRAIN_TIMEOUT",        \
		DURATION, drain_timeout_nsec, "30s", 0, HOUR, true, "TIME",                       \
		"For executions to end by themselves when the daemon stops (30s)")

#define KEYS_POOL(X)                                                                              \
	X(WORKERS, POOL, "workers", "workers", "CORRAL_WORKERS", COUNT, workers, "64", 1,         \
		POOL_WORKERS_MAX, false, "N", "Workers kept ready (64)")                          \
	X(SHARDS, POOL, "shards", "shards", "CORRAL_SHARDS", COUNT, shards, "0", 0,               \
		POOL_SHARDS_MAX, false, "N", "Shards, each on a CPU of its own; one a CPU is (0)") \
	X(QUEUE, POOL, "queue", "queue", "CORRAL_QUEUE", COUNT, queue_max, "1024", 1,             \
		POOL_QUEUE_MAX, false, "N",                                                       \
		"Executions of a tenant that may wait, a shard (1024)")                           \
	X(IMPORTS, POOL, "imports", "imports", "CORRAL_IMPORTS", MODULES, imports, "", 0,         \
		SIZE_OF(imports) - 1, false, "NAMES",                                             \
		"Modules to have imported in every worker, instead of the usual ones")            \
	X(RESET, POOL, "reset", "reset", "CORRAL_RESET", RESET, reset, "auto", 0, 0, false,       \
		"HOW", "Of a worker: replace, rewind, or auto: rewind for its tenant (auto)")     \
	X(VERIFY, POOL, "verify", "verify", "CORRAL_VERIFY", SWITCH, verify, "off", 0, 0, false,  \
		NULL, "Prove of each rewound worker that it is what it was: slow (off)")          \
	X(TEMPLATE_EXECUTIONS, POOL, "template_executions", "template-executions",                \
		"CORRAL_TEMPLATE_EXECUTIONS", COUNT_OR_NONE, template_executions, "1000000", 1,   \
		1000000000, false, "N",                                                           \
		"Executions of a shard, then its template is executed anew, or none (1000000)")   \
	X(TEMPLATE_AGE, POOL, "template_age", "template-age", "CORRAL_TEMPLATE_AGE", DURATION,    \
		template_age_nsec, "1h", 100 * NSEC_PER_MSEC, 365 * 24 * HOUR, false, "TIME",     \
		"For which a template bears workers, then it is executed anew (1h)")              \
	X(WITHOUT, POOL, "without", "without", "CORRAL_WITHOUT", WITHOUT, without_bpf, "none", 0, \
		0, false, "NAME", "Leave out a layer that can be left out: bpf, or (none)")

#define KEYS_LIMITS(X)                                                                            \
	X(TIMEOUT, LIMITS, "timeout", "timeout", "CORRAL_TIMEOUT", LIMIT,                         \
		limits.values[LIMIT_TIMEOUT], "30s", 0, 0, true, "TIME", "Wall-clock time (30s)") \
	X(CPU_TIME, LIMITS, "cpu_time", "cpu-time", "CORRAL_CPU_TIME", LIMIT,                     \
		limits.values[LIMIT_CPU_TIME], "10s", 0, 0, true, "TIME",                         \
		"CPU time of all its processes (10s)")                                            \
	X(MEMORY, LIMITS, "memory", "memory", "CORRAL_MEMORY", LIMIT,                             \
		limits.values[LIMIT_MEMORY], "256M", 0, 0, true, "SIZE",                          \
		"Memory of all its processes and files (256M)")                                   \
	X(PIDS, LIMITS, "pids", "pids", "CORRAL_PIDS", LIMIT, limits.values[LIMIT_PIDS], "32", 0, \
		0, true, "N", "Processes and threads at one time (32)")                           \
	X(OUTPUT, LIMITS, "output", "output", "CORRAL_OUTPUT", LIMIT,                             \
		limits.values[LIMIT_OUTPUT], "1M", 0, 0, true, "SIZE",                            \
		"stdout and stderr together (1M)")                                                \
	X(FILES, LIMITS, "files", "files", "CORRAL_FILES", LIMIT, limits.values[LIMIT_FILES],     \
		"64M", 0, 0, true, "SIZE", "/tmp, /workspace and /dev/shm together (64M)")        \
	X(OPEN_FILES, LIMITS, "open_files", "open-files", "CORRAL_OPEN_FILES", LIMIT,             \
		limits.values[LIMIT_OPEN_FILES], "256", 0, 0, true, "N",                          \
		"Open descriptors of a process (256)")                                            \
	X(SYSCALLS, LIMITS, "syscalls", "syscalls", "CORRAL_SYSCALLS", LIMIT,                     \
		limits.values[LIMIT_SYSCALLS], "1000000000000", 0, 0, true, "N",                  \
		"System calls of all its processes, no limit (1000000000000)")

#define KEYS_RECORDS(X)                                                                           \
	X(EXECUTIONS_KEPT, RECORDS, "executions_kept", "executions-kept",                         \
		"CORRAL_EXECUTIONS_KEPT", COUNT, executions_kept, "4096", 0, CONFIG_KEPT_MAX,     \
		false, "N", "Executions that ended and can still be asked for (4096)")            \
	X(EXECUTIONS_KEPT_BYTES, RECORDS, "executions_kept_bytes", "executions-kept-bytes",       \
		"CORRAL_EXECUTIONS_KEPT_BYTES", BYTES, executions_kept_bytes, "64M", 0,           \
		CONFIG_KEPT_BYTES_MAX, false, "SIZE", "Memory for the answers of these (64M)")    \
	X(KEYS_KEPT, RECORDS, "keys_kept", "keys-kept", "CORRAL_KEYS_KEPT", COUNT, keys_kept,     \
		"65536", 1, CONFIG_KEPT_MAX, false, "N",                                          \
		"Idempotency keys that are known (65536)")                                        \
	X(KEYS_KEPT_BYTES, RECORDS, "keys_kept_bytes", "keys-kept-bytes",                         \
		"CORRAL_KEYS_KEPT_BYTES", BYTES, keys_kept_bytes, "64M", 0,                       \
		CONFIG_KEPT_BYTES_MAX, false, "SIZE", "Memory for the answers to these (64M)")    \
	X(KEY_TIME, RECORDS, "key_time", "key-time", "CORRAL_KEY_TIME", DURATION, key_time_nsec,  \
		"10m", NSEC_PER_MSEC, 24 * HOUR, false, "TIME",                                   \
		"For which a key is known when its execution has ended (10m)")

#define KEYS_LOG(X)                                                                               \
	X(LOG_LEVEL, LOG, "level", "log-level", "CORRAL_LOG_LEVEL", LEVEL, log_level, "info", 0,  \
		0, true, "LEVEL", "error, warning, info or debug (info)")

#define ROW(VALUE, SECTION, NAME, FLAG, VARIABLE, TYPE, MEMBER, STANDARD, MIN, MAX, CHANGES,      \
	TAKES, HELP)                                                                              \
	[CONFIG_##VALUE] = { SECTION, NAME, FLAG, VARIABLE, CONFIG_TYPE_##TYPE,                   \
		offsetof(struct config, MEMBER), STANDARD, MIN, MAX, CHANGES, HELP },

const struct config_key config_keys[CONFIG_COUNT] = {
	KEYS_SERVER(ROW) KEYS_POOL(ROW) KEYS_LIMITS(ROW) KEYS_RECORDS(ROW) KEYS_LOG(ROW)
};

static_assert(CONFIG_SYSCALLS - CONFIG_TIMEOUT == (int)LIMIT_SYSCALLS,
	"limits stand in the order of enum limit");

const char *const config_level_names[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_ERROR] = "error",
};

const char *const config_switch_names[] = { "off", "on" };

/* --- Flags ------------------------------------------------------------------------------------ */

/* Beyond every character, and away from the keys of limits_argp. */
#define OPTION_KEY 0x2000
#define OPTION_FILE (OPTION_KEY + CONFIG_COUNT)
#define OPTION_PRINT (OPTION_KEY + CONFIG_COUNT + 1)
#define OPTION_CHECK (OPTION_KEY + CONFIG_COUNT + 2)

#define OPTION(VALUE, SECTION, NAME, FLAG, VARIABLE, TYPE, MEMBER, STANDARD, MIN, MAX, CHANGES,   \
	TAKES, HELP)                                                                              \
	{ FLAG, OPTION_KEY + CONFIG_##VALUE, TAKES, 0, HELP, 0 },

static const struct argp_option options[] = {
	{ "config", OPTION_FILE, "FILE", 0, "Read FILE (" CONFIG_FILE_STANDARD ", if it is there)",
		1 },
	{ "print-config", OPTION_PRINT, 0, 0,
		"Print the configuration as a file, with the origin of each value, and exit", 0 },
	{ "check-config", OPTION_CHECK, 0, 0,
		"Look for what would keep it from starting, say each with its place, and exit: 0 "
		"there is nothing, 1 there is", 0 },
	{ 0, 0, 0, 0, "Server:", 2 },
	KEYS_SERVER(OPTION)
	{ 0, 0, 0, 0, "Pool:", 3 },
	KEYS_POOL(OPTION)
	{ 0, 0, 0, 0, "Limits of executions that bring none:", 4 },
	KEYS_LIMITS(OPTION)
	{ 0, 0, 0, 0, "Records of executions that ended:", 5 },
	KEYS_RECORDS(OPTION)
	{ 0, 0, 0, 0, "Log:", 6 },
	KEYS_LOG(OPTION)
	{ 0 },
};

static error_t option_parse(int key, char *argument, struct argp_state *state)
{
	struct config *config = state->input;
	char origin[CONFIG_ORIGIN_BYTES];
	struct error error;

	if (key == OPTION_FILE) {
		config->file = argument;
		return 0;
	}
	if (key == OPTION_PRINT) {
		config->print = true;
		return 0;
	}
	if (key == OPTION_CHECK) {
		config->check = true;
		return 0;
	}
	if (key < OPTION_KEY || key >= OPTION_KEY + CONFIG_COUNT)
		return ARGP_ERR_UNKNOWN;
	enum config_value value = (enum config_value)(key - OPTION_KEY);

	snprintf(origin, sizeof(origin), "--%s", config_keys[value].flag);
	/* A flag that takes nothing is a switch's. */
	if (config_set(config, value, CONFIG_FROM_FLAG, origin,
		    argument ? argument : config_switch_names[true], &error) < 0)
		argp_error(state, "%s", error.sentence);
	return 0;
}

const struct argp config_argp = {
	.options = options,
	.parser = option_parse,
	.doc = "Each value can also stand in FILE or in the environment, where --workers is "
	       "CORRAL_WORKERS. A flag outranks the environment, and that the file; "
	       "--print-config shows the names of the file.",
};
