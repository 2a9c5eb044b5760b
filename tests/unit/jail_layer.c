// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_layer.c: layers are named, and each by a name of its own.
 */
#include "jail/layer.h"

#include <criterion/criterion.h>
#include <string.h>

Test(layer, has_a_name_of_its_own)
{
	for (int i = 0; i < LAYER_COUNT; i++) {
		cr_assert_neq(layer_name((enum layer)i)[0], '\0');
		for (int j = 0; j < i; j++)
			cr_assert_str_neq(layer_name((enum layer)i), layer_name((enum layer)j));
	}
	cr_assert_str_eq(layer_name(LAYER_NAMESPACES), "namespaces");
	cr_assert_str_eq(layer_name(LAYER_LANDLOCK), "landlock");
}

Test(layer, has_three_states)
{
	cr_assert_str_eq(layer_state_name(LAYER_ABSENT), "absent");
	cr_assert_str_eq(layer_state_name(LAYER_DEGRADED), "degraded");
	cr_assert_str_eq(layer_state_name(LAYER_ENFORCED), "enforced");
}
