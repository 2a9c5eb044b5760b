// SPDX-License-Identifier: Apache-2.0
/*
 * base/fault.h: named places where a test can make the world fail.
 *
 * `if (fault("cgroup.mkdir")) return -ENOSPC;` In a release build fault() is the constant false
 * and costs nothing. In a build with -DCORRAL_FAULTS the environment decides:
 *
 *	CORRAL_FAULT=cgroup.mkdir:3	the third time this point is passed, once
 *	CORRAL_FAULT=cgroup.mkdir:3+	from the third time on
 *	CORRAL_FAULT=*:3		the third point passed, whichever it is
 *	CORRAL_FAULT=!listen.bind:1	the process is killed there (SIGKILL) instead; `!` stands
 *					before any of the forms above
 *	CORRAL_FAULT=%1:42		each point with a chance of 1 %, seed 42
 *	CORRAL_FAULT=%1:42+500		the same, from the 501st point passed on
 */
#pragma once

#include <stdbool.h>

#ifdef CORRAL_FAULTS
bool fault(const char *point);

/* How often the plan's point was passed so far: a test that counts N up knows when it is done. */
unsigned long fault_passes(void);
#else
static inline bool fault(const char *point)
{
	(void)point;
	return false;
}
#endif
