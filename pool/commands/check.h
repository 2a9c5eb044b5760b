// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/check.h: corral serve --check-config.
 */
#pragma once

struct config;

/*
 * Reads file and environment into `config`, which holds the flags, and looks at whatever a start
 * would need, one sentence on stderr for each problem. Leaves nothing, starts nothing, and what
 * another process holds at this moment (a socket, a port) is no problem. The exit code: 0 or 1.
 */
int check_run(struct config *config);
