// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/base_memory.c: blocks are apart from each other and whole, whatever comes and goes; a
 * full region refuses and is whole again afterwards; what was touched goes back to the kernel.
 */
#include "base/memory.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

TestSuite(memory, .timeout = 60);

#define MIB (UINT64_C(1) << 20)

static struct memory_status status_now(void)
{
	struct memory_status status;

	memory_status(&status);
	return status;
}

static void region_open(uint64_t bytes)
{
	cr_assert_eq(memory_open(bytes), 0);
}

static void region_close(void)
{
	cr_expect_eq(status_now().used, 0, "something is left");
	memory_close();
}

Test(memory, is_the_heap_without_a_region)
{
	char *text = memory_alloc(6);

	memcpy(text, "heaped", 6);
	text = memory_grow(text, 100000);
	cr_expect_eq(memcmp(text, "heaped", 6), 0);
	cr_expect_eq(status_now().bytes, 0);
	region_open(16 * MIB);
	memory_free(text); /* and is returned there */
	memory_free(NULL);
	region_close();
}

Test(memory, is_never_more_than_the_region_and_whole_again_when_all_is_free)
{
	void *blocks[64];
	unsigned count = 0;

	region_open(48 * MIB); /* no power of two */
	while (count < 64 && (blocks[count] = memory_alloc(MIB)))
		count++;
	cr_expect_eq(count, 48);
	cr_expect_eq(status_now().refused, 1);
	cr_expect_null(memory_alloc(1));
	cr_expect_null(memory_grow(blocks[0], 2 * MIB));
	memory_free(blocks[7]);
	cr_expect_not_null(blocks[7] = memory_alloc(MIB - 5));
	for (unsigned i = 0; i < count; i++)
		memory_free(blocks[i * 29 % 48]);
	cr_expect_eq(status_now().peak, 48 * MIB);
	cr_assert_not_null(blocks[0] = memory_alloc(32 * MIB));
	cr_assert_not_null(blocks[1] = memory_alloc(16 * MIB));
	cr_expect_null(memory_alloc(SIZE_MAX));
	memory_free(blocks[0]);
	memory_free(blocks[1]);
	region_close();
}

Test(memory, that_is_spare_leaves_half_to_the_rest)
{
	void *blocks[3];

	region_open(16 * MIB);
	cr_expect_not_null(blocks[0] = memory_alloc_spare(4 * MIB));
	cr_expect_not_null(blocks[1] = memory_alloc_spare(4 * MIB));
	cr_expect_null(memory_alloc_spare(1));
	cr_expect_not_null(blocks[2] = memory_alloc(4 * MIB));
	for (unsigned i = 0; i < 3; i++)
		memory_free(blocks[i]);
	region_close();
}

#define PLACES 512u

/* Each place keeps a byte of its own over its whole size. */
static void *churn(void *argument)
{
	uint64_t random = (uintptr_t)argument * 0x9e3779b97f4a7c15u + 1;
	unsigned char *blocks[PLACES] = { NULL };
	size_t sizes[PLACES] = { 0 };
	uintptr_t wrong = 0;

	for (unsigned turn = 0; turn < 40000; turn++) {
		random = random * 6364136223846793005u + 1;

		unsigned i = (unsigned)(random >> 40) % PLACES;
		size_t size = (size_t)1 << (random >> 33) % 17;
		unsigned char mark = (unsigned char)(i ^ (uintptr_t)argument);

		size += (random >> 20) % size;
		for (size_t k = 0; k < sizes[i]; k += k % 61 + 1)
			wrong += blocks[i][k] != mark;
		if (turn % 3 == 0 && blocks[i] && size > sizes[i]) {
			unsigned char *grown = memory_grow(blocks[i], size);

			if (!grown)
				continue;
			wrong += sizes[i] && grown[sizes[i] - 1] != mark;
			blocks[i] = grown;
		} else {
			memory_free(blocks[i]);
			blocks[i] = memory_alloc(size);
		}
		sizes[i] = blocks[i] ? size : 0;
		if (blocks[i])
			memset(blocks[i], mark, size);
	}
	for (unsigned i = 0; i < PLACES; i++)
		memory_free(blocks[i]);
	return (void *)wrong;
}

Test(memory, keeps_blocks_apart_on_all_threads)
{
	pthread_t threads[3];

	region_open(32 * MIB); /* too little for all: some are refused */
	for (uintptr_t i = 0; i < 3; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, churn, (void *)i), 0);
	for (unsigned i = 0; i < 3; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		cr_expect_null(wrong, "%zu bytes are another's", (size_t)wrong);
	}
	cr_assert_not_null(memory_alloc(32 * MIB), "it is whole again");
}

/* The pages of a range that are there. */
static uint64_t resident_bytes(void *place, size_t bytes)
{
	unsigned char *pages = calloc(bytes / 4096, 1);
	uint64_t count = 0;

	cr_assert_eq(mincore(place, bytes, pages), 0);
	for (size_t i = 0; i < bytes / 4096; i++)
		count += pages[i] & 1;
	free(pages);
	return count * 4096;
}

Test(memory, that_a_burst_touched_goes_back_to_the_kernel)
{
	char *blocks[60], *base;

	region_open(64 * MIB);
	base = memory_alloc(64 * MIB);
	memory_free(base);
	cr_expect_eq(resident_bytes(base, 64 * MIB), 0, "only what is touched is there");
	for (unsigned i = 0; i < 60; i++) {
		blocks[i] = memory_alloc(MIB);
		memset(blocks[i], 1, MIB);
	}
	cr_expect_geq(resident_bytes(base, 64 * MIB), 60 * MIB);
	for (unsigned i = 0; i < 60; i++)
		memory_free(blocks[i]);
	cr_expect_lt(resident_bytes(base, 64 * MIB), 9 * MIB);
	/* Small ones are kept: the next request needs them at once. */
	blocks[0] = memory_alloc(MIB);
	memset(blocks[0], 1, MIB);
	memory_free(blocks[0]);
	cr_expect_geq(resident_bytes(blocks[0], MIB), MIB);
	region_close();
}

Test(memory, that_is_freed_twice_ends_the_process, .signal = SIGABRT)
{
	void *block;

	region_open(16 * MIB);
	block = memory_alloc(1000);
	memory_free(block);
	memory_free(block);
}

Test(memory, that_was_never_allocated_is_not_freed, .signal = SIGABRT)
{
	char *block;

	region_open(16 * MIB);
	block = memory_alloc(1000);
	memory_free(block + 128);
}
