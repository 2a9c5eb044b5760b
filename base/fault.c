// SPDX-License-Identifier: Apache-2.0
/*
 * base/fault.c: decides, from CORRAL_FAULT, whether a named point fails now. Test builds only.
 */
#include "base/fault.h"

#ifdef CORRAL_FAULTS

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct {
	char point[64];      /* empty: no named point; "*": each */
	unsigned long nth;   /* fails at this pass, counted from 1; by chance: behind this one */
	bool onwards;        /* and at each later one */
	bool kills;          /* ends the process instead, as kill -9 would at this step */
	unsigned percent;    /* or: every point by chance */
	uint64_t state;      /* of the generator, xorshift64 */
	unsigned long passed;
} plan;

static void plan_read(void)
{
	const char *text = getenv("CORRAL_FAULT");
	const char *colon = text ? strrchr(text, ':') : NULL;
	char *end;

	if (!colon)
		return;
	plan.kills = text[0] == '!';
	text += plan.kills;
	if ((size_t)(colon - text) >= sizeof(plan.point))
		return;
	if (text[0] == '%') {
		plan.percent = (unsigned)strtoul(text + 1, NULL, 10);
		plan.state = strtoul(colon + 1, &end, 10) | 1;
		plan.nth = *end == '+' ? strtoul(end + 1, NULL, 10) : 0;
		return;
	}
	memcpy(plan.point, text, (size_t)(colon - text));
	plan.nth = strtoul(colon + 1, &end, 10);
	plan.onwards = *end == '+';
}

static bool point_is_planned(const char *point)
{
	return plan.nth && (strcmp(plan.point, "*") == 0 || strcmp(plan.point, point) == 0);
}

bool fault(const char *point)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, plan_read);
	if (plan.percent) {
		if (__atomic_add_fetch(&plan.passed, 1, __ATOMIC_RELAXED) <= plan.nth)
			return false;

		uint64_t x = __atomic_load_n(&plan.state, __ATOMIC_RELAXED);

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		__atomic_store_n(&plan.state, x, __ATOMIC_RELAXED);
		return x % 100 < plan.percent;
	}
	if (!point_is_planned(point))
		return false;
	unsigned long pass = __atomic_add_fetch(&plan.passed, 1, __ATOMIC_RELAXED);
	bool fails = plan.onwards ? pass >= plan.nth : pass == plan.nth;

	if (fails && plan.kills)
		raise(SIGKILL);
	return fails;
}

unsigned long fault_passes(void)
{
	return __atomic_load_n(&plan.passed, __ATOMIC_RELAXED);
}

#else
/* ISO C forbids an empty translation unit. */
typedef int fault_is_compiled_out;
#endif
