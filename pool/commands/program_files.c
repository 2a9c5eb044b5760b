// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/program_files.c: NAME=PATH becomes a name and bytes.
 *
 * A PATH is whatever can be read to its end; the program gets a copy. The NAME is judged here as
 * the daemon would, so that a command line that is wrong costs no execution.
 */
#include "pool/commands/program_files.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static int file_read(const char *option, size_t bytes_max, struct parcel_file *file,
	struct error *error)
{
	const char *path = strchr(option, '=') + 1;
	char *bytes = NULL, *smaller;
	int result;

	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_set(error, -errno, "cannot open %s: %s", path, error_text(errno));
	result = program_bytes_read(fd, path, "the limit of files leaves for it", bytes_max, &bytes,
		&file->size, error);
	if (result < 0)
		return result;
	/* It was read into a place for as much as there could be. */
	smaller = realloc(bytes, file->size + 1);
	file->bytes = smaller ? smaller : bytes;
	file->name = strndup(option, (size_t)(path - 1 - option));
	return file->name ? 0 : error_set(error, -ENOMEM, "cannot take %s: out of memory", path);
}

int program_files_read(const struct program *program, size_t bytes_max,
	struct program_files *ret_files, struct error *error)
{
	struct program_files files = { calloc(program->file_count + 1, sizeof(*files.list)), 0 };
	const char *fault;
	size_t index;
	int result = 0;

	if (!files.list)
		return error_set(error, -ENOMEM, "cannot take the files: out of memory");
	while (files.count < program->file_count && result == 0) {
		struct parcel_file *file = &files.list[files.count];

		result = file_read(program->files[files.count], bytes_max, file, error);
		bytes_max -= file->size;
		files.count++;
	}
	if (result == 0 && (fault = parcel_fault(files.list, files.count, &index)))
		result = error_set(error, -EINVAL, "--file cannot name a file '%s': %s",
			files.list[index].name, fault);
	if (result < 0)
		program_files_free(&files);
	else
		*ret_files = files;
	return result;
}

void program_files_free(struct program_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free((void *)files->list[i].name);
		free((void *)files->list[i].bytes);
	}
	free(files->list);
	*files = (struct program_files){ NULL, 0 };
}
