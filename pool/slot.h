// SPDX-License-Identifier: Apache-2.0
/*
 * pool/slot.h: private to pool/: one slot: a cell, its worker, and the execution in it.
 *
 * A slot's life, which one function walks and one table bounds (slot.c):
 *
 *	EMPTY ─> BUILDING ─> BEARING ─> IDLE ─> BUSY ─> ENDING ─> EMPTY
 *	  └─────────┴───────────┴─────────┴───────────────^  └─> QUARANTINED ─> EMPTY
 *	                        └> HELD ──^ <─────┘
 *
 * BUILDING: corral-init makes the cell. BEARING: the template forks the worker into it.
 * HELD: its worker is stopped, to be captured or rewound (pool/hold.c).
 * ENDING: everything in the cell was killed; it is EMPTY when every process is reaped, every
 * operation is over and the cgroup says that nothing lives there. QUARANTINED: that took too long.
 *
 * After an execution that may have left its cell clean only the worker is killed. If the cell then
 * proves as it was (jail/residue.h), the slot is EMPTY with a cell that stands, and BUILDING goes
 * straight on to BEARING; else the cell is killed as well.
 *
 * Which file does what: birth.c EMPTY to IDLE, dispatch.c and run.c IDLE to BUSY and through it,
 * ending.c the verdict, choice.c what becomes of its worker, hold.c, others.c, image.c, rewind.c
 * and proof.c HELD, reset.c ENDING to EMPTY.
 */
#pragma once

#include "jail/cell.h"
#include "jail/residue.h"
#include "pool/execution.h"
#include "ring/channel.h"
#include "ring/loop.h"
#include "ring/output.h"
#include "snapshot/errand.h"
#include "snapshot/image.h"

struct dispatch;
struct footprint;
struct slot_proof;
struct template;
struct tenant_share;

/* What a worker was last told to take on; 0: nothing yet, it has the template's. */
struct slot_rlimits {
	uint64_t open_files, file_bytes, pids;
};

enum slot_state {
	SLOT_EMPTY,
	SLOT_BUILDING,
	SLOT_BEARING,
	SLOT_IDLE,
	SLOT_BUSY,
	SLOT_HELD,
	SLOT_ENDING,
	SLOT_QUARANTINED,
	SLOT_STATE_COUNT,
};

/* Why an execution ends; what is known first decides, later causes are ignored. */
enum ending {
	ENDING_NONE,
	ENDING_RECORD,    /* the end record came */
	ENDING_EXITED,    /* the worker's process ended without one */
	ENDING_TIMEOUT,
	ENDING_CPU,
	ENDING_OUTPUT,
	ENDING_CANCELLED,
	ENDING_PROTOCOL,  /* an impossible ring, or a flood of doorbells */
};

/* A pipe that child processes write to as their descriptor 1 or 2. */
struct slot_pipe {
	int fd; /* the read end, or -1 */
	bool polling;
};

/* The last bytes of a stream behind the output limit: a ring, kept for the end. */
struct slot_tail {
	uint64_t written;
	char *bytes; /* EXECUTION_TAIL_BYTES, untouched until there is a flood */
};

struct slot {
	struct shard *shard;
	unsigned number;        /* in the pool; the cgroup's name and the uid's offset */
	enum slot_state state;
	struct list node;       /* in the shard's list of its state, where that has one */
	struct loop_timer
		timer; /* birth or death takes too long; BUSY: the deadline or the CPU limit */

	/* The cell. */
	uint64_t generation;    /* of the cell; an answer that names another is late */
	pid_t init_pid, worker_pid;
	bool cell_asked, cell_ready;    /* the nursery owes a pid; the cell reported */
	bool birth_asked, worker_ready; /* the template owes a pid; the worker rang */
	bool killed;
	uint64_t dying_until_nsec; /* then it is quarantined */
	int network_fd;         /* handed on once the cell is dead */
	uint64_t files_bytes;   /* the size its tmpfs has now */
	struct residue_files files_at_birth;
	bool cell_is_known;     /* those could be read */
	bool cell_used;         /* it had a worker before this one */
	bool pids_known;        /* nobody of it asked for a process since they were read */
	bool cell_stays;        /* ENDING: only the worker was killed */
	bool files_brought;     /* its last execution came with files */

	/* The worker. */
	int control_fd;
	bool listening;         /* a receive on the control socket is running */
	bool unread;            /* the worker ended and had not read its dispatch */
	char message[4];        /* a doorbell is one byte; what it says is not read */
	struct channel *channel;
	struct output_reader reader;
	siginfo_t worker_exit, init_exit;
	bool worker_waiting, init_waiting; /* a wait for the process is running */
	bool worker_reaped, init_reaped;

	/* Who had its last worker, until there is a new one; NULL: nobody. */
	struct tenant_share *holder;

	/* Rewinding. */
	struct template *template; /* that its birth was asked of */
	unsigned template_number; /* the same, as no other ever has it */
	uint64_t channel_inode, control_inode; /* of its own ends */
	struct tracee tracee;
	struct errand errand;     /* what it was told to call before the stop that is awaited */
	uint32_t leaves;          /* bits of enum leaves: what there is to mend */
	uint32_t mending;         /* and of these what its errand mends */
	bool gave_pages_back;     /* on an errand of this rewind */
	struct channel_pages channel_pages;
	size_t mailbox_bytes;     /* the most that was ever in it */
	struct image_own own;     /* pages; its room is made where there is rewinding at all */
	uint64_t own_pages;       /* how many those are, at least */
	unsigned crowded_turns;   /* so often were they many */
	uint64_t idle_faults;     /* that it took between its last rewind and its dispatch */
	void (*stopped)(struct slot *slot); /* HELD: what its stop is for */
	void (*alone)(struct slot *slot);   /* HELD: what the end of its children is for */
	bool others_are_reaped;   /* that end, to the last */
	uint64_t held_nsec;       /* since then */
	struct slot_proof *proof; /* what it was as a newborn; NULL: rewinds are not verified */
	uint64_t tenant;          /* of its last execution */
	bool is_shared;           /* the worker served more than one tenant */
	enum reset_policy served; /* the strictest that the worker served under */
	bool rewinds;             /* its execution allows it */
	bool rewound;             /* it was, at least once: its rlimits and its tenant stand */
	struct slot_rlimits rlimits;

	/* The execution. */
	struct execution *execution;
	enum ending ending;
	bool judged;            /* its verdict stands */
	struct output_end end;
	struct slot_pipe pipes[2]; /* stdout, stderr */
	struct slot_tail tails[2];
	uint64_t output_bytes, dropped_bytes, record_bytes;
	unsigned idle_doorbells;
	bool sink_full;            /* the caller wants no more until it resumes */
	bool lent;                 /* it has records of the ring until then */
	uint64_t room_bytes;       /* published since a waiting writer was woken */
	uint64_t looked_bytes;     /* found since look_timer fired */
	struct loop_timer look_timer; /* output comes fast: no bell for each record of it */
	struct footprint *footprint; /* the kernel's record of it; NULL: none is taken */
	struct cgroup_usage usage_before; /* what the slot's group had counted until it began */
	uint64_t peak_bytes;       /* of memory, as it was read last */
	unsigned peak_turns;       /* so many executions that charge nothing still have this peak */
	uint64_t deadline_nsec;
};

/* Between its last worker and a fresh one. */
bool slot_is_coming(enum slot_state state);

const char *slot_state_name(enum slot_state state);

/* The one function that changes a state; asserts that the edge is allowed. */
void slot_enter(struct slot *slot, enum slot_state state);

/* The slot's one timer: what is set now replaces what was. */
void slot_timer_set(struct slot *slot, void (*fired)(void *owner), uint64_t due_nsec);

/* Prints the table of edges as Graphviz. */
void slot_states_print(void);

/* birth.c */
uint64_t slot_files_inodes(uint64_t files_bytes);
uint64_t slot_inode_of(int fd);
bool slot_has_cell(const struct slot *slot); /* EMPTY: one that stands */
void slot_build(struct slot *slot);
void slot_cell_replied(struct slot *slot, const struct cell_reply *reply);
void slot_birth_replied(struct slot *slot, const struct birth_reply *reply);
void slot_bear(struct slot *slot);
void slot_idle_when_ready(struct slot *slot);
void slot_nursery_lost(struct slot *slot);
void slot_template_lost(struct slot *slot);
void slot_birth_failed(struct slot *slot, const char *why);

/* hold.c */
/* Stops the worker, which must be HELD; `stopped` is called when it has, unless it is replaced. */
void slot_hold(struct slot *slot, void (*stopped)(struct slot *slot));
int slot_stop_await(struct slot *slot, void (*stopped)(struct slot *slot)); /* the next one */
void slot_errand_init(struct slot *slot); /* an empty one, for the worker that is held */
void slot_hold_failed(struct slot *slot, const char *why, int error); /* replaces it */
void slot_held(struct slot *slot);         /* its worker stopped, or ended */

/* others.c */
/* Kills what lives in its cell beside its worker: how many that were; a negative errno. */
int slot_others_kill(const struct slot *slot);
/* Of a worker that is stopped: the same until none lives; then `alone`. */
void slot_others_end(struct slot *slot, void (*alone)(struct slot *slot));
/* The same when they are dead: until somebody reaped them. */
void slot_others_await(struct slot *slot, void (*alone)(struct slot *slot));
int slot_others_unreaped(const struct slot *slot); /* how many are; a negative errno */

/* image.c */
bool slot_captures(struct slot *slot);     /* a newborn, instead of becoming idle */

/* proof.c, which does nothing unless rewinds are verified */
bool slot_proof_begin(struct slot *slot);   /* a newborn is held instead of becoming idle */
int slot_proof_image(struct slot *slot);    /* HELD, and the image was captured from it */
int slot_prove(struct slot *slot);          /* HELD, and rewound; -ENOTSUP: it is not what it was */

/* renewal.c */
/* An execution is over whose worker is of an old template, and it may be replaced for that now. */
bool slot_is_renewed(struct slot *slot);
void slot_renewal_note(struct slot *slot); /* its worker is idle */

/* choice.c */
void slot_reset_choose(struct slot *slot); /* an execution is over: writes its result's `reset` */
/* Bits of enum leaves: what this footprint says that there is to mend, and what can be mended. */
uint32_t slot_leaves(const struct slot *slot, const struct footprint *footprint);
uint32_t slot_mendable(const struct slot *slot);
/* Whether its execution cannot have raised what its group is charged with by enough to tell. */
bool slot_charges_nothing(const struct slot *slot, const struct footprint *footprint);
/* The worker is the execution's now: whom it may serve behind it, if any. */
void slot_serves(struct slot *slot, const struct execution *execution);
/* Whether the idle worker can be this execution's. */
bool slot_fits(const struct slot *slot, const struct execution *execution);

/* rewind.c */
void slot_rewind(struct slot *slot);

/* birth.c */
int slot_usage_begin(struct slot *slot);
void slot_idle(struct slot *slot);         /* it is, from now on */

/* rlimits.c */
/* Whether the idle worker has what these limits bring, or has nothing yet. */
bool slot_has_rlimits(const struct slot *slot, const struct limits *limits);
/* The same, or could lower its own to them. */
bool slot_can_have_rlimits(const struct slot *slot, const struct limits *limits);
/* Writes into its dispatch what it is to take on, and remembers it. */
void slot_rlimits_give(
	struct slot *slot, const struct limits *limits, struct dispatch *dispatch);
/* All of them as they must be in this worker: those of its dispatch, and the image's. */
void slot_rlimits_wanted(
	const struct slot *slot, const struct image *image, uint64_t (*ret_limits)[2]);

/* dispatch.c */
int slot_limits_apply(struct slot *slot, const struct limits *limits);
int slot_dispatch(struct slot *slot, const struct execution *execution);

/* run.c */
void slot_run(struct slot *slot, struct execution *execution);
void slot_doorbell(struct slot *slot);
void slot_worker_gone(struct slot *slot);
void slot_end(struct slot *slot, enum ending ending); /* ends the execution for this reason */
void slot_deliver(struct slot *slot);                 /* goes on after the sink was full */

/* share.c */
struct tenant_share *share_of(const struct execution *execution); /* in the shard it is in */
bool share_may_run(const struct shard *shard, const struct tenant_share *share);
void share_cpu_give(struct slot *slot, const struct execution *execution); /* before it begins */
void share_begin(struct slot *slot);
void share_end(struct execution *execution); /* it holds the tenant's row no more */
void share_let_go(struct slot *slot); /* there is a new worker */

/* drain.c */
/*
 * Brings what can be read now to the sink, until that is full: first the ring, then the pipes (a
 * worker writes to the ring only before its first fork). -EBADMSG: the worker lied; else the bytes
 * and records that were found.
 */
int64_t slot_drain(struct slot *slot);
bool slot_is_over_output(const struct slot *slot);
void slot_tails_deliver(struct slot *slot);

/* ending.c */
void slot_verdict(struct slot *slot, struct result *result);

/* reset.c */
void slot_replace(struct slot *slot, const char *why);
void slot_kill(struct slot *slot);
void slot_late_arrival(struct slot *slot); /* a pid for a slot that was given up meanwhile */
void slot_empty_when_quiet(struct slot *slot);

/* Completion functions of a slot's operations, for the loop's table. */
void slot_control_received(void *owner, int32_t result);
void slot_worker_exited(void *owner, int32_t result);
void slot_init_exited(void *owner, int32_t result);
void slot_stdout_ready(void *owner, int32_t result);
void slot_stderr_ready(void *owner, int32_t result);
