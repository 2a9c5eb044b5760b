// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/template.h: private to runtime/: the life of a template and of its newborns.
 */
#pragma once

#include "jail/enter.h"
#include "runtime/stub.h"

/* What a template knows; its newborns inherit a copy. */
struct template_self {
	const struct runtime *runtime;
	struct enter_plan plan;
	struct seccomp_allowed_filter allowed;
};

/*
 * Warms the runtime, gives up what births do not need, seals its memory and tells the daemon.
 * 0, or a negative errno after the daemon was told why.
 */
int template_prepare(struct template_self *self, const char *imports);

/*
 * Fills the template's page tables with what a small program touches, so that newborns inherit it.
 * Best effort: without it births and first runs are only slower.
 */
void template_warm_tables(const struct template_self *self);

/*
 * clone3 with the runtime's hooks around it: the pid, 0 in the newborn, or a negative errno. With
 * `number` not 0 the newborn has that pid in its own pid namespace (clone3(2): set_tid).
 */
int template_clone(
	const struct template_self *self, uint64_t flags, int cgroup_fd, pid_t number);

/*
 * Serves birth letters until the daemon goes; then returns the exit code. Newborns do not return
 * from it: they go to worker_live().
 */
int template_serve(struct template_self *self);

/* In a trial newborn: runs the runtime's sample against a channel that nobody else sees. */
void worker_try(const struct runtime *runtime);

/* In the newborn: enter the cell, wait at the safe point, run, for ever. */
void worker_live(const struct template_self *self, const struct birth_letter *letter, int init_fd,
	int control_fd, int channel_fd) __attribute__((noreturn));
