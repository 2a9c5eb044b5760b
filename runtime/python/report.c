// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/python/report.c: how an execution that failed is shown.
 *
 * The text is made by the interpreter's own printer (_PyErr_Display), so that it is python3's to
 * the byte: carets, suggestions, notes, groups. That printer reads source lines from the disk,
 * where our file is not; so while it works, io.open is a function that knows the file. The default
 * hooks (sys, threads, unraisable) are wrapped in the same way and stay what the program sees.
 *
 * Nothing in here may fail visibly: what cannot be said is left out.
 */
#include "runtime/python/python.h"

/* Exported by libpython, declared in an internal header. */
PyAPI_FUNC(void) _PyErr_Display(PyObject *file, PyObject *type, PyObject *value, PyObject *trace);

/* Given back when memory ran out, so that there is some to say so with. Never touched. */
#define RESERVE_BYTES (1u << 20)
static void *reserve;

static struct {
	PyObject *io;          /* the module */
	PyObject *open;        /* io.open, while open_depth > 0 */
	unsigned open_depth;   /* printers at work, in several threads perhaps */
	PyObject *wrapper;     /* our sys.excepthook */
	PyObject *excepthook, *unraisablehook, *threadhook; /* the originals */
} hooks;

static void source_show(void)
{
	if (hooks.open_depth++ == 0) {
		hooks.open = PyObject_GetAttrString(hooks.io, "open");
		if (!hooks.open ||
		    PyObject_SetAttrString(hooks.io, "open", prelude.open_source) < 0)
			PyErr_Clear();
	}
}

static void source_hide(void)
{
	if (--hooks.open_depth == 0) {
		if (!hooks.open || PyObject_SetAttrString(hooks.io, "open", hooks.open) < 0)
			PyErr_Clear();
		Py_CLEAR(hooks.open);
	}
}

static PyObject *hook_call(PyObject *hook, PyObject *const *args, Py_ssize_t count)
{
	source_show();
	PyObject *result = PyObject_Vectorcall(hook, args, (size_t)count, NULL);
	PyObject *type, *value, *traceback;

	PyErr_Fetch(&type, &value, &traceback);
	source_hide();
	PyErr_Restore(type, value, traceback);
	return result;
}

PyObject *report_excepthook(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
	return hook_call(hooks.excepthook, args, count);
}

PyObject *report_unraisablehook(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
	return hook_call(hooks.unraisablehook, args, count);
}

PyObject *report_threadhook(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
	return hook_call(hooks.threadhook, args, count);
}

/* Puts _corral.`ours` in place of module.`hook` and of module.__`hook`__; the original or NULL. */
static PyObject *hook_wrap(const char *module_name, const char *hook, const char *ours)
{
	char original_name[32];
	PyObject *module = PyImport_ImportModule(module_name);
	PyObject *corral = PyImport_ImportModule("_corral");
	PyObject *original = module ? PyObject_GetAttrString(module, hook) : NULL;
	PyObject *wrapper = corral ? PyObject_GetAttrString(corral, ours) : NULL;

	snprintf(original_name, sizeof(original_name), "__%s__", hook);
	if (!wrapper || !original || PyObject_SetAttrString(module, hook, wrapper) < 0 ||
	    PyObject_SetAttrString(module, original_name, wrapper) < 0)
		Py_CLEAR(original);
	Py_XDECREF(wrapper);
	Py_XDECREF(corral);
	Py_XDECREF(module);
	return original;
}

int report_init(void)
{
	hooks.io = PyImport_ImportModule("io");
	hooks.excepthook = hook_wrap("sys", "excepthook", "excepthook");
	hooks.unraisablehook = hook_wrap("sys", "unraisablehook", "unraisablehook");
	hooks.threadhook = hook_wrap("threading", "excepthook", "_excepthook");
	hooks.wrapper = Py_XNewRef(PySys_GetObject("excepthook"));
	reserve = malloc(RESERVE_BYTES);
	return hooks.io && hooks.excepthook && hooks.unraisablehook && hooks.threadhook &&
	       hooks.wrapper && reserve ? 0 : -1;
}

/* What python3 prints for an exception; a new str, or NULL. */
static PyObject *exception_text(PyObject *type, PyObject *value, PyObject *traceback)
{
	PyObject *file = PyObject_CallMethod(hooks.io, "StringIO", NULL);

	if (!file)
		return NULL;
	source_show();
	_PyErr_Display(file, type, value, traceback);
	source_hide();
	PyObject *text = PyErr_Occurred() ? NULL : PyObject_CallMethod(file, "getvalue", NULL);

	Py_DECREF(file);
	return text;
}

static void print_error(PyObject *text)
{
	PyObject *file = PySys_GetObject("stderr");

	if (text && file && file != Py_None) {
		Py_INCREF(file);
		if (PyFile_WriteObject(text, file, Py_PRINT_RAW) < 0)
			PyErr_Clear();
		Py_DECREF(file);
	}
}

static void print_line(const char *line)
{
	PyObject *text = PyUnicode_FromString(line);

	print_error(text);
	Py_XDECREF(text);
	PyErr_Clear();
}

/* The name as a traceback's last line has it: with the module, unless it goes without saying. */
static PyObject *exception_name(PyObject *type)
{
	PyObject *name = PyType_GetQualName((PyTypeObject *)type);
	PyObject *module = PyObject_GetAttrString(type, "__module__");

	if (name && module && PyUnicode_Check(module) &&
	    PyUnicode_CompareWithASCIIString(module, "builtins") != 0 &&
	    PyUnicode_CompareWithASCIIString(module, "__main__") != 0)
		Py_SETREF(name, PyUnicode_FromFormat("%U.%U", module, name));
	Py_XDECREF(module);
	return name;
}

static PyObject *exception_message(PyObject *value)
{
	PyObject *message = PyObject_Str(value);

	if (!message) {
		PyErr_Clear();
		message = PyUnicode_FromString("<exception str() failed>");
	}
	return message;
}

/* Takes the reference. */
static void record(enum output_kind kind, PyObject *text)
{
	if (text)
		streams_record(kind, text);
	Py_XDECREF(text);
	PyErr_Clear();
}

/* As PyErr_Print(): the program may have its own sys.excepthook, or none, or a broken one. */
static void exception_show(PyObject *type, PyObject *value, PyObject *traceback, PyObject *text)
{
	PyObject *hook = Py_XNewRef(PySys_GetObject("excepthook"));
	PyObject *arguments[] = { type, value, traceback ? traceback : Py_None };

	if (!hook)
		print_line("sys.excepthook is missing\n");
	if (!hook || hook == hooks.wrapper) {
		print_error(text);
		Py_XDECREF(hook);
		return;
	}
	PyObject *shown = PyObject_Vectorcall(hook, arguments, 3, NULL);

	Py_DECREF(hook);
	Py_XDECREF(shown);
	if (shown)
		return;

	PyObject *type2, *value2, *traceback2;

	PyErr_Fetch(&type2, &value2, &traceback2);
	PyErr_NormalizeException(&type2, &value2, &traceback2);
	PyObject *text2 = exception_text(type2, value2, traceback2);

	PyErr_Clear();
	print_line("Error in sys.excepthook:\n");
	print_error(text2);
	print_line("\nOriginal exception was:\n");
	print_error(text);
	Py_XDECREF(text2);
	Py_XDECREF(type2);
	Py_XDECREF(value2);
	Py_XDECREF(traceback2);
}

/* sys.exit(code): a number, None for 0, and anything else is printed and means 1. */
static void exit_report(PyObject *exit, struct output_end *ret_end)
{
	PyObject *code = PyObject_GetAttrString(exit, "code");
	long number = 0;

	if (!code || code == Py_None) {
		PyErr_Clear();
	} else if (PyLong_Check(code)) {
		number = PyLong_AsLong(code); /* -1, so 255, if it does not fit: as python3 */
		PyErr_Clear();
	} else {
		number = 1;
		print_error(code);
		print_line("\n");
	}
	Py_XDECREF(code);
	number &= 0xff;
	ret_end->ending = number == 0 ? OUTPUT_ENDED_OK : OUTPUT_ENDED_EXIT;
	ret_end->exit_code = (int32_t)number;
}

void report_exception(struct output_end *ret_end)
{
	PyObject *type, *value, *traceback;
	bool no_memory = PyErr_ExceptionMatches(PyExc_MemoryError);

	if (no_memory) {
		free(reserve);
		reserve = NULL;
	}
	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	if (traceback)
		PyException_SetTraceback(value, traceback);
	if (PyErr_GivenExceptionMatches(type, PyExc_SystemExit)) {
		exit_report(value, ret_end);
	} else {
		PyObject *text = exception_text(type, value, traceback);

		PyErr_Clear();
		ret_end->ending = OUTPUT_ENDED_ERROR;
		PySys_SetObject("last_type", type);
		PySys_SetObject("last_value", value);
		PySys_SetObject("last_traceback", traceback ? traceback : Py_None);
		exception_show(type, value, traceback, text);
		record(OUTPUT_ERROR_NAME, exception_name(type));
		record(OUTPUT_ERROR_MESSAGE, exception_message(value));
		record(OUTPUT_ERROR_TRACEBACK, text);
	}
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(traceback);
	PyErr_Clear();
	if (no_memory)
		reserve = malloc(RESERVE_BYTES);
}
