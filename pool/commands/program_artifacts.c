// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/program_artifacts.c: a file of the workspace becomes one of ours, or a sentence.
 *
 * A PATH is written as the shell's `>` would; what is there already is replaced by what came back,
 * and stays if nothing did.
 */
#include "pool/commands/program_artifacts.h"

#include "base/own.h"
#include "pool/commands/command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

const char *program_artifact_add(struct program *program, char *option)
{
	struct program_artifacts *artifacts = &program->artifacts;
	char *equals = strchr(option, '=');
	size_t size = equals ? (size_t)(equals - option) + 1 : 0;

	if (size < 2 || !equals[1])
		return "wants a name and a path with = between";
	if (artifacts->count == ARTIFACTS_MAX)
		return "can be given at most 100 times; have the program make one archive";
	if (size > sizeof(artifacts->names.bytes) - artifacts->names.used)
		return "is too long with those before it";
	*equals = '\0';
	memcpy(artifacts->names.bytes + artifacts->names.used, option, size);
	artifacts->names.used += size;
	artifacts->paths[artifacts->count++] = equals + 1;
	return NULL;
}

int program_artifacts_name(
	struct program *program, struct artifacts *artifacts, struct error *error)
{
	const struct program_list *names = &program->artifacts.names;
	int result = artifacts_name(artifacts, names->bytes, names->used);
	const char *name = names->bytes;

	if (result == -EINVAL) {
		while (!parcel_name_fault(name))
			name += strlen(name) + 1;
		error_set(error, result, "--artifact cannot name a file '%s': %s", name,
			parcel_name_fault(name));
	} else if (result < 0) {
		error_set(error, result, "cannot ask for the artifacts: %s", error_text(result));
	}
	return result;
}

static const char *name_at(const struct program_list *names, unsigned index)
{
	const char *name = names->bytes;

	while (index--)
		name += strlen(name) + 1;
	return name;
}

int program_artifact_write(const struct program *program, unsigned index, const void *bytes,
	size_t size, struct error *error)
{
	const char *path = program->artifacts.paths[index];
	int result;

	if (!bytes)
		return error_set(error, -ENOENT,
			"the program left no file '%s' that could be brought",
			name_at(&program->artifacts.names, index));
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		return error_set(error, -errno, "cannot open %s: %s", path, error_text(errno));
	result = command_write(fd, bytes, size);
	return result < 0 ? error_set(error, result, "cannot write %s: %s", path,
				    error_text(result))
			  : 0;
}
