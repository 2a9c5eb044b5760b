// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/python/generators.c: random generators made anew, for a worker that is a twin of others.
 *
 * The two that nearly everybody uses are Mersenne Twisters: random's, and numpy's where the
 * template has it. Their own ways to be seeded take 5 and 60 us and write 80 pages, more than a
 * small program; so their words are written here, once the template has made sure that it knows
 * them. Where a program lived on, or numpy's are not as they are known, Python is asked
 * (reseed() of the prelude).
 */
#include "runtime/python/python.h"

#include <string.h>

#define WORDS 624u

/* An object of _random.Random (Modules/_randommodule.c of 3.11). */
struct random_object {
	PyObject_HEAD
	int index; /* the next word to give; at the end they are all made anew */
	uint32_t words[WORDS];
};

/* numpy/random/bitgen.h: the first of what a capsule "BitGenerator" holds; and src/mt19937. */
struct numpy_generator {
	struct numpy_state {
		uint32_t words[WORDS];
		int index;
	} *state;
};

/* Looked up in the template; references held for good. */
static struct {
	PyObject *random;         /* random._inst, behind random.random() and the others */
	PyObject *gauss_name;     /* "gauss_next", the rest of that one's state */
	bool has_numpy;
	struct numpy_state *numpy; /* numpy.random's; NULL: none, or not as it is known */
} generators;

static int random_find(void)
{
	PyObject *type = python_attribute("_random", "Random");
	bool known = type && ((PyTypeObject *)type)->tp_basicsize == sizeof(struct random_object);

	Py_XDECREF(type);
	if (type && !known)
		PyErr_SetString(PyExc_SystemError, "this Python's random generator is not 3.11's");
	Py_XSETREF(generators.random, python_attribute("random", "_inst"));
	Py_XSETREF(generators.gauss_name, PyUnicode_InternFromString("gauss_next"));
	return known && generators.random && generators.gauss_name ? 0 : -1;
}

/*
 * What numpy says of its state must stand where it is expected, and no second value of a pair of
 * normal ones may wait. `said` is (capsule, the words as bytes, index, has_gauss).
 */
static struct numpy_state *numpy_state_of(PyObject *said)
{
	const struct numpy_generator *generator;
	const char *words;
	Py_ssize_t size;
	PyObject *capsule;
	int index, has_gauss;

	if (!PyArg_ParseTuple(said, "Oy#ii", &capsule, &words, &size, &index, &has_gauss))
		return NULL;
	generator = PyCapsule_GetPointer(capsule, "BitGenerator");
	if (!generator || size != sizeof(generator->state->words) || has_gauss ||
	    generator->state->index != index ||
	    memcmp(generator->state->words, words, (size_t)size) != 0)
		return NULL;
	return generator->state;
}

int generators_find(void)
{
	PyObject *said = PyObject_CallNoArgs(prelude.numpy_generator);

	if (!said)
		return -1;
	generators.has_numpy = said != Py_False;
	generators.numpy = PyTuple_Check(said) ? numpy_state_of(said) : NULL;
	/* An unknown one is seeded as anybody would. */
	PyErr_Clear();
	Py_DECREF(said);
	return random_find();
}

/* xoshiro256**, by Blackman and Vigna (public domain). */
static uint64_t random_next(uint64_t state[4])
{
	uint64_t product = state[1] * 5;
	uint64_t result = (product << 7 | product >> 57) * 9;
	uint64_t shifted = state[1] << 17;

	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= shifted;
	state[3] = state[3] << 45 | state[3] >> 19;
	return result;
}

static void words_fill(uint32_t *words, uint64_t state[4])
{
	for (size_t i = 0; i < WORDS; i += 2) {
		uint64_t word = random_next(state);

		words[i] = (uint32_t)word;
		words[i + 1] = (uint32_t)(word >> 32);
	}
}

static int rest_seed(const uint64_t seed[4])
{
	PyObject *done = PyObject_CallFunction(
		prelude.reseed, "y#", (const char *)seed, (Py_ssize_t)(4 * sizeof(*seed)));

	Py_XDECREF(done);
	return done ? 0 : -1;
}

int generators_seed(const uint64_t seed[4], bool first)
{
	struct random_object *random = (struct random_object *)generators.random;
	uint64_t state[4];

	memcpy(state, seed, sizeof(state));
	words_fill(random->words, state);
	random->index = WORDS;
	if (first && generators.numpy) {
		words_fill(generators.numpy->words, state);
		generators.numpy->index = WORDS;
	}
	if (first && (generators.numpy || !generators.has_numpy))
		return 0;
	if (PyObject_SetAttr(generators.random, generators.gauss_name, Py_None) < 0)
		return -1;
	return rest_seed(seed);
}
