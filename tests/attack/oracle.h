// SPDX-License-Identifier: Apache-2.0
/*
 * tests/attack/oracle.h: what can be seen from outside after a hostile program has gone.
 *
 * Looked at while the pool rests, once before any program and once after each: the daemon (this
 * process) must hold what it held, its descendants be as many, and nothing that belongs to a
 * worker's uid be on the host.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum oracle_figure {
	ORACLE_SOCKETS,
	ORACLE_PIPES,
	ORACLE_NAMESPACES,
	ORACLE_MEMORY_FILES,
	ORACLE_OTHER_DESCRIPTORS,
	ORACLE_THREADS,
	ORACLE_DESCENDANTS,      /* nursery, template, each cell's init and worker */
	ORACLE_MOUNTS,
	ORACLE_FOREIGN_FILES,    /* a worker's, in the host's /tmp, /var/tmp, /dev/shm */
	ORACLE_FOREIGN_IPC,      /* a worker's, in the host's System V tables */
	ORACLE_FOREIGN_KEYS,
	ORACLE_COUNT,
};

struct oracle {
	unsigned long figures[ORACLE_COUNT];
	unsigned long memory_kib; /* resident */
	int autogroup_nice;       /* of the daemon's session */
};

void oracle_look(struct oracle *ret_oracle);

/* True when `after` is as good as `before`; else `sentence` says what is not. */
bool oracle_is_content(const struct oracle *before, const struct oracle *after, char *sentence,
	size_t size);

/* How many control groups of this process, corral.<pid>.*, there are. */
unsigned oracle_cgroups(void);
