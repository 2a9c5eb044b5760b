// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/maps.c: reads /proc/self/maps (proc_pid_maps(5)).
 */
#include "runtime/maps.h"

#include "base/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int maps_read(char *text)
{
	int n = file_read(AT_FDCWD, "/proc/self/maps", text, MAPS_TEXT_BYTES);

	return n < 0 ? n : 0;
}

static bool line_parse(const char *line, struct mapping *ret_mapping)
{
	struct mapping mapping = { 0 };
	char flags[5], name[2] = "";

	if (sscanf(line,
		    "%" SCNxPTR "-%" SCNxPTR " %4s %" SCNx64 " %*s %" SCNu64 " %1s", &mapping.start,
		    &mapping.end, flags, &mapping.offset, &mapping.inode, name) < 5)
		return false;
	mapping.protection = (flags[0] == 'r' ? PROT_READ : 0) |
			     (flags[1] == 'w' ? PROT_WRITE : 0) |
			     (flags[2] == 'x' ? PROT_EXEC : 0);
	mapping.is_private = flags[3] == 'p';
	/* The heap and what somebody named are memory like any other. */
	mapping.is_special = name[0] == '[' && !strstr(line, "[heap]") && !strstr(line, "[anon:");
	*ret_mapping = mapping;
	return true;
}

bool maps_next(char **text, struct mapping *ret_mapping)
{
	char *line;

	while ((line = strsep(text, "\n")))
		if (line_parse(line, ret_mapping))
			return true;
	return false;
}
