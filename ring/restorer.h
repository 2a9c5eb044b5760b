// SPDX-License-Identifier: Apache-2.0
/*
 * ring/restorer.h: the restorer: one page of code that every worker has, for the daemon's use.
 *
 * A worker that is held still can be made to make system calls: the daemon writes a list of them
 * into the memory that both share, points the worker's registers at this page and lets it go on.
 * The page makes the calls one after the other, writes each result beside its call, and traps. So
 * however many calls there are, they cost one stop.
 *
 * Nobody in a worker can change the page: it is a memfd sealed against writes, mapped shared (a
 * private mapping could be written through /proc/self/mem). Whoever runs it needs nothing but
 * registers: it has no stack and no data. Whether it is still mapped where it was, the mapping
 * table tells (snapshot/restorer.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RESTORER_BYTES 4096u

/* One system call of x86-64, as the page reads and completes it. */
struct restorer_call {
	uint64_t number;
	uint64_t arguments[6];
	int64_t result; /* written by the page */
};

/*
 * The registers it starts with: the first call, how many (0 is fine), and the address of the page.
 * It ends with SIGTRAP at RESTORER_END bytes behind its start, with `calls` behind the last one and
 * `count` zero.
 */
#define RESTORER_REGISTER_CALLS rbx
#define RESTORER_REGISTER_COUNT r12

/* How far behind the page's start it is when the trap is told of. */
unsigned restorer_end(void);

/* Makes the page's memfd and maps it, wherever there is room. 0 or a negative errno. */
int restorer_map(void);

/* Whether that is the file behind such a page: sealed, of its size, with its very bytes. */
bool restorer_is_file(int fd);
