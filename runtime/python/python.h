// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/python/python.h: what the files of the Python runtime know of each other. Private to
 * the folder.
 *
 * Everything here runs with the interpreter's lock held. Between executions it stays held, so that
 * no thread of the program's can write behind the end record.
 */
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "runtime/stub.h"

#include <stdbool.h>

/* What the code's own file is called. It is entered in linecache, never written. */
#define PYTHON_FILE "/workspace/main.py"
#define PYTHON_DIRECTORY "/workspace"
#define PYTHON_EXECUTABLE "/usr/bin/python3.11"
#define PYTHON_RECORD_BYTES_MAX (1u << 20) /* of a result or error record; more is cut */

/* interpreter.c: the functions of struct runtime, but for execute(). */
int python_warm(const char *imports, struct error *error);
void python_fork_before(void);
void python_fork_parent(void);
void python_fork_child(void);

/* What C uses of prelude.py, functions mostly; there from the start of python_warm() on. */
extern struct prelude {
	PyObject *open_streams, *import_modules, *samples, *reset, *reseed, *numpy_generator;
	PyObject *remember_source, *run_coroutine, *loop_end, *value_as_mime;
	PyObject *compile_apart, *locate, *open_source, *value_as_json, *exit_registries;
	PyObject *sources; /* dict: name of a file of ours to its text */
} prelude;

/* True if a file was opened for writing since the last call. */
bool python_wrote_files(void);

/* True in a child that the program forked, which must not come back to the stub. */
bool python_is_child(void);

/* room.c: from room_init() on objects live in the room, once python_make_room() has made it. */
void room_init(void);
void python_make_room(void); /* of struct runtime */

/* generators.c: 0 or -1 with an exception set. In the template, behind the imports. */
int generators_find(void);
/* Makes them all anew; `first` in a process that nobody ran in since it left the template. */
int generators_seed(const uint64_t seed[4], bool first);

/* execute.c */
/* An attribute of a module, which is imported; NULL with an exception set. */
PyObject *python_attribute(const char *module_name, const char *name);

void python_execute(const struct runtime_job *job, struct output_end *ret_end);

/* After the imports: looks up what every execution needs. 0 or -1 with an exception set. */
int python_execute_init(void);

/* Forgets what the executions so far left in __main__, sys and linecache: as before the first. */
int python_execute_reset(void);

/* Counts executions from the start again: the next one is a worker's first. */
void python_execute_recount(void);

/* program.c: the code, compiled; it is run in this order, and `value` is the last expression. */
struct program {
	PyObject *head, *body, *value; /* code objects or NULL */
};

/* 0, or -1 with a Python exception set (SyntaxError, mostly). */
int program_compile(struct program *program, const char *code, size_t size, PyObject *filename,
	bool want_value);
/* Runs it in `names` (a module's). The last expression's value, or None; NULL with an exception. */
PyObject *program_evaluate(const struct program *program, PyObject *names);
void program_clear(struct program *program);
/* Ends the loop that its coroutines ran on, if any did. */
void program_loop_end(void);

/* report.c: makes the default hooks show the code's lines; 0 or -1 with an exception set. */
int report_init(void);

/* Shows the exception that is set, as python3 does at the end of a script, and clears it. */
void report_exception(struct output_end *ret_end);

PyObject *report_excepthook(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *report_unraisablehook(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *report_threadhook(PyObject *module, PyObject *const *args, Py_ssize_t count);

/* streams.c: the builtin module _corral; for PyImport_AppendInittab(). */
PyObject *streams_module(void);

/* Takes hold of sys.stdout and sys.stderr as they are now; 0 or -1 with an exception set. */
int streams_init(void);

/* Flushes sys.stdout, sys.stderr and, where the program replaced them, the ones underneath. */
void streams_flush(void);

/* While the template warms up nothing may reach the ring. */
void streams_set_silent(bool silent);

/* Writes a record, at most PYTHON_RECORD_BYTES_MAX of it, with an ellipsis where it was cut. */
void streams_record(enum output_kind kind, PyObject *text);
