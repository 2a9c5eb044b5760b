// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/template.h: the daemon's side of a template: a warm runtime process that forks workers.
 *
 * A template belongs to a runtime and a shard, and is pinned beside the shard's loop, so that a
 * birth crosses no CPU.
 * Its operations run on the shard's loop, under the two types that the owner set aside for it.
 *
 * A dead template is noticed by its exit, a wedged one by a birth that is not answered in time;
 * both are mended by starting the program again, after a pause that doubles each time it fails
 * (TEMPLATE_PAUSE_*). Until then template_bear() answers -EAGAIN.
 */
#pragma once

#include "base/error.h"
#include "jail/cell.h"
#include "jail/cgroup.h"
#include "ring/loop.h"

#include <stdbool.h>

#define TEMPLATE_WARM_NSEC_MAX (UINT64_C(60) * 1000000000)
#define TEMPLATE_BIRTH_NSEC_MAX (UINT64_C(10) * 1000000000)
#define TEMPLATE_STOP_NSEC_MAX (UINT64_C(2) * 1000000000)
#define TEMPLATE_PAUSE_NSEC_MIN (UINT64_C(100) * 1000000)
#define TEMPLATE_PAUSE_NSEC_MAX (UINT64_C(10) * 1000000000)

struct template;

struct template_config {
	const char *program;  /* path of corral-python… */
	const char *imports;  /* what to warm; NULL: the runtime's usual modules */
	int cpu;
	struct loop *loop;
	unsigned receive_type; /* done: template_received */
	unsigned exit_type;    /* done: template_exited */
	struct cgroup_entrance entrance;
	void *owner; /* for these, who find it in `config` */
	void (*ready)(struct template *template);
	void (*born)(struct template *template, const struct birth_reply *reply);
	/* It is gone; births that it had not answered never happened. `sentence` says why. */
	void (*lost)(struct template *template, const char *sentence);
};

enum template_state { TEMPLATE_DOWN, TEMPLATE_WARMING, TEMPLATE_READY };

struct template {
	struct template_config config;
	enum template_state state;
	int socket;
	pid_t pid;
	bool receiving, exiting, stopping;
	siginfo_t exit_info;
	struct birth_reply reply;
	unsigned unanswered;       /* births asked for */
	uint64_t pause_nsec;       /* before the next start */
	struct loop_timer watch;   /* warming or a birth takes too long; or the pause is over */
	char sentence[256];        /* the last failure */
	unsigned restarts;
};

void template_init(struct template *template, const struct template_config *config);

/* Starts the program; `ready` or `lost` follows. 0 or a negative errno with the sentence. */
int template_start(struct template *template, struct error *error);

/* Asks for a worker. 0, -EAGAIN (not ready, or its queue is full) or another negative errno. */
int template_bear(struct template *template, const struct birth_letter *letter, int control_fd,
	int channel_fd);

/*
 * For good: it answers the letters that it has, then ends, and `lost` is called. It is killed
 * when that takes longer than TEMPLATE_STOP_NSEC_MAX.
 */
void template_stop(struct template *template);

/* Nothing of it runs or will: template_init() may make it another one. */
bool template_is_gone(const struct template *template);

/* Completion functions for the loop's table. */
void template_received(void *owner, int32_t result);
void template_exited(void *owner, int32_t result);
