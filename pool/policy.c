// SPDX-License-Identifier: Apache-2.0
/*
 * pool/policy.c: the names of the policies, and which of two counts. Who may have which worker by
 * them says pool/rewind.c.
 */
#include "pool/policy.h"

#include <errno.h>
#include <string.h>

const char *const reset_policy_names[RESET_POLICY_COUNT] = {
	[RESET_REPLACE] = "replace",
	[RESET_AUTO] = "auto",
	[RESET_REWIND] = "rewind",
};

const char *const reset_names[RESET_COUNT] = {
	[RESET_REWOUND] = "rewind",
	[RESET_BY_POLICY] = "replace:policy",
	[RESET_BY_KERNEL] = "replace:kernel",
	[RESET_BY_ENDING] = "replace:ending",
	[RESET_BY_IMAGE] = "replace:image",
	[RESET_BY_PROCESSES] = "replace:processes",
	[RESET_BY_THREADS] = "replace:threads",
	[RESET_BY_FOOTPRINT] = "replace:footprint",
	[RESET_BY_FILES] = "replace:files",
};

int reset_policy_parse(const char *text, enum reset_policy *ret_policy)
{
	for (int i = 0; i < RESET_POLICY_COUNT; i++) {
		if (strcmp(text, reset_policy_names[i]) == 0) {
			*ret_policy = (enum reset_policy)i;
			return 0;
		}
	}
	return -EINVAL;
}

enum reset_policy reset_policy_stricter(enum reset_policy one, enum reset_policy other)
{
	return one < other ? one : other;
}
