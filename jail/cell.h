// SPDX-License-Identifier: Apache-2.0
/*
 * jail/cell.h: the letters that bring a cell and its worker to life.
 *
 *	daemon ── cell_request ──> nursery ── clone3 ──> corral-init of the cell (PID 1)
 *	daemon <── cell_reply ──── nursery: "its pid is …"    and from the cell: "I am ready"
 *	daemon ── birth_letter ──> template ── clone3 ──> worker
 *	daemon <── birth_reply ─── template: "its pid is …"
 *
 * All between processes of ours, before any foreign code runs; versioned all the same, because the
 * programs are separate files that an upgrade may mix.
 */
#pragma once

#include <assert.h>
#include <stdint.h>

#define CELL_VERSION 6u

/* Where the nursery and a template find what they inherit. */
#define CELL_FD_SOCKET 3
#define CELL_FD_CGROUP_UNIFIED 4
#define CELL_FD_CGROUP_MEMORY 5
#define CELL_FD_CGROUP_PIDS 6
#define CELL_FD_CGROUP_CPU 7
#define CELL_FD_COUNT 8

/* A worker's control socket: the one descriptor it has beside 0, 1 and 2. */
#define WORKER_FD_CONTROL 3

/* A worker's pid in its cell, the first that corral-init leaves. */
#define WORKER_PID 2

/* With one descriptor: the empty network namespace to live in. Without: make one. */
struct cell_request {
	uint32_t version;
	uint32_t slot;
	uint64_t files_bytes;  /* of the private tmpfs */
	uint64_t files_inodes;
	uint32_t uid;          /* owner of /workspace */
	uint32_t gid;
	uint64_t generation;   /* of the slot's use; replies repeat it */
};

enum cell_reply_kind { CELL_CLONED = 1, CELL_READY };

struct cell_reply {
	uint32_t version;
	uint32_t kind;
	uint32_t slot;
	int32_t pid;   /* CELL_CLONED: of corral-init, as the daemon sees it */
	uint64_t generation;
	int32_t error; /* negative errno; 0: well */
	uint32_t step; /* enum cell_step that failed */
};

enum cell_step {
	CELL_STEP_NONE,
	CELL_STEP_CLONE,
	CELL_STEP_TIE,
	CELL_STEP_NETWORK,
	CELL_STEP_FILES,
	CELL_STEP_PROC,
	CELL_STEP_HOSTNAME,
	CELL_STEP_POWERLESS,
	CELL_STEP_COUNT,
};

/* Travels with two descriptors: the worker's end of its control socket, and its channel. */
struct birth_letter {
	uint32_t version;
	uint32_t slot;
	int32_t init_pid; /* of the cell; the daemon has not reaped it */
	uint32_t uid;
	uint32_t gid;
	uint32_t used;       /* another worker lived in this cell, and left nothing */
	uint64_t generation; /* the reply repeats it */
};

enum birth_reply_kind { BIRTH_TEMPLATE_READY = 1, BIRTH_BORN };

struct birth_reply {
	uint32_t version;
	uint32_t kind;
	uint32_t slot;
	int32_t pid;
	uint64_t generation;
	int32_t error; /* negative errno; 0: well */
	char sentence[252]; /* with an error: for people */
};

/*
 * What a worker is sent at its safe point, with its descriptors in this order: standard input if
 * given, standard output, standard error, the `tasks` of a memory group to join if given, a parcel
 * of files to unpack if given.
 */
struct dispatch {
	uint32_t version;
	uint8_t stdin_given;
	uint8_t memory_given;
	uint8_t files_given;
	uint8_t streams_kept; /* 1 and 2 are those of the execution before */
	/*
	 * rlimits that the worker takes on before foreign code runs, 0: as it has them. It can
	 * lower them, and nobody else may without CAP_SYS_RESOURCE, which not every root has.
	 */
	uint64_t open_files;
	uint64_t file_bytes;
	uint64_t pids;
};

static_assert(sizeof(struct cell_request) == 40, "cell ABI");
static_assert(sizeof(struct cell_reply) == 32, "cell ABI");
static_assert(sizeof(struct birth_letter) == 32, "cell ABI");
static_assert(sizeof(struct birth_reply) == 280, "cell ABI");
static_assert(sizeof(struct dispatch) == 32, "cell ABI");
