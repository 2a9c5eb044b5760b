// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/python/execute.c: one execution, from the job's bytes to its end.
 *
 * The code runs in __main__ as `python3 /workspace/main.py` would run it: no frame of ours is
 * below it, and what a script's end brings (threads joined, exit callbacks, destructors, files
 * flushed) comes, unless the job is one of a session's, whose program lives on. A worker's first
 * execution finds __main__ pristine; later ones (of a session) find what the earlier ones left.
 *
 * A page that an execution writes to is a page to fault in and to rewind, 1 to 4 us each. So the
 * way through here is short: what can be looked up in the template is, and what most programs do
 * not need (lines of source, exit callbacks, frames of Python code) is not made for them.
 */
#include "runtime/python/python.h"

#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

#define REGISTRIES_MAX 8

/* Looked up in the template; references held for good. */
static struct {
	PyObject *filename;       /* PYTHON_FILE */
	PyObject *main;           /* __main__.__dict__ */
	PyObject *modules;        /* sys.modules */
	PyObject *plots_name;     /* "matplotlib.pyplot" */
	PyObject *threads;        /* threading._active */
	PyObject *exit_count;     /* atexit._ncallbacks() */
	PyObject *registries[REGISTRIES_MAX]; /* exit_registries() of the prelude */
	Py_ssize_t registry_sizes[REGISTRIES_MAX];
	bool exit_always;
	long exit_callbacks;
} usual;

static unsigned executions;  /* in this process, since it left the template */
static bool arguments_given; /* sys.argv is not the template's */

PyObject *python_attribute(const char *module_name, const char *name)
{
	PyObject *module = PyImport_ImportModule(module_name);
	PyObject *value = module ? PyObject_GetAttrString(module, name) : NULL;

	Py_XDECREF(module);
	return value;
}

static int exit_find(void)
{
	PyObject *registries = PyObject_CallNoArgs(prelude.exit_registries);
	PyObject *count;

	if (!registries)
		return -1;
	usual.exit_always = registries == Py_None ||
			    PyList_GET_SIZE(registries) > REGISTRIES_MAX;
	for (Py_ssize_t i = 0; !usual.exit_always && i < PyList_GET_SIZE(registries); i++) {
		Py_XSETREF(usual.registries[i], Py_NewRef(PyList_GET_ITEM(registries, i)));
		usual.registry_sizes[i] = PyObject_Size(usual.registries[i]);
	}
	Py_DECREF(registries);
	count = PyObject_CallNoArgs(usual.exit_count);
	usual.exit_callbacks = count ? PyLong_AsLong(count) : -1;
	Py_XDECREF(count);
	return usual.exit_callbacks < 0 ? -1 : 0;
}

int python_execute_init(void)
{
	usual.filename = PyUnicode_InternFromString(PYTHON_FILE);
	usual.modules = Py_NewRef(PyImport_GetModuleDict());
	usual.plots_name = PyUnicode_InternFromString("matplotlib.pyplot");
	usual.threads = python_attribute("threading", "_active");
	usual.exit_count = python_attribute("atexit", "_ncallbacks");
	if (!usual.filename || !usual.plots_name || !usual.threads || !usual.exit_count ||
	    generators_find() < 0)
		return -1;
	return python_execute_reset();
}

void python_execute_recount(void)
{
	executions = 0;
}

int python_execute_reset(void)
{
	PyObject *done = PyObject_CallNoArgs(prelude.reset);
	PyObject *module = PyImport_AddModule("__main__");

	python_execute_recount();
	Py_XDECREF(done);
	if (!done || !module)
		return -1;
	usual.main = PyModule_GetDict(module);
	return exit_find();
}

static int environment_apply(char *const *entries)
{
	PyObject *environ;
	bool zone = false;

	if (!entries[0])
		return 0;
	environ = python_attribute("os", "environ");
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

	PyObject *tzset = python_attribute("time", "tzset");
	PyObject *done = tzset ? PyObject_CallNoArgs(tzset) : NULL;

	Py_XDECREF(tzset);
	Py_XDECREF(done);
	return done ? 0 : -1;
}

static int arguments_apply(char *const *arguments)
{
	PyObject *list, *item;

	if (!arguments[0] && !arguments_given)
		return 0;
	arguments_given = true;
	list = PyList_New(0);
	item = Py_NewRef(usual.filename);
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

/*
 * Every execution, because a newborn has the template's generators, and a rewound worker those of
 * its birth. All zero: the program lives on and so do its generators.
 */
static int seed_apply(const uint64_t given[4])
{
	uint64_t seed[4];

	memcpy(seed, given, sizeof(seed));
	if (!(seed[0] | seed[1] | seed[2] | seed[3])) {
		if (executions > 1)
			return 0;
		if (getentropy(seed, sizeof(seed)) < 0)
			return 0; /* then they stay twins, as the daemon wished */
	}
	return generators_seed(seed, executions == 1);
}

/* Why the bytes up to `stop` are no source text, as a SyntaxError. */
static void source_refuse(const char *code, const char *stop, PyObject *reason, PyObject *filename)
{
	PyObject *details;
	int line = 1;

	while ((stop = memrchr(code, '\n', (size_t)(stop - code))))
		line++;
	details = Py_BuildValue("(O(OiOO))", reason, filename, line, Py_None, Py_None);
	if (details)
		PyErr_SetObject(PyExc_SyntaxError, details);
	Py_XDECREF(details);
}

/* The code as text; NULL with an exception set if it is none. */
static PyObject *source_decode(const char *code, size_t size, PyObject *filename)
{
	const char *nul = memchr(code, '\0', size);
	PyObject *text = nul ? NULL : PyUnicode_DecodeUTF8(code, (Py_ssize_t)size, "strict");
	PyObject *reason = NULL;

	if (nul) {
		reason = PyUnicode_FromString("source code cannot contain null bytes");
	} else if (!text && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
		PyObject *type, *value, *traceback;
		Py_ssize_t start = 0;

		PyErr_Fetch(&type, &value, &traceback);
		PyErr_NormalizeException(&type, &value, &traceback);
		PyUnicodeDecodeError_GetStart(value, &start);
		nul = code + start;
		reason = PyUnicode_FromFormat("(unicode error) %S", value);
		Py_XDECREF(type);
		Py_XDECREF(value);
		Py_XDECREF(traceback);
	}
	if (reason)
		source_refuse(code, nul, reason, filename);
	Py_XDECREF(reason);
	return text;
}

/* Lets tracebacks, warnings and inspect find the code's lines. Takes the reference to `text`. */
static int source_remember(PyObject *filename, PyObject *text)
{
	int error = -1;

	if (text && executions == 1) { /* linecache was told by reset() */
		error = PyDict_SetItem(prelude.sources, filename, text);
	} else if (text) {
		PyObject *done = PyObject_CallFunctionObjArgs(prelude.remember_source, filename,
			text, NULL);

		error = done ? 0 : -1;
		Py_XDECREF(done);
	}
	Py_XDECREF(text);
	return error;
}

/* A session's later executions have names of their own: functions of earlier ones live on. */
static PyObject *file_name(void)
{
	if (executions == 1)
		return Py_NewRef(usual.filename);
	return PyUnicode_FromFormat(PYTHON_FILE "#%u", executions);
}

/* Runs the job's code. The last expression's value, or None; NULL with an exception set. */
static PyObject *program_run(const struct runtime_job *job)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of the byte order, as editors leave it */
	size_t skip = strncmp(job->code, mark, sizeof(mark) - 1) == 0 ? sizeof(mark) - 1 : 0;
	const char *code = job->code + skip;
	size_t size = job->code_bytes - skip;
	PyObject *filename = file_name();
	struct program program = { 0 };
	PyObject *value = NULL;

	if (filename &&
	    source_remember(filename, source_decode(code, size, filename)) == 0 &&
	    program_compile(&program, code, size, filename, job->want_result) == 0)
		value = program_evaluate(&program, usual.main);
	Py_XDECREF(filename);
	program_clear(&program);
	return value;
}

/* What `form` makes of the value, if anything. */
static int form_write(enum output_kind kind, PyObject *form, PyObject *value)
{
	PyObject *text = PyObject_CallOneArg(form, value);

	if (text && text != Py_None)
		streams_record(kind, text);
	Py_XDECREF(text);
	return text ? 0 : -1;
}

/* Types of the interpreter itself have none of the methods; their names have no module. */
static bool can_have_forms(PyObject *value)
{
	const PyTypeObject *type = Py_TYPE(value);

	return type->tp_flags & Py_TPFLAGS_HEAPTYPE || strchr(type->tp_name, '.');
}

static int value_write(PyObject *value)
{
	PyObject *text = PyObject_Repr(value);

	if (!text)
		return -1;
	streams_record(OUTPUT_RESULT_TEXT, text);
	Py_DECREF(text);
	return form_write(OUTPUT_RESULT_JSON, prelude.value_as_json, value);
}

static int result_write(PyObject *value)
{
	int result = value != Py_None ? value_write(value) : 0;
	PyObject *plots;

	if (result < 0)
		return result;
	/* A drawing needs no value: plt.show() has none. */
	plots = PyDict_GetItemWithError(usual.modules, usual.plots_name);
	return plots || can_have_forms(value)
		       ? form_write(OUTPUT_RESULT_MIME, prelude.value_as_mime, value)
		       : 0;
}

static void call_guarded(const char *module_name, const char *name)
{
	PyObject *function = python_attribute(module_name, name);
	PyObject *done = function ? PyObject_CallNoArgs(function) : NULL;

	if (!done)
		PyErr_WriteUnraisable(function);
	Py_XDECREF(done);
	Py_XDECREF(function);
}

/* Whether an exit callback has something to do. */
static bool exit_is_due(void)
{
	PyObject *count;
	bool due = usual.exit_always;

	for (int i = 0; i < REGISTRIES_MAX && usual.registries[i]; i++)
		due |= PyObject_Size(usual.registries[i]) != usual.registry_sizes[i];
	if (due)
		return true;
	count = PyObject_CallNoArgs(usual.exit_count);
	due = !count || PyLong_AsLong(count) != usual.exit_callbacks;
	Py_XDECREF(count);
	return due;
}

/* Whether __main__ has a class of its own with a __del__. */
static bool has_destructors(void)
{
	PyObject *name, *value;
	Py_ssize_t position = 0;

	while (PyDict_Next(usual.main, &position, &name, &value)) {
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
	program_loop_end();
	if (PyDict_GET_SIZE(usual.threads) > 1)
		call_guarded("threading", "_shutdown");
	if (exit_is_due())
		call_guarded("atexit", "_run_exitfuncs");
	streams_flush();
	if (python_wrote_files() || has_destructors()) {
		_PyModule_ClearDict(usual.main);
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
	if (!value || (job->want_result && result_write(value) < 0))
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
