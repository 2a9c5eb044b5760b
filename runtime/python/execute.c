// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/python/execute.c: one execution, from the job's bytes to its end.
 *
 * The code runs in __main__ as `python3 /workspace/main.py` would run it: no frame of ours is
 * below it, and what a script's end brings (threads joined, exit callbacks, destructors, files
 * flushed) comes, unless the job is one of a session's, whose program lives on. A worker's first
 * execution finds __main__ pristine; later ones (of a session) find what the earlier ones left.
 */
#include "runtime/python/python.h"

#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

static PyObject *main_namespace; /* __main__.__dict__ */
static unsigned executions;      /* in this process, since it left the template */
static bool arguments_given;     /* sys.argv is not the template's */

int python_execute_reset(void)
{
	PyObject *done = PyObject_CallNoArgs(python_prelude("reset"));
	PyObject *module = PyImport_AddModule("__main__");

	executions = 0;
	arguments_given = false;
	Py_XDECREF(done);
	if (!done || !module)
		return -1;
	main_namespace = PyModule_GetDict(module);
	return 0;
}

static int environment_apply(char *const *entries)
{
	if (!entries[0])
		return 0;

	PyObject *os = PyImport_ImportModule("os");
	PyObject *environ = os ? PyObject_GetAttrString(os, "environ") : NULL;
	bool zone = false;

	Py_XDECREF(os);
	for (; environ && *entries; entries++) {
		const char *equals = strchr(*entries, '=');

		if (!equals || equals == *entries)
			continue;
		PyObject *name = PyUnicode_DecodeFSDefaultAndSize(*entries, equals - *entries);
		PyObject *value = PyUnicode_DecodeFSDefault(equals + 1);

		if (!name || !value || PyObject_SetItem(environ, name, value) < 0)
			Py_CLEAR(environ);
		zone |= strncmp(*entries, "TZ=", 3) == 0;
		Py_XDECREF(name);
		Py_XDECREF(value);
	}
	if (!environ)
		return -1;
	Py_DECREF(environ);
	if (!zone)
		return 0;

	PyObject *time = PyImport_ImportModule("time");
	PyObject *done = time ? PyObject_CallMethod(time, "tzset", NULL) : NULL;

	Py_XDECREF(time);
	Py_XDECREF(done);
	return done ? 0 : -1;
}

static int arguments_apply(char *const *arguments)
{
	if (!arguments[0] && !arguments_given)
		return 0;
	arguments_given = true;

	PyObject *list = PyList_New(0);
	PyObject *item = PyUnicode_FromString(PYTHON_FILE);

	while (list && item) {
		int error = PyList_Append(list, item);

		Py_DECREF(item);
		if (error || !*arguments) {
			error = error ? error : PySys_SetObject("argv", list);
			Py_DECREF(list);
			return error;
		}
		item = PyUnicode_DecodeFSDefault(*arguments++);
	}
	Py_XDECREF(list);
	Py_XDECREF(item);
	return -1;
}

/* random's own generator, without the detour by Python's random.seed(). */
static int random_seed(const uint64_t seed[4])
{
	PyObject *module = PyDict_GetItemString(PyImport_GetModuleDict(), "random");
	PyObject *instance = module ? PyObject_GetAttrString(module, "_inst") : NULL;

	if (!instance) {
		PyErr_Clear(); /* not imported, or the program's own module of that name */
		return 0;
	}
	PyObject *number = _PyLong_FromByteArray((const unsigned char *)seed, 32, true, false);
	PyObject *base = (PyObject *)Py_TYPE(instance)->tp_base;
	PyObject *done = number ? PyObject_CallMethod(base, "seed", "OO", instance, number) : NULL;

	if (done && PyObject_SetAttrString(instance, "gauss_next", Py_None) < 0)
		Py_CLEAR(done);
	Py_XDECREF(done);
	Py_XDECREF(number);
	Py_DECREF(instance);
	return done ? 0 : -1;
}

/*
 * Every execution, because a rewound worker has the generators' state of its birth back. All zero:
 * the program lives on and so do its generators.
 */
static int seed_apply(const uint64_t seed[4])
{
	if (!(seed[0] | seed[1] | seed[2] | seed[3]))
		return 0;
	if (random_seed(seed) < 0)
		return -1;
	if (executions == 1 && !PyDict_GetItemString(PyImport_GetModuleDict(), "numpy.random"))
		return 0;

	PyObject *done = PyObject_CallFunction(python_prelude("reseed"), "y#", (const char *)seed,
		(Py_ssize_t)32);

	Py_XDECREF(done);
	return done ? 0 : -1;
}

/* The code as text, in linecache; NULL with a SyntaxError set if it is none. */
static PyObject *source_read(const struct runtime_job *job, PyObject *filename)
{
	const char *code = job->code;
	size_t size = job->code_bytes;
	const char *stop = memchr(code, '\0', size);
	PyObject *text = stop ? NULL : PyUnicode_DecodeUTF8(code, (Py_ssize_t)size, "strict");
	PyObject *reason = NULL;

	if (text) {
		PyObject *done = PyObject_CallFunctionObjArgs(python_prelude("remember_source"),
			filename, text, NULL);

		if (!done)
			Py_CLEAR(text);
		Py_XDECREF(done);
		return text;
	}
	if (stop) {
		reason = PyUnicode_FromString("source code cannot contain null bytes");
	} else if (PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
		PyObject *type, *value, *traceback;
		Py_ssize_t start = 0;

		PyErr_Fetch(&type, &value, &traceback);
		PyErr_NormalizeException(&type, &value, &traceback);
		PyUnicodeDecodeError_GetStart(value, &start);
		stop = code + start;
		reason = PyUnicode_FromFormat("(unicode error) %S", value);
		Py_XDECREF(type);
		Py_XDECREF(value);
		Py_XDECREF(traceback);
	}
	if (reason) {
		int line = 1;

		while ((stop = memrchr(code, '\n', (size_t)(stop - code))))
			line++;
		PyObject *details = Py_BuildValue("(O(OiOO))", reason, filename, line, Py_None, Py_None);

		if (details)
			PyErr_SetObject(PyExc_SyntaxError, details);
		Py_XDECREF(details);
		Py_DECREF(reason);
	}
	return NULL;
}

/* A session's later executions have names of their own: functions of earlier ones live on. */
static PyObject *file_name(void)
{
	if (executions == 1)
		return PyUnicode_FromString(PYTHON_FILE);
	return PyUnicode_FromFormat(PYTHON_FILE "#%u", executions);
}

/* Runs the job's code. The last expression's value, or None; NULL with an exception set. */
static PyObject *program_run(const struct runtime_job *job)
{
	struct program program = { 0 };
	PyObject *filename = file_name();
	PyObject *text = filename ? source_read(job, filename) : NULL;
	PyObject *value = NULL;

	if (text) {
		size_t mark = job->code_bytes >= 3 && memcmp(job->code, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

		Py_DECREF(text);
		if (program_compile(&program, job->code + mark, job->code_bytes - mark, filename,
			job->want_result) == 0)
			value = Py_NewRef(Py_None);
	}
	Py_XDECREF(filename);

	PyObject *const parts[] = { program.head, program.body, program.value };

	for (int i = 0; value && i < 3; i++)
		if (parts[i])
			Py_SETREF(value, PyEval_EvalCode(parts[i], main_namespace, main_namespace));
	program_clear(&program);
	return value;
}

static int result_write(PyObject *value)
{
	PyObject *text = PyObject_Repr(value);

	if (!text)
		return -1;
	streams_record(OUTPUT_RESULT_TEXT, text);
	Py_DECREF(text);
	text = PyObject_CallOneArg(python_prelude("value_as_json"), value);
	if (!text)
		return -1;
	if (text != Py_None)
		streams_record(OUTPUT_RESULT_JSON, text);
	Py_DECREF(text);
	return 0;
}

static void call_guarded(const char *module_name, const char *function)
{
	PyObject *module = PyImport_ImportModule(module_name);
	PyObject *done = module ? PyObject_CallMethod(module, function, NULL) : NULL;

	if (!done)
		PyErr_WriteUnraisable(module);
	Py_XDECREF(done);
	Py_XDECREF(module);
}

/* Whether threads other than the main one are there, which a script's end waits for. */
static bool threads_are_left(void)
{
	PyObject *module = PyDict_GetItemString(PyImport_GetModuleDict(), "threading");
	PyObject *active = module ? PyObject_GetAttrString(module, "_active") : NULL;
	bool left = active && PyObject_Size(active) > 1;

	PyErr_Clear();
	Py_XDECREF(active);
	return left;
}

/* Whether __main__ has a class of its own with a __del__. */
static bool has_destructors(void)
{
	PyObject *name, *value;
	Py_ssize_t position = 0;

	while (PyDict_Next(main_namespace, &position, &name, &value)) {
		if (!PyType_Check(value) || !((PyTypeObject *)value)->tp_finalize)
			continue;
		PyObject *type_dict = ((PyTypeObject *)value)->tp_dict;
		PyObject *module = type_dict ? PyDict_GetItemString(type_dict, "__module__") : NULL;

		if (module && PyUnicode_Check(module) &&
		    PyUnicode_CompareWithASCIIString(module, "__main__") == 0)
			return true;
	}
	return false;
}

static void script_end(void)
{
	if (threads_are_left())
		call_guarded("threading", "_shutdown");
	call_guarded("atexit", "_run_exitfuncs");
	streams_flush();
	if (python_wrote_files() || has_destructors()) {
		_PyModule_ClearDict(main_namespace);
		PyGC_Collect();
		streams_flush();
	}
}

void python_execute(const struct runtime_job *job, struct output_end *ret_end)
{
	PyObject *value = NULL;

	*ret_end = (struct output_end){ .ending = OUTPUT_ENDED_OK };
	executions++;
	if (environment_apply(job->environment) == 0 && arguments_apply(job->arguments) == 0 &&
	    seed_apply(job->seed) == 0)
		value = program_run(job);
	if (!value || (job->want_result && value != Py_None && result_write(value) < 0))
		report_exception(ret_end);
	Py_XDECREF(value);

	if (job->session && !python_is_child())
		streams_flush();
	else
		script_end();
	PyErr_Clear();
	if (__fpending(stdout) > 0)
		fflush(stdout);
	if (python_is_child())
		_exit(ret_end->ending == OUTPUT_ENDED_ERROR ? 1 : ret_end->exit_code);
}
