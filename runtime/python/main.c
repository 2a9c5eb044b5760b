// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/python/main.c: corral-python, an embedded CPython behind the common stub.
 */
#include "runtime/python/python.h"

static const struct runtime python = {
	.name = "python",
	.warm = python_warm,
	.make_room = python_make_room,
	.fork_before = python_fork_before,
	.fork_parent = python_fork_parent,
	.fork_child = python_fork_child,
	.sample = "print(1+1)",
	.execute = python_execute,
};

int main(int argc, char **argv)
{
	stub_main(&python, argc, argv);
}
