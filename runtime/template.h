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
};

/*
 * Warms the runtime, gives up what births do not need, seals its memory and tells the daemon.
 * 0, or a negative errno after the daemon was told why.
 */
int template_prepare(struct template_self *self, const char *imports);

/*
 * Serves birth letters until the daemon goes; then returns the exit code. Newborns do not return
 * from it: they go to worker_live().
 */
int template_serve(struct template_self *self);

/* In the newborn: enter the cell, wait at the safe point, run, for ever. */
void worker_live(const struct template_self *self, const struct birth_letter *letter, int init_fd,
	int control_fd, int channel_fd) __attribute__((noreturn));
