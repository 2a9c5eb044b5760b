// SPDX-License-Identifier: Apache-2.0
/*
 * tests/newborn/python.h: the Python runtime as corral-python hands it to the stub, for newborns.
 */
#pragma once

#include "runtime/python/python.h"

static const struct runtime python = {
	.name = "python",
	.warm = python_warm,
	.fork_before = python_fork_before,
	.fork_parent = python_fork_parent,
	.fork_child = python_fork_child,
	.execute = python_execute,
};
