// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/jail_cgroup_place.c: the daemon's groups, found in what other machines' /proc says.
 */
#include "jail/cgroup_backend.h"

#include <criterion/criterion.h>
#include <string.h>

static struct cgroup_places places;

static void parse(const char *groups, const char *mounts)
{
	FILE *group_file = fmemopen((void *)groups, strlen(groups), "r");
	FILE *mount_file = fmemopen((void *)mounts, strlen(mounts), "r");

	cr_assert_eq(cgroup_places_parse(group_file, mount_file, &places), 0);
	fclose(group_file);
	fclose(mount_file);
}

Test(cgroup_place, finds_a_service_on_a_v2_machine)
{
	parse("0::/system.slice/corral.service\n",
	      "22 1 0:20 / /proc rw - proc proc rw\n"
	      "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
	cr_expect_str_eq(places.unified.own, "/sys/fs/cgroup/system.slice/corral.service");
	cr_expect_str_eq(places.unified.top, "/sys/fs/cgroup");
	cr_expect_str_eq(places.v1[CGROUP_MEMORY].own, "");
}

Test(cgroup_place, finds_each_controller_of_a_hybrid_machine_in_its_own_group)
{
	parse("4:memory:/api/00\n3:cpu,cpuacct:/\n2:pids:/\n1:name=systemd:/x\n0::/\n",
	      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
	      "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
	      "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	      "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n");
	cr_expect_str_eq(places.unified.own, "/sys/fs/cgroup/unified");
	cr_expect_str_eq(places.v1[CGROUP_MEMORY].own, "/sys/fs/cgroup/memory/api/00");
	cr_expect_str_eq(places.v1[CGROUP_PIDS].own, "/sys/fs/cgroup/pids");
	cr_expect_str_eq(places.v1[CGROUP_CPU].own, "/sys/fs/cgroup/cpu,cpuacct");
	cr_expect(places.cpu_counts);
}

Test(cgroup_place, does_not_take_cpuset_or_cpuacct_for_cpu)
{
	parse("3:cpuset:/a\n2:cpuacct:/b\n",
	      "34 31 0:31 / /c/cpuset rw - cgroup cgroup rw,cpuset\n"
	      "33 31 0:30 / /c/cpuacct rw - cgroup cgroup rw,cpuacct\n");
	cr_expect_str_eq(places.v1[CGROUP_CPU].own, "");
	cr_expect_not(places.cpu_counts);
}

Test(cgroup_place, resolves_a_group_below_a_mount_of_a_part)
{
	parse("4:memory:/docker/4f/inner\n",
		"35 31 0:32 /docker/4f /sys/fs/cgroup/memory ro master:9 - cgroup cgroup "
		"rw,memory\n");
	cr_expect_str_eq(places.v1[CGROUP_MEMORY].own, "/sys/fs/cgroup/memory/inner");
	cr_expect_str_eq(places.v1[CGROUP_MEMORY].top, "");
}

Test(cgroup_place, leaves_out_a_group_that_no_mount_shows)
{
	parse("4:memory:/docker/4f\n0::/\n",
	      "35 31 0:32 /docker/4 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	      "41 31 0:38 /.. /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
	cr_expect_str_eq(places.v1[CGROUP_MEMORY].own, "");
	cr_expect_str_eq(places.unified.own, "");
}

Test(cgroup_place, takes_the_first_of_two_mounts)
{
	parse("0::/a\n", "41 31 0:38 / /one rw - cgroup2 cgroup2 rw\n"
	      "42 31 0:38 / /two rw - cgroup2 cgroup2 rw\n");
	cr_expect_str_eq(places.unified.own, "/one/a");
}

Test(cgroup_place, reads_spaces_in_a_mount_point)
{
	parse("0::/a b\n", "41 31 0:38 / /my\\040groups rw - cgroup2 cgroup2 rw\n");
	cr_expect_str_eq(places.unified.own, "/my groups/a b");
}

Test(cgroup_place, survives_lines_that_are_cut_short)
{
	parse("4:memory\n0\n\n0::/\n",
		"41 31\n\n41 31 0:38 / /c rw -\n41 31 0:38 / /c rw - cgroup2\n"
		"41 31 0:38 / /c rw - cgroup2 cgroup2 rw\n");
	cr_expect_str_eq(places.unified.own, "/c");
}
