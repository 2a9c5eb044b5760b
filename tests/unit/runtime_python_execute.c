// SPDX-License-Identifier: Apache-2.0
// sources: tests/newborn/newborn.c
/*
 * tests/unit/runtime_python_execute.c: what programs find and leave in the Python runtime. One warm
 * template a test; every program runs in a newborn of its own.
 */
#include "tests/newborn/newborn.h"
#include "tests/newborn/python.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- One row a program ------------------------------------------------------------------- */

/* A row leaves out what is empty. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static const struct row {
	const char *code, *out;
	const char *err;        /* a part of stderr; NULL: nothing there */
	uint32_t ending;        /* 0: OUTPUT_ENDED_OK */
	int32_t exit_code;
	const char *result, *json;
	const char *name, *message; /* of the error */
} rows[] = {
	{ "", "" },
	{ "# nothing but a comment", "" },
	{ "print(1+1)", "2\n" },
	{ "print('h\xc3\xa9llo \xf0\x9f\x90\x84')", "h\xc3\xa9llo \xf0\x9f\x90\x84\n" },
	{ "\xef\xbb\xbfprint('behind a mark')", "behind a mark\n" },
	{ "print('a')\r\nprint('b')\r\n", "a\nb\n" },
	{ "# -*- coding: latin-1 -*-\nprint('\xc3\xa9')", "\xc3\xa9\n" },
	{ "import sys; print('x', file=sys.stderr)", "", "x\n" },
	{ "import sys\nsys.stdout.write('a'); sys.stdout.buffer.write(b'b'); print('c')", "abc\n" },
	{ "import sys\nsys.stdout.buffer.write(b'\\xff\\xfe'); None", "\xff\xfe" },
	{ "print('\\udcff')", "\xff\n" },
	{ "import sys; print('\\ud800', file=sys.stderr)", "", "\\ud800\n" },
	{ "print('half a line', end='')", "half a line" },
	{ "import sys\nsys.stdout.reconfigure(encoding='latin-1'); print('\xc3\xa9')", "\xe9\n" },
	{ "import sys\nprint(sys.stdout.name, sys.stdout.mode, sys.stdout.buffer.raw.mode,\n"
	  " sys.stdout.isatty(), sys.stdout.encoding, sys.stdout.errors, sys.stderr.errors)",
	  "<stdout> w wb False utf-8 surrogateescape backslashreplace\n" },
	{ "import sys, io\nraw = sys.stdout.buffer.raw\n"
	  "print(raw.fileno(), sys.stderr.fileno(), isinstance(raw, io.RawIOBase), raw.writable())",
	  "1 2 True True\n" },
	{ "import sys, io\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, 'utf-8')\n"
	  "print('mine')", "mine\n" },
	{ "6*7", "", .result = "42", .json = "42" },
	/* await outside of functions, as in a notebook */
	{ "import asyncio\nawait asyncio.sleep(0, 'slept')", "", .result = "'slept'",
	  .json = "\"slept\"" },
	{ "import asyncio\nx = await asyncio.sleep(0, 5)\nprint(x)\nx + 1", "5\n", .result = "6",
	  .json = "6" },
	{ "import asyncio\nasync def f(n):\n  await asyncio.sleep(0)\n  return n\n"
	  "print(sum(await asyncio.gather(*[f(i) for i in range(100)])))", "4950\n" },
	{ "import asyncio\nasync def g():\n  for i in range(3): yield i\n"
	  "async for i in g(): print(i)\n[i async for i in g()]", "0\n1\n2\n",
	  .result = "[0, 1, 2]", .json = "[0, 1, 2]" },
	/* what is left on the loop is cancelled at the end */
	{ "import asyncio\nasync def f():\n  try: await asyncio.sleep(1000)\n"
	  "  finally: print('over')\ntask = asyncio.ensure_future(f()) if 0 else None\n"
	  "async def main():\n  global task\n  task = asyncio.create_task(f())\n"
	  "  await asyncio.sleep(0)\nawait main()\nprint('end')", "end\nover\n" },
	{ "import asyncio\nprint(asyncio.run(asyncio.sleep(0, 1)))", "1\n" },
	{ "async def f():\n  1/0\nawait f()", "",
	  "Traceback (most recent call last):\n  File \"/workspace/main.py\", line 3, in <module>\n"
	  "    await f()\n  File \"/workspace/main.py\", line 2, in f\n    1/0\n    ~^~\n"
	  "ZeroDivisionError: division by zero\n",
	  OUTPUT_ENDED_ERROR, .name = "ZeroDivisionError", .message = "division by zero" },
	{ "import asyncio, sys\nawait asyncio.sleep(0)\nsys.exit(3)", "",
	  .ending = OUTPUT_ENDED_EXIT, .exit_code = 3 },
	{ "def f():\n  await g()", "", "SyntaxError: 'await' outside async function\n",
	  OUTPUT_ENDED_ERROR, .name = "SyntaxError",
	  .message = "'await' outside async function (main.py, line 2)" },
	{ "x = 5\nx + 0.5", "", .result = "5.5", .json = "5.5" },
	{ "2**70", "", .result = "1180591620717411303424", .json = "1180591620717411303424" },
	{ "'a\\u20acb\\n'", "", .result = "'a\xe2\x82\xac" "b\\n'",
	  .json = "\"a\xe2\x82\xac" "b\\n\"" },
	{ "[1, (2, None), {'k': True}]", "", .result = "[1, (2, None), {'k': True}]",
	  .json = "[1, [2, null], {\"k\": true}]" },
	{ "{1: 2}", "", .result = "{1: 2}" },
	{ "float('nan')", "", .result = "nan" },
	{ "b'x'", "", .result = "b'x'" },
	{ "'\\ud800'", "", .result = "'\\ud800'" },
	{ "x = []\nx.append(x)\nx", "", .result = "[[...]]" },
	{ "x = []\nfor i in range(100): x = [x]\nlen(repr(x))", "", .result = "202",
	  .json = "202" },
	{ "None", "" },
	{ "x = 6*7", "" },
	{ "x = 1; x + 1", "", .result = "2", .json = "2" },
	{ "x = 1\nx + 1;", "", .result = "2", .json = "2" },
	{ "max(\n  1,\n  2,\n)", "", .result = "2", .json = "2" },
	{ "x = '''\nprint(1)\n'''\nx", "", .result = "'\\nprint(1)\\n'",
	  .json = "\"\\nprint(1)\\n\"" },
	{ "x = '''\nx\n'''", "" },
	{ "def f():\n    return 7\nif f():\n    f()", "" },
	{ "try:\n    1/0\nexcept ZeroDivisionError:\n    pass\nelse:\n    print('no')\n3", "",
	  .result = "3", .json = "3" },
	{ "from __future__ import annotations\ndef f(x: nonsense): pass\n"
	  "f.__annotations__['x']", "",
	  .result = "'nonsense'", .json = "\"nonsense\"" },
	{ "'a' 'b'", "", .result = "'ab'", .json = "\"ab\"" },
	{ "class Odd:\n    def __repr__(self): raise ValueError('no repr')\nOdd()", "",
	  "line 2, in __repr__\n", OUTPUT_ENDED_ERROR, .name = "ValueError", .message = "no repr" },
	{ "1/0", "", "ZeroDivisionError: division by zero\n", OUTPUT_ENDED_ERROR,
	  .name = "ZeroDivisionError", .message = "division by zero" },
	{ "import json\njson.loads('{')", "", "json.decoder.JSONDecodeError: Expecting",
	  OUTPUT_ENDED_ERROR, .name = "json.decoder.JSONDecodeError",
	  .message = "Expecting property name enclosed in double quotes: "
		     "line 1 column 2 (char 1)" },
	{ "class Mine(Exception): pass\nraise Mine('x')", "", "\nMine: x\n", OUTPUT_ENDED_ERROR,
	  .name = "Mine", .message = "x" },
	{ "class Mute(Exception):\n    def __str__(self): 1/0\nraise Mute()", "",
	  "Mute: <exception str() failed>\n", OUTPUT_ENDED_ERROR, .name = "Mute",
	  .message = "<exception str() failed>" },
	{ "x = (", "", "SyntaxError: '(' was never closed\n", OUTPUT_ENDED_ERROR,
	  .name = "SyntaxError", .message = "'(' was never closed (main.py, line 1)" },
	{ "def f(): return f()\nf()", "", "[Previous line repeated 99", OUTPUT_ENDED_ERROR,
	  .name = "RecursionError", .message = "maximum recursion depth exceeded" },
	{ "x = bytearray(1 << 60)", "", "MemoryError", OUTPUT_ENDED_ERROR, .name = "MemoryError" },
	{ "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: pass", "",
	  "KeyboardInterrupt\n", OUTPUT_ENDED_ERROR, .name = "KeyboardInterrupt" },
	{ "import signal; signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN", "", .result = "True",
	  .json = "true" },
	{ "import sys; sys.exit()", "" },
	{ "import sys; print('a', end=''); sys.exit(0)", "a" },
	{ "import sys; sys.exit(7)", "", NULL, OUTPUT_ENDED_EXIT, 7 },
	{ "import sys; sys.exit(-1)", "", NULL, OUTPUT_ENDED_EXIT, 255 },
	{ "import sys; sys.exit(2**80)", "", NULL, OUTPUT_ENDED_EXIT, 255 },
	{ "import sys; sys.exit('why')", "", "why\n", OUTPUT_ENDED_EXIT, 1 },
	{ "exit(3)", "", NULL, OUTPUT_ENDED_EXIT, 3 },
	{ "import sys\nsys.excepthook = lambda t, v, b: print('mine', v)\n1/0",
	  "mine division by zero\n", NULL, OUTPUT_ENDED_ERROR, .name = "ZeroDivisionError",
	  .message = "division by zero" },
	{ "import sys\nsys.excepthook = lambda t, v, b: 1/0\nraise KeyError(1)", "",
	  "Original exception was:\n", OUTPUT_ENDED_ERROR, .name = "KeyError", .message = "1" },
	{ "import sys\ndel sys.excepthook\nraise KeyError(1)", "", "sys.excepthook is missing\n",
	  OUTPUT_ENDED_ERROR, .name = "KeyError", .message = "1" },
	{ "import sys\nsys.stderr = None\n1/0", "", NULL, OUTPUT_ENDED_ERROR,
	  .name = "ZeroDivisionError", .message = "division by zero" },
	{ "import sys\ndel sys.stdout", "" },
	{ "import sys\nsys.stdout.close()", "" },
	{ "import atexit\natexit.register(print, 'bye')\nprint('hi')", "hi\nbye\n" },
	{ "import atexit\natexit.register(lambda: 1/0)\nprint('hi')", "hi\n",
	  "    atexit.register(lambda: 1/0)\n" },
	{ "import threading, time\nevent = threading.Event()\n"
	  "def late():\n    event.wait()\n    print('late')\n"
	  "threading.Thread(target=late).start()\nprint('first')\nevent.set()", "first\nlate\n" },
	{ "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
	  "" },
	{ "import threading\ndef broken():\n    1/0\nthreading.Thread(target=broken).start()", "",
	  "line 3, in broken\n    1/0\n" },
	{ "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)\n"
	  "x = pool.submit(print, 'pooled')", "pooled\n" },
	{ "class Last:\n    def __del__(self): print('deleted')\nkept = Last()", "deleted\n" },
	{ "import multiprocessing\ndef f(): print('from the child')\n"
	  "p = multiprocessing.Process(target=f)\np.start()\np.join()\nprint(p.exitcode)",
	  "from the child\n0\n" },
	{ "import inspect\ndef f():\n    return 1  # one\nprint(inspect.getsource(f), end='')",
	  "def f():\n    return 1  # one\n" },
	{ "import inspect\nclass C:\n    x = 1\nprint(inspect.getsource(C), end='')",
	  "class C:\n    x = 1\n" },
	{ "import pickle\nclass C:\n    pass\nprint(type(pickle.loads(pickle.dumps(C()))) is C)",
	  "True\n" },
	{ "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\nP(1)", "",
	  .result = "P(x=1)" },
	{ "import warnings\nwarnings.warn('careful')", "",
	  "/workspace/main.py:2: UserWarning: careful\n  warnings.warn('careful')\n" },
	{ "import traceback\ntry:\n    1/0\nexcept Exception:\n    print(traceback.format_exc())",
	  "Traceback (most recent call last):\n  File \"/workspace/main.py\", line 3, in <module>\n"
	  "    1/0\n    ~^~\nZeroDivisionError: division by zero\n\n" },
	{ "import sys; sys._getframe().f_back is None", "", .result = "True", .json = "true" },
	{ "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 5\n"
	  "asyncio.run(f())", "", .result = "5", .json = "5" },
	{ "import gc; gc.isenabled(), gc.get_freeze_count() > 10000", "", .result = "(True, True)",
	  .json = "[true, true]" },
	{ "import sys, subprocess\n"
	  "subprocess.run([sys.executable, '-c', 'import sys; print(sys.version_info[:2])'])\n0",
	  "(3, 11)\n", .result = "0", .json = "0" },
	{ "import sys\nsys.argv, sys.path[0], __file__, __name__, __spec__, __doc__", "",
	  .result = "(['/workspace/main.py'], '/workspace', '/workspace/main.py', "
		    "'__main__', None, None)",
	  .json = "[[\"/workspace/main.py\"], \"/workspace\", \"/workspace/main.py\", "
		  "\"__main__\", null, null]" },
	{ "import sys\n[name for name in ('_corral', 'last_type') if name in sys.modules or\n"
	  " hasattr(sys, name)]", "", .result = "[]", .json = "[]" },
};

static void expect_text(const char *code, enum output_kind kind, const char *wanted)
{
	cr_expect_str_eq(text(kind), wanted ? wanted : "", "of kind %d, in:\n%s\ngot: %s", kind,
		code, text(kind));
}

Test(runtime_python_execute, ends_each_program_as_python3_would, .timeout = 60)
{
	newborn_warm(&python);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		cr_expect_eq(run(row->code), 0, "died: %s", row->code);
		cr_expect(outcome->returned, "%s", row->code);
		cr_expect_eq(outcome->end.ending, row->ending ? row->ending : OUTPUT_ENDED_OK,
			"ending %u of:\n%s", outcome->end.ending, row->code);
		cr_expect_eq(outcome->end.exit_code, row->exit_code, "%d of:\n%s",
			outcome->end.exit_code, row->code);
		expect_text(row->code, OUTPUT_STDOUT, row->out);
		expect_text(row->code, OUTPUT_RESULT_TEXT, row->result);
		expect_text(row->code, OUTPUT_RESULT_JSON, row->json);
		expect_text(row->code, OUTPUT_ERROR_NAME, row->name);
		expect_text(row->code, OUTPUT_ERROR_MESSAGE, row->message);
		if (row->err)
			cr_expect(strstr(text(OUTPUT_STDERR), row->err), "stderr of:\n%s\ngot: %s",
				row->code, text(OUTPUT_STDERR));
		else
			expect_text(row->code, OUTPUT_STDERR, "");
		cr_expect_eq(row->name != NULL, outcome->size[OUTPUT_ERROR_TRACEBACK] > 0, "%s",
			row->code);
	}
}

Test(runtime_python_execute, refuses_bytes_that_are_no_source_text, .timeout = 20)
{
	struct runtime_job job = job_of("x = 1\n# \xff\n");

	newborn_warm(&python);
	cr_expect_eq(run_job(job), 0);
	cr_expect_eq(outcome->end.ending, OUTPUT_ENDED_ERROR);
	cr_expect_str_eq(text(OUTPUT_ERROR_NAME), "SyntaxError");
	cr_expect_str_eq(text(OUTPUT_STDERR), "  File \"/workspace/main.py\", line 2\n"
		"SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 8: "
		"invalid start byte\n", "%s", text(OUTPUT_STDERR));

	job.code = "print(1)\0print(2)";
	job.code_bytes = 17;
	cr_expect_eq(run_job(job), 0);
	cr_expect_str_eq(text(OUTPUT_STDOUT), "");
	cr_expect_str_eq(text(OUTPUT_ERROR_MESSAGE),
		"source code cannot contain null bytes (main.py, line 1)");
}

/* --- Streams ---------------------------------------------------------------------------------- */

Test(runtime_python_execute, writes_a_print_at_once, .timeout = 20)
{
	newborn_warm(&python);
	run("print('x', 1, [2], sep='-', end='!\\n')\nprint('y')");
	cr_expect_eq(outcome->writes[OUTPUT_STDOUT], 2);
	run("1/0");
	cr_expect_eq(outcome->writes[OUTPUT_STDERR], 1);
}

Test(runtime_python_execute, writes_ten_megabytes_from_one_print, .timeout = 20)
{
	newborn_warm(&python);
	run("print('x' * 10_000_000)");
	cr_expect_eq(outcome->size[OUTPUT_STDOUT], 10000001);
	cr_expect_leq(outcome->writes[OUTPUT_STDOUT], 2);
}

Test(runtime_python_execute, reads_standard_input_of_the_worker, .timeout = 20)
{
	struct runtime_job job = job_of("import sys\n"
		"print(input(), sys.stdin.readline(), sys.stdin.read(), sep='|')");

	newborn_warm(&python);
	run_jobs(&job, 1, "one\ntwo\nthree\nfour");
	cr_expect_str_eq(text(OUTPUT_STDOUT), "one|two\n|three\nfour\n");
}

Test(runtime_python_execute, cuts_long_results_and_says_so, .timeout = 20)
{
	newborn_warm(&python);
	run("'\\u20ac' * 1_000_000");
	cr_expect_leq(outcome->size[OUTPUT_RESULT_TEXT], PYTHON_RECORD_BYTES_MAX);
	cr_expect_geq(outcome->size[OUTPUT_RESULT_TEXT], PYTHON_RECORD_BYTES_MAX - 8);
	cr_expect_str_eq(text(OUTPUT_RESULT_TEXT) + outcome->size[OUTPUT_RESULT_TEXT] - 6,
		"\xe2\x82\xac\xe2\x80\xa6");
	cr_expect_eq(outcome->size[OUTPUT_RESULT_JSON], 0);

	struct runtime_job job = job_of("6*7");

	job.want_result = false;
	run_job(job);
	cr_expect_eq(outcome->size[OUTPUT_RESULT_TEXT], 0);
}

/* --- Children --------------------------------------------------------------------------------- */

/* What a class says of itself, as notebooks ask; in a row: the code, the record. */
static const char *const forms[][2] = {
	{ "class A:\n  def _repr_html_(self): return '<b>\u00e4</b>'\nA()",
	  "{\"text/html\": \"<b>\u00e4</b>\"}" },
	{ "class A:\n  def _repr_png_(self): return b'\\x89P', {'width': 3}\n"
	  "  def _repr_json_(self): return {'a': [1]}\nA()",
	  "{\"image/png\": \"iVA=\", \"application/json\": {\"a\": [1]}}" },
	{ "class A:\n  def _repr_mimebundle_(self, include, exclude):\n"
	  "    return {'text/plain': 'no', 'x/y': 'bundle'}\n"
	  "  def _repr_svg_(self): return '<svg/>'\n"
	  "A()", "{\"x/y\": \"bundle\", \"image/svg+xml\": \"<svg/>\"}" },
	/* None is said, nothing can be said, it fails, it is too much: then not */
	{ "class A:\n  def _repr_html_(self): return None\nA()", "" },
	{ "class A:\n  def _repr_json_(self): return {1: object()}\nA()", "" },
	{ "class A:\n  def _repr_html_(self): return 'x'\n  def _repr_png_(self): 1/0\nA()",
	  "{\"text/html\": \"x\"}" },
	{ "class A:\n  def _repr_html_(self): return 'x'\n"
	  "  def _repr_png_(self): return b'x' * (1 << 20)\nA()", "{\"text/html\": \"x\"}" },
	/* a class is no value of its own kind; one that has every attribute has none of these */
	{ "class A:\n  def _repr_html_(self): return 'x'\nA", "" },
	{ "class A:\n  def __getattr__(self, name): return lambda *a: 'x'\nA()", "" },
	{ "6*7", "" },
};

Test(runtime_python_execute, tells_the_other_forms_of_a_value, .timeout = 30)
{
	newborn_warm(&python);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		run(forms[i][0]);
		expect_text(forms[i][0], OUTPUT_STDERR, "");
		expect_text(forms[i][0], OUTPUT_RESULT_MIME, forms[i][1]);
	}
}

/* One loop for all that a session runs: what was begun goes on when there is something to await. */
Test(runtime_python_execute, keeps_a_sessions_loop, .timeout = 20)
{
	struct runtime_job jobs[] = {
		job_of("import asyncio\nqueue = asyncio.Queue()\n"
		       "async def work():\n  while True: print('got', await queue.get())\n"
		       "async def begin():\n  global task\n  task = asyncio.create_task(work())\n"
		       "await begin()"),
		job_of("queue.put_nowait(1)\nawait asyncio.sleep(0)\nawait asyncio.sleep(0)"),
		job_of("queue.put_nowait(2)\nawait asyncio.sleep(0)\nawait asyncio.sleep(0)\n"
		       "print(task.done())"),
	};

	for (int i = 0; i < 3; i++)
		jobs[i].session = true;
	newborn_warm(&python);
	run_jobs(jobs, 3, "");
	cr_expect_str_eq(text(OUTPUT_STDERR), "");
	cr_expect_str_eq(text(OUTPUT_STDOUT), "got 1\ngot 2\nFalse\n");
}

Test(runtime_python_execute, announces_children_and_keeps_their_output_in_order, .timeout = 30)
{
	static const char *const births[] = {
		"import subprocess; subprocess.run(['echo', 'b'])",
		"import os; os.system('echo b')",
		"import os; os.waitpid(os.posix_spawnp('echo', ['echo', 'b'], os.environ), 0)",
		"import os; os.spawnlp(os.P_WAIT, 'echo', 'echo', 'b')",
		"import os\npid = os.fork()\nif pid == 0:\n    print('b')\n    os._exit(0)\n"
		"os.waitpid(pid, 0)",
		"import ctypes, os\npid = ctypes.CDLL(None).fork()\nif pid == 0:\n"
		"    os.write(1, b'b\\n')\n    os._exit(0)\nos.waitpid(pid, 0)",
		"import os, sys; os.write(sys.stdout.fileno(), b'b\\n')",
	};
	char code[512];

	newborn_warm(&python);
	for (size_t i = 0; i < sizeof(births) / sizeof(births[0]); i++) {
		snprintf(code, sizeof(code), "print('a', flush=True)\n%s\nprint('c')", births[i]);
		cr_expect_eq(run(code), 0);
		cr_expect_geq(outcome->forked, 1, "%s", code);
		cr_expect_str_eq(text(OUTPUT_STDOUT), "a\nb\nc\n", "%s\ngot:\n%s%s", code,
			text(OUTPUT_STDOUT), text(OUTPUT_STDERR));
	}
	run("print(1)");
	cr_expect_eq(outcome->forked, 0);
}

Test(runtime_python_execute, does_not_double_half_a_line_in_a_forked_child, .timeout = 20)
{
	newborn_warm(&python);
	run("import os, sys\nprint('half', end='')\npid = os.fork()\nif pid == 0:\n"
	    "    print(' child')\n    sys.exit(0)\nos.waitpid(pid, 0)\nprint(' parent')");
	cr_expect_str_eq(text(OUTPUT_STDOUT), "half child\n parent\n", "%s", text(OUTPUT_STDOUT));
}

/* --- What differs from job to job ------------------------------------------------------------- */

Test(runtime_python_execute, takes_environment_and_arguments_from_the_job, .timeout = 20)
{
	char *environment[] = { "CORRAL_A=1=2", "nonsense", "TZ=Asia/Tokyo", "CORRAL_E=", NULL };
	char *arguments[] = { "one", "zwei \xc3\xa4", NULL };
	struct runtime_job job = job_of("import os, sys, time\n"
		"print(os.environ['CORRAL_A'], repr(os.environ['CORRAL_E']), time.tzname[0])\n"
		"print(os.popen('echo $CORRAL_A').read().strip(), sys.argv)");

	job.environment = environment;
	job.arguments = arguments;
	newborn_warm(&python);
	run_job(job);
	cr_expect_str_eq(text(OUTPUT_STDOUT),
		"1=2 '' JST\n1=2 ['/workspace/main.py', 'one', 'zwei \xc3\xa4']\n", "%s%s",
		text(OUTPUT_STDOUT), text(OUTPUT_STDERR));
}

Test(runtime_python_execute, lets_a_session_live_on, .timeout = 20)
{
	struct runtime_job jobs[] = {
		job_of("import atexit, random, tempfile, threading\n"
		       "atexit.register(print, 'exit')\n"
		       "event = threading.Event()\nthread = threading.Thread(target=event.wait)\n"
		       "thread.start()\nplace = tempfile.TemporaryDirectory()\nrandom.seed(1)\n"
		       "def f():\n    return 1/0\nprint('one')"),
		job_of("import os\nprint(thread.is_alive(), os.path.isdir(place.name),\n"
		       "  random.random() == random.Random(1).random())"),
		job_of("place.cleanup()\nevent.set()\nthread.join()\n\nf()"),
	};

	for (int i = 0; i < 3; i++)
		jobs[i].session = true;
	for (int i = 1; i < 3; i++)
		memset(jobs[i].seed, 0, sizeof(jobs[i].seed));
	newborn_warm(&python);
	run_jobs(jobs, 3, "");
	cr_expect(outcome->returned);
	cr_expect_str_eq(text(OUTPUT_STDOUT), "one\nTrue True True\n");
	cr_expect_str_eq(text(OUTPUT_STDERR),
		"Traceback (most recent call last):\n"
		"  File \"/workspace/main.py#3\", line 5, in <module>\n    f()\n"
		"  File \"/workspace/main.py\", line 9, in f\n    return 1/0\n           ~^~\n"
		"ZeroDivisionError: division by zero\n", "%s", text(OUTPUT_STDERR));
}

Test(runtime_python_execute, flushes_files_that_the_program_left_open, .timeout = 20)
{
	char path[] = "/tmp/corral-test-XXXXXX", code[128], content[16] = "";
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	snprintf(code, sizeof(code), "f = open('%s', 'w')\nf.write('kept')", path);
	newborn_warm(&python);
	run(code);
	cr_expect_eq(pread(fd, content, sizeof(content) - 1, 0), 4);
	cr_expect_str_eq(content, "kept");
	close(fd);
	unlink(path);
}

Test(runtime_python_execute, says_so_when_memory_ran_out, .timeout = 20)
{
	newborn_warm(&python);
	run("import resource\nsize = int(open('/proc/self/statm').read().split()[0]) * 4096\n"
	    "resource.setrlimit(resource.RLIMIT_AS, (size + (64 << 20),) * 2)\nx = []\n"
	    "while True: x.append(' ' * 1000)");
	cr_expect(outcome->returned);
	cr_expect_eq(outcome->end.ending, OUTPUT_ENDED_ERROR);
	cr_expect_str_eq(text(OUTPUT_ERROR_NAME), "MemoryError");
	cr_expect(strstr(text(OUTPUT_STDERR), "while True: x.append"), "%s", text(OUTPUT_STDERR));
}

Test(runtime_python_execute, names_the_module_that_cannot_be_imported, .timeout = 20)
{
	struct error error = { "" };

	cr_expect_eq(python_warm("json, no_such_module", &error), -EINVAL);
	cr_expect_str_eq(error.sentence, "cannot import 'no_such_module' into the template: "
		"ModuleNotFoundError: No module named 'no_such_module'");
}
