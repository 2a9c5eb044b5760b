// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/python/interpreter.c: the template's interpreter, from nothing to warm.
 *
 * It is Debian's python3.11 with its site-packages, deaf to PYTHON* variables and to the user's
 * own site. Warm means: the usual modules are imported, a few programs have been run (so that
 * caches are filled and the bytecode they share is specialised), no trace of them is left, and
 * what is in memory then is frozen, so that no garbage collection ever touches those pages again.
 *
 * It also promises that stub_forked() is called before the program can have a child process, by
 * an audit hook for the ways that Python knows and an atfork handler for the others.
 */
#include "runtime/python/python.h"
#include "runtime/python/prelude.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

struct prelude prelude;
static bool wrote_files;
static bool is_child;
static bool has_fork_hooks; /* such as the standard library does not bring */

bool python_wrote_files(void)
{
	bool wrote = wrote_files;

	wrote_files = false;
	return wrote;
}

bool python_is_child(void)
{
	return is_child;
}

static void child_begin(void)
{
	is_child = true;
}

static PyStatus interpreter_configure(PyConfig *config)
{
	static char *arguments[] = { PYTHON_EXECUTABLE, PYTHON_FILE };
	PyStatus status;

	config->use_environment = 0;
	config->user_site_directory = 0;
	config->install_signal_handlers = 1;
	config->parse_argv = 0;
	status = PyConfig_SetBytesString(config, &config->program_name, PYTHON_EXECUTABLE);
	if (!PyStatus_Exception(status))
		status = PyConfig_SetBytesString(config, &config->executable, PYTHON_EXECUTABLE);
	if (!PyStatus_Exception(status))
		status = PyConfig_SetBytesArgv(config, 1, arguments + 1);
	return status;
}

static int interpreter_start(struct error *error)
{
	PyPreConfig before;
	PyConfig config;
	PyStatus status;

	PyPreConfig_InitPythonConfig(&before);
	before.use_environment = 0;
	before.utf8_mode = 1;
	before.coerce_c_locale = 0;
	status = Py_PreInitialize(&before);
	if (PyStatus_Exception(status))
		return error_set(error, -EIO, "cannot start Python: %s", status.err_msg);

	if (PyImport_AppendInittab("_corral", streams_module) < 0)
		return error_set(error, -ENOMEM, "cannot start Python: %s", error_text(ENOMEM));
	PyConfig_InitPythonConfig(&config);
	status = interpreter_configure(&config);
	if (!PyStatus_Exception(status))
		status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	if (PyStatus_Exception(status))
		return error_set(error, -EIO, "cannot start Python: %s", status.err_msg);
	return 0;
}

/* The pending exception becomes the error's sentence. */
static int python_error(struct error *error, const char *what)
{
	PyObject *type, *value, *traceback;
	PyObject *text = NULL;

	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	if (value)
		text = PyObject_Repr(value);
	const char *words = text ? PyUnicode_AsUTF8(text) : NULL;

	error_set(error, -EIO, "%s: %s", what, words ? words : "no reason given");
	Py_XDECREF(text);
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(traceback);
	PyErr_Clear();
	return -EIO;
}

static void prelude_find(PyObject *namespace)
{
	const struct {
		const char *name;
		PyObject **place;
	} wanted[] = {
		{ "open_streams", &prelude.open_streams },
		{ "import_modules", &prelude.import_modules },
		{ "samples", &prelude.samples },
		{ "reset", &prelude.reset },
		{ "reseed", &prelude.reseed },
		{ "numpy_generator", &prelude.numpy_generator },
		{ "run_coroutine", &prelude.run_coroutine },
		{ "value_as_mime", &prelude.value_as_mime },
		{ "loop_end", &prelude.loop_end },
		{ "remember_source", &prelude.remember_source },
		{ "compile_apart", &prelude.compile_apart },
		{ "locate", &prelude.locate },
		{ "open_source", &prelude.open_source },
		{ "value_as_json", &prelude.value_as_json },
		{ "exit_registries", &prelude.exit_registries },
		{ "sources", &prelude.sources },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		*wanted[i].place = PyDict_GetItemString(namespace, wanted[i].name);
		assert(*wanted[i].place);
	}
}

static int prelude_run(void)
{
	PyObject *code = Py_CompileString((const char *)prelude_source, "<corral>", Py_file_input);
	PyObject *namespace = PyDict_New(); /* stays for good */
	PyObject *done = NULL;

	if (code && namespace &&
	    PyDict_SetItemString(namespace, "__builtins__", PyEval_GetBuiltins()) == 0)
		done = PyEval_EvalCode(code, namespace, namespace);
	Py_XDECREF(code);
	Py_XDECREF(done);
	if (!done)
		return -1;
	prelude_find(namespace);
	return 0;
}

static int import_modules(const char *imports, struct error *error)
{
	PyObject *result = PyObject_CallFunction(prelude.import_modules, "z", imports);
	int code = 0;

	if (!result)
		return python_error(error, "cannot import the template's modules");
	if (PyUnicode_Check(result)) {
		const char *words = PyUnicode_AsUTF8(result);

		code = error_set(error, -EINVAL, "%s", words ? words : "cannot import a module");
		PyErr_Clear();
	}
	has_fork_hooks = result == Py_True;
	Py_DECREF(result);
	return code;
}

/* Runs a program as an execution with nobody listening. */
static void rehearse_one(const char *code, Py_ssize_t size)
{
	static char *const nothing[] = { NULL };
	struct runtime_job job = {
		.code = code,
		.code_bytes = (size_t)size,
		.environment = nothing,
		.arguments = nothing,
		.seed = { 1 },
		.want_result = true,
		.session = true,
	};
	struct output_end end;

	python_execute(&job, &end);
}

static int rehearse(void)
{
	PyObject *samples = PyObject_CallNoArgs(prelude.samples);

	if (!samples)
		return -1;
	for (Py_ssize_t i = 0; i < PyList_GET_SIZE(samples); i++) {
		Py_ssize_t size;
		const char *code = PyUnicode_AsUTF8AndSize(PyList_GET_ITEM(samples, i), &size);

		rehearse_one(code, size);
	}
	Py_DECREF(samples);
	return python_execute_reset();
}

static bool event_is_any(const char *event, const char *const *events)
{
	while (*events && strcmp(event, *events) != 0)
		events++;
	return *events != NULL;
}

static bool opens_for_writing(PyObject *args)
{
	int flags = PyTuple_GET_SIZE(args) == 3 ? (int)PyLong_AsLong(PyTuple_GET_ITEM(args, 2)) : 0;

	PyErr_Clear();
	return (flags & O_ACCMODE) != O_RDONLY;
}

/* Runs for every audited event of the interpreter: most must leave at the first character. */
static int audit(const char *event, PyObject *args, void *unused)
{
	static const char *const births[] = {
		"os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "os.exec",
		"subprocess.Popen", "pty.spawn", NULL,
	};

	if (event[0] != 'o' && event[0] != 's' && event[0] != 'p')
		return 0;
	if (strcmp(event, "open") == 0) {
		wrote_files |= opens_for_writing(args);
	} else if (event_is_any(event, births)) {
		streams_flush(); /* else the child could have a copy of half a line */
		stub_forked();
	}
	return 0;
}

static int interpreter_furnish(const char *imports, struct error *error)
{
	int code;

	if (prelude_run() < 0)
		return python_error(error, "cannot run the Python prelude");
	PyObject *opened = PyObject_CallNoArgs(prelude.open_streams);

	Py_XDECREF(opened);
	if (!opened || streams_init() < 0)
		return python_error(error, "cannot open sys.stdout");
	code = import_modules(imports, error);
	if (code < 0)
		return code;
	if (report_init() < 0 || python_execute_init() < 0 || rehearse() < 0)
		return python_error(error, "cannot warm up Python");
	if (PySys_AddAuditHook(audit, NULL) < 0)
		return python_error(error, "cannot watch for child processes");
	return -pthread_atfork(stub_forked, NULL, child_begin);
}

/* A pool of the small-object allocator: its header, then blocks of one size (3.11's obmalloc.c). */
#define POOL_BYTES (16u << 10)

struct pool {
	uint32_t used_blocks, padding;
	void *free_blocks;
	struct pool *next, *previous;
	uint32_t arena, size_class;
	uint32_t fresh_offset; /* the first byte that was never in a block */
	uint32_t fresh_offset_max;
};

/*
 * Makes every size class begin a pool of its own. What imports left behind is full of holes,
 * hundreds of pages with a free block or two; a program would fill them, one page fault a block.
 * So we fill them, and keep the blocks (about 300 KB).
 */
static void pools_renew(void)
{
	const char *allocator = _PyMem_GetCurrentAllocatorName();

	if (!allocator || strcmp(allocator, "pymalloc") != 0)
		return;
	for (uint32_t size = 16; size <= 512; size += 16) {
		const struct pool *pool;
		uintptr_t block;

		do {
			block = (uintptr_t)PyObject_Malloc(size);
			pool = (const struct pool *)(block - block % POOL_BYTES);
		} while (block && pool->fresh_offset != sizeof(*pool) + 2 * size);
	}
}

/*
 * What the template leaves behind is what every worker writes to: free lists and allocator pools
 * are brought together on few pages, by running the smallest program once more behind the imports'
 * holes. Then everything is frozen, out of the garbage collector's sight.
 */
static int settle(void)
{
	PyObject *freeze = NULL, *done = NULL;
	PyObject *gc = PyImport_ImportModule("gc");

	if (gc)
		freeze = PyObject_GetAttrString(gc, "freeze");
	Py_XDECREF(gc);
	if (!freeze || python_execute_reset() < 0)
		return -1;
	PyGC_Enable(); /* or it would not collect, even if asked */
	PyGC_Collect();
	pools_renew();
	for (int i = 0; i < 3; i++)
		rehearse_one("print(1+1)", 10);
	done = PyObject_CallNoArgs(freeze);
	Py_XDECREF(done);
	python_execute_recount();
	return done ? 0 : -1;
}

int python_warm(const char *imports, struct error *error)
{
	int code = interpreter_start(error);

	if (code < 0)
		return code;
	PyGC_Disable();
	room_init();
	streams_set_silent(true);
	code = interpreter_furnish(imports, error);
	if (code < 0)
		return code;
	if (settle() < 0)
		return python_error(error, "cannot freeze the template");
	wrote_files = false;
	streams_set_silent(false);
	return 0;
}

/*
 * A newborn is the template to the last lock: one thread, at the same stack and thread id, holding
 * the interpreter's lock. The standard library's own fork hooks have nothing to put right here
 * (random is seeded with each job), and would dirty 160 pages of every worker. They all run if
 * a module of the template brought a hook that we do not know.
 */
void python_fork_before(void)
{
	if (has_fork_hooks)
		PyOS_BeforeFork();
}

void python_fork_parent(void)
{
	if (has_fork_hooks)
		PyOS_AfterFork_Parent();
}

void python_fork_child(void)
{
	if (has_fork_hooks)
		PyOS_AfterFork_Child();
}
