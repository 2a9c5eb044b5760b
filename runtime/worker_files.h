// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/worker_files.h: private to runtime/: the files that an execution brings, made in its
 * cell.
 */
#pragma once

#include "base/error.h"

/*
 * Makes every file of the parcel `fd` below the directory `folder`, and the folders on its way,
 * where nothing of them may stand yet. 0; -EBADMSG: `fd` is no parcel; or a negative errno with a
 * sentence that names the file. What was made until then stays.
 */
int worker_files_make(int fd, int folder, struct error *error);
