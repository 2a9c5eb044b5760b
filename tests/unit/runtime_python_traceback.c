// SPDX-License-Identifier: Apache-2.0
// sources: tests/newborn/newborn.c
/*
 * tests/unit/runtime_python_traceback.c: the Python runtime beside the python3 of the system, which
 * runs the same programs from a file: their standard errors must be the same to the byte.
 */
#include "tests/newborn/newborn.h"
#include "tests/newborn/python.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const failing[] = {
	"def f(a):\n    return [g(x) for x in a]\ndef g(x):\n    return 1 / x\nprint(f([1, 0]))\n",
	"x = {'a': {'b': None}}\nx['a']['b']['c']['d'] = 1\n",
	"try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise RuntimeError('again') from e\n",
	"try:\n    1/0\nexcept ZeroDivisionError:\n    undefined\n",
	"def deep(n): return deep(n + 1)\ndeep(0)\n",
	"inner = ExceptionGroup('in', [TypeError('x\\ny')])\n"
	"raise ExceptionGroup('many', [ValueError(1), inner])\n",
	"import math\nprint(math.squirt(2))\n",
	"def f(:\n    pass\n",
	"if True:\n  x = 1\n y = 2\n",
	"e = ValueError('noted')\ne.add_note('first note')\ne.add_note('second')\nraise e\n",
	"import json\njson.loads('[1, 2', parse_int=lambda s: int(s))\n",
	"class Outer:\n    class Inner(Exception): pass\nraise Outer.Inner('\xc3\xa9', 2)\n",
	"from __future__ import nonsense\n",
	"import threading\ndef f(): raise OSError(2, 'gone')\nt = threading.Thread(target=f)\n"
	"t.start()\nt.join()\nint('x')\n",
	"import sys\nsys.excepthook = 5\nlen(None)\n",
	"def gen():\n    yield 1\n    raise KeyError('k')\n"
	"for i in gen(): \\\n    sum([i,\n  i])\n",
	"class Loud:\n    def __del__(self): raise ValueError('in del')\n"
	"x = Loud()\ndel x\nassert not 1\n",
	"x = 'unterminated\nprint(x)\n",
	"x = \"\"\"\nunterminated\nprint(x)\n",
	"x = [1,\n  (2,\n  3]\n]\nx\n",
	"print(1)\nreturn 2\nprint(3)\n",
	"def f():\n    nonlocal x\nf()\n",
	"x = 1\nprint(f'{x y}')\n",
	"if 1:\n\tx = 1\n        y = 2\n",
	"x = 08\nx\n",
	"foo(\n  a=1,\n  2)\n",
	"x = 5\nx +\n",
	"with open('/nonexistent/file') as f:\n    pass\n",
	"import sys\nsys.tracebacklimit = 1\ndef f(): g()\ndef g(): h()\nf()\n",
};

/* The stderr of `python3 main.py`, with addresses and the directory's name taken out. */
static void python3_stderr(const char *code, char *buffer, size_t size)
{
	char directory[] = "/tmp/corral-test-XXXXXX", path[64];
	char *arguments[] = { "python3", "-X", "utf8", path, NULL };
	posix_spawn_file_actions_t actions;
	int pipes[2], status;
	size_t used = 0;
	ssize_t got;
	pid_t child;

	cr_assert_not_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/main.py", directory);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	cr_assert_eq(write(fd, code, strlen(code)), (ssize_t)strlen(code));
	close(fd);
	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], 2);
	cr_assert_eq(posix_spawn(&child, PYTHON_EXECUTABLE, &actions, NULL, arguments, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	while (used < size - 1 && (got = read(pipes[0], buffer + used, size - 1 - used)) > 0)
		used += (size_t)got;
	buffer[used] = '\0';
	close(pipes[0]);
	cr_assert_eq(waitpid(child, &status, 0), child);
	unlink(path);
	rmdir(directory);

	for (char *at; (at = strstr(buffer, directory));) {
		memcpy(at, PYTHON_DIRECTORY, strlen(PYTHON_DIRECTORY));
		char *behind = at + strlen(PYTHON_DIRECTORY);

		memmove(behind, at + strlen(directory), strlen(at + strlen(directory)) + 1);
	}
}

static void mask_addresses(char *line)
{
	while ((line = strstr(line, "0x")))
		for (line += 2; strspn(line, "0123456789abcdef") > 0; line++)
			*line = '-';
}

Test(runtime_python_traceback, prints_tracebacks_byte_for_byte_as_python3_does, .timeout = 60)
{
	static char wanted[1 << 16];

	newborn_warm(&python);
	for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++) {
		python3_stderr(failing[i], wanted, sizeof(wanted));
		cr_expect_eq(run(failing[i]), 0);
		cr_expect_eq(outcome->end.ending, OUTPUT_ENDED_ERROR, "%s", failing[i]);
		mask_addresses(wanted);
		mask_addresses(outcome->text[OUTPUT_STDERR]);
		cr_expect_str_eq(text(OUTPUT_STDERR), wanted, "of:\n%s\ngot:\n%s\nwanted:\n%s",
			failing[i], text(OUTPUT_STDERR), wanted);
	}
}

Test(runtime_python_traceback, gives_main_the_names_that_python3_gives_it, .timeout = 20)
{
	static const char code[] = "import sys\nprint(sorted(globals()), file=sys.stderr)";
	static char names[1024];

	newborn_warm(&python);
	python3_stderr(code, names, sizeof(names));
	run(code);
	cr_expect_str_eq(text(OUTPUT_STDERR), names);
}
