// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_enter.c: a birth that fails says at which step, and what stood by then stands.
 * What a whole birth leads to, the pool's tests and the attacks show. Needs root.
 */
#include "jail/enter.h"

#include "jail/identity.h"
#include "tests/unit/jail_child.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define UID 61234u

static const struct birth_letter letter = {
	.version = CELL_VERSION,
	.uid = UID,
	.gid = UID + 1,
};

static const struct enter_plan nowhere = { .entrance = { -1, -1, -1, -1 }, .landlock_abi = -1 };

Test(enter, has_a_name_for_every_step)
{
	for (unsigned step = BIRTH_STEP_NONE; step <= BIRTH_STEP_DONE; step++) {
		cr_expect_str_not_empty(birth_step_name(step));
		for (unsigned other = 0; other < step; other++)
			cr_expect_str_neq(birth_step_name(step), birth_step_name(other));
	}
	cr_expect_str_eq(birth_step_name(BIRTH_STEP_DONE + 1), "unknown");
	cr_expect_str_eq(birth_step_name(~0u), "unknown");
}

struct attempt {
	struct birth_report report;
	int result;
	uid_t uid;
};

static int enter_without_cell(void *argument)
{
	struct attempt *attempt = argument;

	attempt->result = cell_enter(&nowhere, &letter, -1, 0, &attempt->report);
	attempt->uid = getuid();
	return 0;
}

Test(enter, stops_where_there_is_no_cell_and_reports_no_layer)
{
	struct attempt *attempt = shared_new(sizeof(*attempt));

	cr_assert_eq(child_run(enter_without_cell, attempt), 0);
	cr_expect_eq(attempt->result, -EBADF);
	cr_expect_eq(attempt->report.error, -EBADF);
	cr_expect_eq(attempt->report.step, BIRTH_STEP_NAMESPACES);
	cr_expect_eq(attempt->report.layers, 0);
	cr_expect_eq(attempt->uid, 0, "it is not half a worker");
}

/* The test's own namespaces for a cell: all goes well until the cell's directory is missed. */
static int enter_own_namespaces(void *argument)
{
	struct attempt *attempt = argument;
	int self = pidfd_open(getpid(), 0);

	/* The template's part. */
	if (identity_bound_capabilities() < 0 || identity_set_no_new_privs() < 0)
		return 1;
	attempt->result = cell_enter(&nowhere, &letter, self, 0, &attempt->report);
	attempt->uid = getuid();
	return 0;
}

Test(enter, gives_up_its_power_before_it_looks_for_its_directory)
{
	struct attempt *attempt = shared_new(sizeof(*attempt));

	if (access("/workspace", F_OK) == 0)
		cr_skip_test("this machine has a /workspace");
	cr_assert_eq(child_run(enter_own_namespaces, attempt), 0);
	cr_expect_eq(attempt->result, -ENOENT);
	cr_expect_eq(attempt->report.step, BIRTH_STEP_DIRECTORY, "%s",
		birth_step_name(attempt->report.step));
	cr_expect_eq(attempt->report.layers, 0, "no layer is claimed by half a birth");
	cr_expect_eq(attempt->uid, UID);
}
