// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/join.h: private to runtime/: fewer mappings for each fork to copy and each exit to take
 * down.
 */
#pragma once

/*
 * Makes the parts of each loaded library that nobody writes (headers, code, constants) one mapping,
 * readable and executable. Contents and addresses stay. Best effort: what fails stays as it was.
 */
void mappings_join(void);
