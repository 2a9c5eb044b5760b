// SPDX-License-Identifier: Apache-2.0
/*
 * jail/cgroup_place.c: finds the daemon's own group in each hierarchy, as a path in this mount
 * namespace.
 *
 * /proc/self/cgroup tells the group's path inside its hierarchy, /proc/self/mountinfo which part
 * of a hierarchy is mounted where. Both are needed: in a container the group is /docker/4f… while
 * the mount shows only that part, or the mount's root lies above what the cgroup namespace names
 * ("/.."). A group that no mount shows is left out. Wrong here would mean somebody else's group.
 */
#include "base/own.h"
#include "jail/cgroup_backend.h"

#include <errno.h>
#include <string.h>

const char *const cgroup_controller_names[CGROUP_CONTROLLERS] = {
	[CGROUP_MEMORY] = "memory",
	[CGROUP_PIDS] = "pids",
	[CGROUP_CPU] = "cpu",
};

/* Paths inside the hierarchies; "" where the daemon is in none. */
struct groups {
	char unified[PATH_MAX];
	char v1[CGROUP_CONTROLLERS][PATH_MAX];
};

struct mount {
	char *root;    /* the part of the hierarchy that is mounted */
	char *point;   /* where */
	char *type;
	char *options; /* of the superblock: a v1 hierarchy's controllers are among them */
};

static bool list_has(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *item = list; item; item = strchr(item, ',')) {
		if (*item == ',')
			item++;
		if (strncmp(item, word, length) == 0 &&
		    (item[length] == ',' || item[length] == '\0'))
			return true;
	}
	return false;
}

/* "\040" and its like, in place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && from[1] && from[2] && from[3]) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* Copies a path, or leaves "" where it does not fit: half a path is another path. */
static void path_set(char path[static PATH_MAX], const char *head, const char *tail)
{
	if (snprintf(path, PATH_MAX, "%s%s", head, tail) >= PATH_MAX)
		path[0] = '\0';
}

/* "4:memory:/a/b": id, controllers, path. */
static void group_parse(char *line, struct groups *groups)
{
	char *rest = line;
	const char *id = strsep(&rest, ":");
	const char *controllers = strsep(&rest, ":");

	if (!rest)
		return;
	if (strcmp(id, "0") == 0 && controllers[0] == '\0')
		path_set(groups->unified, rest, "");
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		if (list_has(controllers, cgroup_controller_names[i]))
			path_set(groups->v1[i], rest, "");
}

/* "31 23 0:28 ROOT POINT options tag… - TYPE source OPTIONS" */
static bool mount_parse(char *line, struct mount *ret_mount)
{
	struct mount mount = {};
	char *rest = line, *field;

	for (unsigned i = 0; (field = strsep(&rest, " ")) && strcmp(field, "-") != 0; i++) {
		if (i == 3)
			mount.root = field;
		if (i == 4)
			mount.point = field;
	}
	mount.type = strsep(&rest, " ");
	strsep(&rest, " ");
	mount.options = rest;
	if (!mount.point || !mount.options)
		return false;
	unescape(mount.root);
	unescape(mount.point);
	*ret_mount = mount;
	return true;
}

/* The first mount that shows the group wins. */
static void place_try(struct cgroup_place *place, const struct mount *mount, const char *group)
{
	size_t length = strcmp(mount->root, "/") == 0 ? 0 : strlen(mount->root);
	const char *below = group + length;

	if (place->own[0] || !group[0] || strncmp(group, mount->root, length) != 0)
		return;
	if (*below != '/' && *below != '\0')
		return;
	path_set(place->own, mount->point, strcmp(below, "/") == 0 ? "" : below);
	if (length == 0)
		path_set(place->top, mount->point, "");
}

static void mount_use(const struct mount *mount, const struct groups *groups,
		      struct cgroup_places *places)
{
	if (strcmp(mount->type, "cgroup2") == 0)
		place_try(&places->unified, mount, groups->unified);
	if (strcmp(mount->type, "cgroup") != 0)
		return;
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		if (list_has(mount->options, cgroup_controller_names[i]))
			place_try(&places->v1[i], mount, groups->v1[i]);
	if (list_has(mount->options, "cpu") && list_has(mount->options, "cpuacct"))
		places->cpu_counts = true;
}

int cgroup_places_parse(FILE *group_file, FILE *mount_file, struct cgroup_places *ret_places)
{
	AUTO_FREE struct groups *groups = calloc(1, sizeof(*groups));
	AUTO_FREE char *line = NULL;
	struct mount mount;
	size_t size = 0;

	if (!groups)
		return -ENOMEM;
	memset(ret_places, 0, sizeof(*ret_places));
	while (getline(&line, &size, group_file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		group_parse(line, groups);
	}
	while (getline(&line, &size, mount_file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (mount_parse(line, &mount))
			mount_use(&mount, groups, ret_places);
	}
	return ferror(group_file) || ferror(mount_file) ? -EIO : 0;
}

int cgroup_places_find(struct cgroup_places *ret_places)
{
	FILE *groups = fopen("/proc/self/cgroup", "re");
	FILE *mounts = groups ? fopen("/proc/self/mountinfo", "re") : NULL;
	int r = mounts ? cgroup_places_parse(groups, mounts, ret_places) : -errno;

	if (mounts)
		fclose(mounts);
	if (groups)
		fclose(groups);
	return r;
}
