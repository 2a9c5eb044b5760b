// SPDX-License-Identifier: Apache-2.0
/*
 * base/json.h: whether bytes from outside are exactly one JSON document (RFC 8259).
 *
 * cJSON, which reads them next, is lenient: it cuts strings at a NUL, accepts invalid UTF-8,
 * duplicate keys, control characters and trailing bytes, and makes 1e999 infinite. What passes
 * here, it reads completely and as it was meant. The bounds below are ours, as the RFC allows.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define JSON_DEPTH_MAX 64u        /* arrays and objects inside each other */
#define JSON_KEYS_MAX 1000u       /* of one object */
#define JSON_VALUES_MAX 65536u    /* of the document: cJSON takes 64 bytes and more for each */
#define JSON_NUMBER_BYTES_MAX 63u /* of a number as text: cJSON cuts longer ones */

/*
 * 0, or -EINVAL with a sentence that names the offset of the byte and the reason ("the JSON is
 * wrong at byte 17: a string holds the control character 0x0a"), or -ENOMEM with a sentence.
 *
 * Refused are, besides what is no JSON: invalid UTF-8 and surrogates without their other half, NUL
 * also as \u0000, numbers that no double can hold, a key that stands twice in one object (after its
 * escapes are resolved), and what passes the bounds. Numbers too small for a double are 0 for
 * everyone and pass. `bytes` need no NUL at the end; nothing of them is kept.
 */
int json_check(const char *bytes, size_t size, struct error *error);

/*
 * Whether they are JSON all the same, for bytes that are handed on as they stand: only the bounds
 * of the depth and of numbers hold, and keys may repeat.
 */
bool json_is_valid(const char *bytes, size_t size);
