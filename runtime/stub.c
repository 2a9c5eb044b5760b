// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/stub.c: the start of every runtime program.
 *
 *	corral-python [IMPORTS]
 *
 * Started by the daemon, with its socket and the cgroup directories at the numbers of jail/cell.h.
 */
#include "runtime/stub.h"

#include "runtime/template.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>

int stub_main(const struct runtime *runtime, int argc, char **argv)
{
	static struct template_self self;
	struct stat status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fstat(CELL_FD_SOCKET, &status) < 0 || !S_ISSOCK(status.st_mode)) {
		fprintf(stderr, "corral-%s is started by corral, not by hand\n", runtime->name);
		exit(1);
	}
	self.runtime = runtime;
	if (template_prepare(&self, argc > 1 && argv[1][0] ? argv[1] : NULL) < 0)
		exit(1);
	exit(template_serve(&self));
}
