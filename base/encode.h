// SPDX-License-Identifier: Apache-2.0
/*
 * base/encode.h: bytes that must travel as text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. NUL counts as invalid. */
bool utf8_is_valid(const void *bytes, size_t size);

/* How many bytes at the start are valid so: `size`, or the offset of the first that is not. */
size_t utf8_valid_size(const void *bytes, size_t size);

/* RFC 4648 section 4, with padding: how many characters, and they, without a NUL, into `text`. */
size_t base64_size(size_t size);
void base64_write(char *text, const void *bytes, size_t size);

/* The same. A new string of the caller's, or NULL without memory. */
char *base64_encode(const void *bytes, size_t size);

/*
 * Back again: new bytes of the caller's. 0, -ENOMEM, or -EINVAL for what base64_encode() does not
 * write: other characters (line ends too), a length that is no multiple of 4, stray bits at the
 * end.
 */
int base64_decode(const char *text, char **ret_bytes, size_t *ret_size);

/* The same in the text's own place, which then is no string any more. 0 or -EINVAL. */
int base64_decode_here(char *text, size_t *ret_size);
