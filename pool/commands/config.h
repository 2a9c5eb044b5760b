// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/config.h: what the daemon is told: by an INI file, the environment and its flags.
 *
 * Sources in rising order: the standard values, a file, CORRAL_* variables, flags. Every value
 * remembers the source that gave it, so the order in which they are read does not matter: a file
 * that is read behind the flags (because --config names it) changes nothing that a flag has set.
 *
 * Usual use: config_init(); argp_parse() with config_argp, as such or as a child; config_load();
 * log_open(); config_log(). On SIGHUP the same into a fresh struct, and then config_reload().
 * A loading function that fails has changed nothing. None of this is for two threads at a time.
 */
#pragma once

#include "base/error.h"
#include "base/log.h"
#include "pool/limits.h"
#include "pool/pool.h"

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#define CONFIG_FILE_STANDARD "/etc/corral/corral.conf"
#define CONFIG_RUN_FOLDER "/run/corral" /* ours to make; any other is its owner's */
#define CONFIG_FILE_BYTES_MAX (64u << 10)
#define CONFIG_FILE_NAME_BYTES_MAX 255u
#define CONFIG_LINE_BYTES_MAX 4096u /* with its end and a NUL */
#define CONFIG_ORIGIN_BYTES (CONFIG_FILE_NAME_BYTES_MAX + 16)
#define CONFIG_NOTE_BYTES 192
#define CONFIG_CONNECTIONS_MAX 65536u
#define CONFIG_KEPT_MAX (1u << 20)
#define CONFIG_KEPT_BYTES_MAX (UINT64_C(16) << 30)
#define CONFIG_BODY_BYTES_MIN (UINT64_C(1) << 10)
#define CONFIG_BODY_BYTES_MAX (UINT64_C(64) << 20)

/* In the order of the file that config_print() writes; limits as in enum limit. */
enum config_value {
	CONFIG_SOCKET,
	CONFIG_LISTEN,
	CONFIG_STATE_DIR,
	CONFIG_TOKEN_FILE,
	CONFIG_CONNECTIONS,
	CONFIG_BODY_BYTES,
	CONFIG_MEMORY_MAX,
	CONFIG_HEADER_TIMEOUT,
	CONFIG_BODY_TIMEOUT,
	CONFIG_IDLE_TIMEOUT,
	CONFIG_ANSWER_TIMEOUT,
	CONFIG_DRAIN_TIMEOUT,
	CONFIG_WORKERS,
	CONFIG_SHARDS,
	CONFIG_QUEUE,
	CONFIG_IMPORTS,
	CONFIG_RESET,
	CONFIG_VERIFY,
	CONFIG_TEMPLATE_EXECUTIONS,
	CONFIG_TEMPLATE_AGE,
	CONFIG_WITHOUT,
	CONFIG_TIMEOUT,
	CONFIG_CPU_TIME,
	CONFIG_MEMORY,
	CONFIG_PIDS,
	CONFIG_OUTPUT,
	CONFIG_FILES,
	CONFIG_OPEN_FILES,
	CONFIG_SYSCALLS,
	CONFIG_EXECUTIONS_KEPT,
	CONFIG_EXECUTIONS_KEPT_BYTES,
	CONFIG_KEYS_KEPT,
	CONFIG_KEYS_KEPT_BYTES,
	CONFIG_KEY_TIME,
	CONFIG_LOG_LEVEL,
	CONFIG_COUNT,
};

enum config_source {
	CONFIG_FROM_STANDARD,
	CONFIG_FROM_FILE,
	CONFIG_FROM_ENVIRONMENT,
	CONFIG_FROM_FLAG,
};

struct config_origin {
	enum config_source source;
	char name[CONFIG_ORIGIN_BYTES]; /* "standard", "FILE:7", "CORRAL_WORKERS", "--workers" */
	char note[CONFIG_NOTE_BYTES];   /* which cap changed the value; "" */
};

struct config_address {
	char text[64];                   /* "127.0.0.1:8080", "[::1]:8080", "none" */
	socklen_t bytes;                 /* of `address`; 0: none */
	struct sockaddr_storage address; /* for bind(); port 0: the kernel chooses */
};

struct config {
	/* [server] */
	char socket[108];    /* fits sockaddr_un */
	struct config_address listen;
	char state_dir[240];
	char token_file[256];
	unsigned connections_max;
	uint64_t body_bytes_max;
	uint64_t memory_bytes_max; /* base/memory.h */
	uint64_t header_timeout_nsec, body_timeout_nsec, idle_timeout_nsec, answer_timeout_nsec;
	uint64_t drain_timeout_nsec;
	/* [pool] */
	unsigned workers;
	unsigned shards;     /* 0: one a CPU */
	unsigned queue_max;  /* a tenant and shard */
	char imports[2048];  /* "": the runtime's usual ones */
	enum reset_policy reset;
	bool verify;
	unsigned template_executions; /* 0: none */
	uint64_t template_age_nsec;
	bool without_bpf;
	/* [limits]: of requests that give none */
	struct limits limits;
	/* [records]: of executions that ended, and of Idempotency-Key */
	unsigned executions_kept, keys_kept;
	uint64_t executions_kept_bytes, keys_kept_bytes;
	uint64_t key_time_nsec;
	/* [log] */
	enum log_level log_level;

	struct config_origin origins[CONFIG_COUNT];
	const char *file;    /* --config, the caller's argv; NULL: CONFIG_FILE_STANDARD */
	bool print;          /* --print-config */
	bool check;          /* --check-config */
};

/* The standard values. */
void config_init(struct config *config);

/*
 * The flags of every value, --config and --print-config: its `input` is a struct config that was
 * initialised. It takes no arguments; a mistake ends the process as argp_error() does.
 */
extern const struct argp config_argp;

/*
 * The file that --config named, or CONFIG_FILE_STANDARD if it is there; `environ`; config_check().
 * 0, or a negative errno and the sentence.
 */
int config_load(struct config *config, char *const *environ, struct error *error);

/*
 * An INI file of at most CONFIG_FILE_BYTES_MAX. One that is not there is as good as an empty one
 * unless it `must_exist`. 0; -EINVAL for what stands in it, -EFBIG, -ENAMETOOLONG, or what open(2)
 * and read(2) say; with the sentence.
 */
int config_load_file(
	struct config *config, const char *path, bool must_exist, struct error *error);

/* Each CORRAL_* of `environ`. 0, or -EINVAL and the sentence. */
int config_load_environment(struct config *config, char *const *environ, struct error *error);

/* What only shows across values. 0, or -EINVAL and the sentence. */
int config_check(const struct config *config, struct error *error);

/* A warning in the log for each value that a cap changed. */
void config_log(const struct config *config);

/* An INI file with every value, its origin in a comment before it. Read back it says the same. */
void config_print(const struct config *config, FILE *out);

/*
 * Takes over from `fresh` the values that may change at run time. Returns how many others differ
 * and need a restart; then `note` names them, else it is "".
 */
int config_reload(struct config *running, const struct config *fresh, struct error *note);
