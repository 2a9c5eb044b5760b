// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/python/program.c: source text to code objects, with the last expression apart.
 *
 * A notebook shows the value of the last statement when that is an expression, so somebody must
 * find it. Going through Python's ast module doubles the price of compiling. But a statement can
 * only begin at the start of a line, and if the text before some unindented line compiles by
 * itself and the text from it on does too, then the whole means the one after the other. So we cut
 * before the last unindented line and compile the tail as an expression, behind as many empty
 * lines as it had lines before it. When that is not what the text is, the tail goes through ast,
 * and when the cut was no cut (inside a string or brackets), so does the whole.
 *
 * As in a notebook `await` may stand outside of functions. A part that has one is a coroutine, and
 * the prelude's loop runs it; all parts of a program, and of a session, share that loop.
 */
#include "runtime/python/python.h"

#include <string.h>

static bool has_loop; /* some part was a coroutine, and nobody ended the loop since */

static PyObject *compile(const char *code, PyObject *filename, int start, int *flags)
{
	PyCompilerFlags compiler = {
		.cf_flags = *flags | PyCF_SOURCE_IS_UTF8 | PyCF_IGNORE_COOKIE |
			    PyCF_ALLOW_TOP_LEVEL_AWAIT,
		.cf_feature_version = PY_MINOR_VERSION,
	};
	PyObject *compiled = Py_CompileStringObject(code, filename, start, &compiler, -1);

	*flags |= compiler.cf_flags & PyCF_MASK; /* from __future__ import ... */
	return compiled;
}

/* Where the last unindented line that can begin a statement starts; 0 if that is everything. */
static size_t last_statement(const char *code, size_t size)
{
	if (memchr(code, '\r', size))
		return 0; /* lines end in more than one way: leave it to ast */
	for (size_t end = size; end > 0;) {
		const char *newline = memrchr(code, '\n', end);
		size_t start = newline ? (size_t)(newline - code) + 1 : 0;

		if (start < size && !strchr(" \t\f\n#)]}\"'", code[start]))
			return start;
		end = newline ? start - 1 : 0;
	}
	return 0;
}

/* The text from `cut` on, with its line numbers; the caller frees it. NULL: no memory. */
static char *tail_text(const char *code, size_t size, size_t cut)
{
	size_t lines = 0;

	for (size_t i = 0; i < cut; i++)
		lines += code[i] == '\n';
	char *text = PyMem_Malloc(lines + size - cut + 1);

	if (text) {
		memset(text, '\n', lines);
		memcpy(text + lines, code + cut, size - cut + 1);
	}
	return text;
}

static int tail_compile(struct program *program, const char *text, PyObject *filename, int flags)
{
	program->value = compile(text, filename, Py_eval_input, &flags);
	if (program->value)
		return 0;
	PyErr_Clear();

	PyObject *pair = PyObject_CallFunction(prelude.compile_apart, "sOi", text,
		filename, flags);

	if (!pair)
		return -1;
	program->body = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
	if (PyTuple_GET_ITEM(pair, 1) != Py_None)
		program->value = Py_NewRef(PyTuple_GET_ITEM(pair, 1));
	Py_DECREF(pair);
	return 0;
}

static int compile_cut(struct program *program, const char *code, size_t size, size_t cut,
	PyObject *filename)
{
	int flags = 0;
	char *text;

	if (cut == 0)
		return tail_compile(program, code, filename, flags);

	text = PyMem_Malloc(cut + 1);
	if (!text) {
		PyErr_NoMemory();
		return -1;
	}
	memcpy(text, code, cut);
	text[cut] = '\0';
	program->head = compile(text, filename, Py_file_input, &flags);
	PyMem_Free(text);
	if (!program->head)
		return -1;

	text = tail_text(code, size, cut);
	if (!text) {
		PyErr_NoMemory();
		return -1;
	}
	int error = tail_compile(program, text, filename, flags);

	PyMem_Free(text);
	return error;
}

static int compile_any(struct program *program, const char *code, size_t size, PyObject *filename,
	bool want_value)
{
	int flags = 0;
	size_t cut;

	if (!want_value) {
		program->body = compile(code, filename, Py_file_input, &flags);
		return program->body ? 0 : -1;
	}
	cut = last_statement(code, size);
	if (cut > 0) {
		if (compile_cut(program, code, size, cut, filename) == 0)
			return 0;
		PyErr_Clear();
		program_clear(program);
	}
	return compile_cut(program, code, size, 0, filename);
}

/* A compiler's error has a line of the code, and no frame of ours that it passed through. */
static void error_locate(PyObject *filename)
{
	PyObject *type, *value, *traceback;

	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	Py_XDECREF(traceback);
	PyException_SetTraceback(value, Py_None);
	PyObject *done = PyObject_CallFunctionObjArgs(prelude.locate, value, filename, NULL);

	if (!done)
		PyErr_Clear();
	Py_XDECREF(done);
	PyErr_Restore(type, value, NULL);
}

int program_compile(struct program *program, const char *code, size_t size, PyObject *filename,
	bool want_value)
{
	*program = (struct program){ 0 };
	int error = compile_any(program, code, size, filename, want_value);

	if (error)
		error_locate(filename);
	return error;
}

/* A coroutine's exception came through the loop, whose frames above the program's own are cut. */
static void loop_frames_drop(PyObject *code)
{
	PyObject *type, *value, *traceback;
	PyTracebackObject *entry;

	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	for (entry = (PyTracebackObject *)traceback; entry; entry = entry->tb_next) {
		PyCodeObject *here = PyFrame_GetCode(entry->tb_frame);

		Py_DECREF(here);
		if ((PyObject *)here == code)
			break;
	}
	if (entry)
		Py_SETREF(traceback, Py_NewRef((PyObject *)entry));
	PyErr_Restore(type, value, traceback);
}

/* Takes the reference to the coroutine. */
static PyObject *coroutine_run(PyObject *coroutine, PyObject *code)
{
	PyObject *value = PyObject_CallOneArg(prelude.run_coroutine, coroutine);

	has_loop = true;
	Py_DECREF(coroutine);
	if (!value)
		loop_frames_drop(code);
	return value;
}

static PyObject *part_run(PyObject *code, PyObject *names)
{
	PyObject *value = PyEval_EvalCode(code, names, names);

	return value && ((PyCodeObject *)code)->co_flags & CO_COROUTINE
		       ? coroutine_run(value, code)
		       : value;
}

PyObject *program_evaluate(const struct program *program, PyObject *names)
{
	PyObject *const parts[] = { program->head, program->body, program->value };
	PyObject *value = Py_NewRef(Py_None);

	for (int i = 0; value && i < 3; i++)
		if (parts[i])
			Py_SETREF(value, part_run(parts[i], names));
	return value;
}

void program_loop_end(void)
{
	PyObject *done;

	if (!has_loop)
		return;
	has_loop = false;
	done = PyObject_CallNoArgs(prelude.loop_end);
	if (!done)
		PyErr_WriteUnraisable(prelude.loop_end);
	Py_XDECREF(done);
}

void program_clear(struct program *program)
{
	Py_CLEAR(program->head);
	Py_CLEAR(program->body);
	Py_CLEAR(program->value);
}
