// SPDX-License-Identifier: Apache-2.0
/*
 * pool/shard.h: private to pool/: one thread with its loop, nursery, template and slots.
 *
 * All of it belongs to the shard's own thread, but for the inbox (a mutex and a wake-up) and the
 * counters, which anybody may read.
 */
#pragma once

#include "jail/cgroup.h"
#include "jail/netns.h"
#include "jail/nursery.h"
#include "pool/counters.h"
#include "pool/pool.h"
#include "pool/slot.h"
#include "snapshot/image.h"
#include "snapshot/template.h"
#include "snapshot/verify.h"

#include <pthread.h>
#include <stdatomic.h>

enum op_type {
	OP_NURSERY_RECEIVE,
	OP_NURSERY_EXIT,
	OP_TEMPLATE_RECEIVE,
	OP_TEMPLATE_EXIT,
	OP_CONTROL,      /* a doorbell, or the end of the worker's socket */
	OP_WORKER_EXIT,
	OP_INIT_EXIT,
	OP_STDOUT_PIPE,
	OP_STDERR_PIPE,
	OP_STRAY_EXIT,
	OP_COUNT,
};

struct tenant;

/* What workers of a template are rewound to. */
struct shard_image {
	struct image *image;      /* NULL: none; then every worker is replaced */
	struct sealed sealed;
	unsigned template_number; /* whose it is, or whose could not be captured */
	struct slot *capturing;   /* of a newer template; it is, as long as it is HELD */
	unsigned looks;           /* that found its worker not yet waiting */
	struct verify_memory memory; /* what it must look like; where rewinds are verified */
	uint64_t registers[2];
};

#define RENEWALS_MAX 2u /* workers of an old template that are replaced at one time */

/* A template's end, and its workers' (renewal.c). */
struct shard_renewal {
	uint64_t executions_due;  /* begun by then: it has served enough */
	struct loop_timer age;    /* it is old enough */
	bool is_due;              /* it was, and could not begin yet */
	unsigned looked;          /* no slot below has an idle worker of an old one */
	struct slot *places[RENEWALS_MAX]; /* replaced for that, as long as they are coming */
};

struct shard {
	struct pool *pool;
	unsigned number;
	int cpu;
	pthread_t thread;
	struct loop *loop;
	struct nursery nursery;
	struct template templates[2];
	struct template *template; /* the one that bears; the other succeeds it, ends or is none */
	struct template *successor; /* gets warm to take its place; NULL: none does */
	struct shard_renewal renewal;
	unsigned template_number;  /* of the newest that got ready; 0: none yet */
	bool strays_wait;          /* for what the other template still owes */
	struct netns_pool networks;
	struct shard_image image;

	struct slot *slots;
	unsigned slot_count;
	struct list idle;     /* most recently used first */
	struct list unborn;   /* EMPTY, to be built */
	struct list childless; /* BUILDING, the cell is there: wait for the template */
	struct list turns;    /* shares of tenants with something queued, the next one first */
	unsigned queue_max;   /* executions waiting, all tenants together */
	unsigned reserve;     /* workers that a tenant with more than its share leaves to others */
	unsigned building;    /* cells and births under way */
	unsigned coming;      /* slots that will have a fresh worker */
	unsigned misfits;     /* executions that wait for one, and fit no idle worker */

	pthread_mutex_t inbox_lock;
	struct list inbox;    /* executions from other threads */
	atomic_bool service_woken;
	atomic_bool pulse_asked; /* until this thread turns (pool/pulse.h) */
	atomic_bool attention; /* some execution of ours was cancelled or resumed */
	bool stopping;

	uint64_t held_nsec;            /* the last dispatch, or birth after it */
	struct loop_timer birth_hold;  /* births wait for a short execution to end */
	struct loop_timer birth_pause; /* after a failed birth */
	bool birth_paused;
	uint64_t birth_pause_nsec;
	siginfo_t stray_exit;
	char last_failure[256]; /* guarded by inbox_lock */
	struct shard_counters counters;
};

/* What its operations are called and who is told when they are done; the service's follow. */
extern const struct loop_op_type shard_op_types[OP_COUNT];

/* Starts the thread. The shard's pool, number, cpu, slots and slot_count are set. 0 or -errno. */
int shard_start(struct shard *shard, struct error *error);

/* Any thread: no more work, end everything; then the thread can be joined. */
void shard_stop(struct shard *shard);

/* Any thread. */
void shard_post(struct shard *shard, struct execution *execution);
void shard_attend(struct shard *shard); /* look for executions that were cancelled or resumed */

/* Any thread: so few workers are left that births do not wait for anything. */
bool shard_is_low(const struct shard *shard);

/* The shard's own thread: runs it now or queues it; -EAGAIN when its tenant's queue is full. */
int shard_accept(struct shard *shard, struct execution *execution);

/* The shard whose thread this is, or NULL. */
struct shard *shard_current(void);

/* Inside, from the slots. */
void shard_failed(struct shard *shard, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void shard_births_go_on(struct shard *shard); /* builds what is EMPTY, within bounds */
void shard_births_pause(struct shard *shard); /* after a failure: later */

/* templates.c */
void shard_templates_init(struct shard *shard);
int shard_templates_start(struct shard *shard, struct error *error);
void shard_templates_stop(struct shard *shard);
bool shard_templates_are_gone(const struct shard *shard);
void shard_template_prepare(struct shard *shard, struct template *template);

/* renewal.c */
void shard_renewal_init(struct shard *shard);
void shard_renewal_arm(struct shard *shard);        /* a template got ready: its time begins */
void shard_renewal_go_on(struct shard *shard);      /* does what is due and can be done now */
void shard_renewal_stop(struct shard *shard);
void shard_template_succeeded(struct shard *shard); /* the successor is ready */
bool shard_renews(const struct shard *shard);       /* workers are missing for it: births first */

/* shard.c */
struct slot *shard_slot(struct shard *shard, uint32_t number); /* NULL: none of its own */
void shard_stop_when_quiet(struct shard *shard);
bool shard_has_few_idle(const struct shard *shard);

/* image.c */
void shard_image_drop(struct shard *shard);

/* queue.c */
/* Any thread: whether an execution of this tenant would start at once, so far as can be seen. */
bool shard_has_worker_for(const struct shard *shard, const struct tenant *tenant);

/* queue.c, on the shard's own thread. */
void shard_dispatch(struct shard *shard);            /* idle workers take what is queued */
void execution_reject(struct execution *execution, enum verdict verdict, const char *reason);
void shard_inbox_take(struct shard *shard);          /* what other threads posted */
void shard_executions_attend(struct shard *shard);   /* what was cancelled or resumed */
void shard_queue_cancel(struct shard *shard);        /* nothing waits any more */
void shard_state_changed(struct shard *shard, enum slot_state from, enum slot_state to);

/* stray.c: ends what a dead nursery (`cells`) or a dead template (else) could not tell us of. */
void strays_end(struct shard *shard, bool cells);
void stray_exited(void *owner, int32_t result);
