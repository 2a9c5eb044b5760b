// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/python/streams.c: where the program's output leaves Python.
 *
 * sys.stdout and sys.stderr are python3's own stack, TextIOWrapper over BufferedWriter, over a raw
 * stream of ours that hands the bytes to stub_write(). The text layer writes through and flushes
 * at a newline, so a print is one write, and text and bytes keep their order.
 *
 * Whoever asks for the descriptor will write to it behind our back or give it to a child: from
 * then on we go through the descriptor too (stub_forked()).
 */
#include "runtime/python/python.h"

static bool silent;

/* sys.stdout and sys.stderr as we made them; what the program puts there is not ours. */
static PyObject *standard_streams[2];

/* Interned: a name that is made anew would push others out of the interpreter's cache. */
static PyObject *flush_name, *closed_name;

void streams_set_silent(bool now_silent)
{
	silent = now_silent;
}

static void stream_put(enum output_kind kind, const void *bytes, size_t size)
{
	if (!silent && size > 0)
		stub_write(kind, bytes, size);
}

/* The raw stream: an object of _io._RawIOBase with this behind it. */
struct stream {
	enum output_kind kind;
	bool closed;
};

static Py_ssize_t stream_offset; /* the size of the base's objects */

static struct stream *stream_of(PyObject *self)
{
	return (struct stream *)(void *)((char *)self + stream_offset);
}

static int stream_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
	int descriptor;

	if (!PyArg_ParseTuple(args, "i", &descriptor))
		return -1;
	stream_of(self)->kind = descriptor == 2 ? OUTPUT_STDERR : OUTPUT_STDOUT;
	return 0;
}

static int stream_check_open(PyObject *self)
{
	if (!stream_of(self)->closed)
		return 0;
	PyErr_SetString(PyExc_ValueError, "I/O operation on closed file");
	return -1;
}

static PyObject *stream_write(PyObject *self, PyObject *data)
{
	Py_buffer buffer;

	if (stream_check_open(self) || PyObject_GetBuffer(data, &buffer, PyBUF_SIMPLE))
		return NULL;
	Py_ssize_t size = buffer.len;

	stream_put(stream_of(self)->kind, buffer.buf, (size_t)size);
	PyBuffer_Release(&buffer);
	return PyLong_FromSsize_t(size);
}

static PyObject *stream_fileno(PyObject *self, PyObject *unused)
{
	if (stream_check_open(self))
		return NULL;
	if (!silent)
		stub_forked();
	return PyLong_FromLong(stream_of(self)->kind == OUTPUT_STDERR ? 2 : 1);
}

static PyObject *stream_writable(PyObject *self, PyObject *unused)
{
	if (stream_check_open(self))
		return NULL;
	Py_RETURN_TRUE;
}

static PyObject *stream_isatty(PyObject *self, PyObject *unused)
{
	if (stream_check_open(self))
		return NULL;
	Py_RETURN_FALSE;
}

static PyObject *stream_close(PyObject *self, PyObject *unused)
{
	stream_of(self)->closed = true;
	Py_RETURN_NONE;
}

static PyObject *stream_closed(PyObject *self, void *unused)
{
	return PyBool_FromLong(stream_of(self)->closed);
}

static PyMethodDef stream_methods[] = {
	{ "write", stream_write, METH_O, NULL },
	{ "fileno", stream_fileno, METH_NOARGS, NULL },
	{ "writable", stream_writable, METH_NOARGS, NULL },
	{ "isatty", stream_isatty, METH_NOARGS, NULL },
	{ "close", stream_close, METH_NOARGS, NULL },
	{ 0 },
};

static PyGetSetDef stream_properties[] = {
	{ .name = "closed", .get = stream_closed },
	{ 0 },
};

static PyType_Slot stream_slots[] = {
	{ Py_tp_init, stream_init },
	{ Py_tp_methods, stream_methods },
	{ Py_tp_getset, stream_properties },
	{ 0 },
};

static PyObject *stream_type(void)
{
	PyObject *module = PyImport_ImportModule("_io");
	PyObject *base = module ? PyObject_GetAttrString(module, "_RawIOBase") : NULL;

	Py_XDECREF(module);
	if (!base)
		return NULL;
	stream_offset = ((PyTypeObject *)base)->tp_basicsize;

	PyType_Spec spec = {
		.name = "_corral.Stream",
		.basicsize = (int)(stream_offset + (Py_ssize_t)sizeof(struct stream)),
		.flags = Py_TPFLAGS_DEFAULT,
		.slots = stream_slots,
	};
	PyObject *type = PyType_FromSpecWithBases(&spec, base);

	Py_DECREF(base);
	return type;
}

#define HOOK(name, function) { name, (PyCFunction)(void (*)(void))(function), METH_FASTCALL, NULL }

PyObject *streams_module(void)
{
	static PyMethodDef functions[] = {
		HOOK("excepthook", report_excepthook),
		HOOK("unraisablehook", report_unraisablehook),
		HOOK("_excepthook", report_threadhook),
		{ 0 },
	};
	static struct PyModuleDef definition = {
		PyModuleDef_HEAD_INIT,
		.m_name = "_corral",
		.m_size = -1,
		.m_methods = functions,
	};
	PyObject *module = PyModule_Create(&definition);
	PyObject *type = module ? stream_type() : NULL;

	if (!type || PyModule_AddObjectRef(module, "Stream", type) < 0)
		Py_CLEAR(module);
	Py_XDECREF(type);
	return module;
}

static const char *const standard_names[] = { "stdout", "stderr" };

int streams_init(void)
{
	for (int i = 0; i < 2; i++) {
		standard_streams[i] = Py_XNewRef(PySys_GetObject(standard_names[i]));
		if (!standard_streams[i])
			return -1;
	}
	flush_name = PyUnicode_InternFromString("flush");
	closed_name = PyUnicode_InternFromString("closed");
	return flush_name && closed_name ? 0 : -1;
}

static void stream_flush(PyObject *file)
{
	if (!file || file == Py_None)
		return;
	Py_INCREF(file);
	PyObject *closed = PyObject_GetAttr(file, closed_name);

	if (!closed)
		PyErr_Clear();
	if (!closed || PyObject_IsTrue(closed) == 0) {
		PyObject *done = PyObject_CallMethodNoArgs(file, flush_name);

		if (!done)
			PyErr_WriteUnraisable(file);
		Py_XDECREF(done);
	}
	Py_XDECREF(closed);
	PyErr_Clear();
	Py_DECREF(file);
}

void streams_flush(void)
{
	PyObject *type, *value, *traceback;

	PyErr_Fetch(&type, &value, &traceback);
	for (int i = 0; i < 2; i++) {
		PyObject *current = PySys_GetObject(standard_names[i]);

		if (current != standard_streams[i])
			stream_flush(current);
		stream_flush(standard_streams[i]);
	}
	PyErr_Restore(type, value, traceback);
}

void streams_record(enum output_kind kind, PyObject *text)
{
	PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");

	if (!bytes) {
		PyErr_Clear();
		return;
	}
	const char *start = PyBytes_AS_STRING(bytes);
	size_t size = (size_t)PyBytes_GET_SIZE(bytes);

	if (size <= PYTHON_RECORD_BYTES_MAX) {
		stream_put(kind, start, size);
	} else {
		static const char ellipsis[] = "\u2026";

		size = PYTHON_RECORD_BYTES_MAX - (sizeof(ellipsis) - 1);
		while ((start[size] & 0xc0) == 0x80) /* not inside a character */
			size--;
		stream_put(kind, start, size);
		stream_put(kind, ellipsis, sizeof(ellipsis) - 1);
	}
	Py_DECREF(bytes);
}
