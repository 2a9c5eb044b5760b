// SPDX-License-Identifier: Apache-2.0
/*
 * base/file.h: whole small files in one call, as /proc and cgroupfs want them read and written.
 *
 * Paths are relative to `dir`; AT_FDCWD and absolute paths work as openat(2) says. Only for files
 * of ours and the kernel's: nothing here defends against a directory that somebody else writes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Reads at most size-1 bytes and ends them with NUL. Returns the bytes read or a negative errno.
 */
int file_read(int dir, const char *path, char *buffer, size_t size);

/* Writes `text` in one write(2), as kernel files need it. 0 or a negative errno. */
int file_write(int dir, const char *path, const char *text);

/* file_write() of a decimal number. */
int file_write_number(int dir, const char *path, uint64_t number);

/* Reads a file that holds one decimal number. 0 or a negative errno; "max" reads as UINT64_MAX. */
int file_read_number(int dir, const char *path, uint64_t *ret_number);

/*
 * Finds `key` at the start of a line of `text` ("key value\n") and reads the value.
 * 0, or -ENOENT when no line has it.
 */
int text_find_number(const char *text, const char *key, uint64_t *ret_number);
