// SPDX-License-Identifier: Apache-2.0
// sources: runtime/seal.c runtime/maps.c
/*
 * tests/unit/runtime_seal.c: a process whose memory was moved into a sealed memfd holds what it
 * held, can go on, and shares nothing with its children but what nobody wrote.
 */
#include "runtime/seal.h"

#include "tests/unit/jail_child.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* The sanitizer's own memory is private and writable too, and reserves more than there is. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define BLOCK_BYTES (3u << 20)

struct finding {
	int result;
	size_t image_bytes;
	char sentence[128];
	unsigned descriptors_before, descriptors_after;
	bool same, writable, child_same, parent_untouched, is_mapped;
};

static uint8_t initialized[5000] = { 1, 2, 3 };
static uint8_t zeroed[70000];

static void fill(uint8_t *bytes, size_t size, uint8_t salt)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 4096 + salt);
}

static bool holds(const uint8_t *bytes, size_t size, uint8_t salt)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != (uint8_t)(i * 31 + i / 4096 + salt))
			return false;
	return true;
}

static unsigned descriptors_count(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static bool is_in_image(const void *address)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	bool found = false;

	while (!found && fgets(line, sizeof(line), maps)) {
		unsigned long start, end;

		found = sscanf(line, "%lx-%lx", &start, &end) == 2 &&
			(unsigned long)address >= start && (unsigned long)address < end &&
			strstr(line, "/memfd:corral-image");
	}
	fclose(maps);
	return found;
}

static int child_looks_and_writes(void *block)
{
	bool same = holds(block, BLOCK_BYTES, 9) && holds(zeroed, sizeof(zeroed), 8);

	memset(block, 'c', BLOCK_BYTES);
	memset(zeroed, 'c', sizeof(zeroed));
	return same ? 0 : 1;
}

static int seal_and_look(void *argument)
{
	struct finding *finding = argument;
	struct error error = { .sentence = "" };
	uint8_t *block = malloc(BLOCK_BYTES);

	fill(block, BLOCK_BYTES, 1);
	fill(initialized, sizeof(initialized), 2);
	fill(zeroed, sizeof(zeroed), 3);
	finding->descriptors_before = descriptors_count();
	finding->result = seal_private_memory(&finding->image_bytes, &error);
	memcpy(finding->sentence, error.sentence, sizeof(finding->sentence));
	finding->descriptors_after = descriptors_count();
	finding->is_mapped = is_in_image(block) && is_in_image(zeroed) && is_in_image(initialized);
	finding->same = holds(block, BLOCK_BYTES, 1) &&
		holds(initialized, sizeof(initialized), 2) && holds(zeroed, sizeof(zeroed), 3);
	fill(block, BLOCK_BYTES, 9);
	fill(zeroed, sizeof(zeroed), 8);

	uint8_t *fresh = malloc(BLOCK_BYTES);

	fill(fresh, BLOCK_BYTES, 7);
	finding->writable = holds(block, BLOCK_BYTES, 9) && holds(fresh, BLOCK_BYTES, 7);
	finding->child_same = child_run(child_looks_and_writes, block) == 0;
	finding->parent_untouched =
		holds(block, BLOCK_BYTES, 9) && holds(zeroed, sizeof(zeroed), 8);
	free(fresh);
	free(block);
	return 0;
}

static void expect_sealed(int (*body)(void *argument))
{
	struct finding *finding = shared_new(sizeof(*finding));

	if (SANITIZED)
		cr_skip_test("no sanitizer survives it");
	cr_assert_eq(child_run(body, finding), 0);
	cr_expect_eq(finding->result, 0, "%s", finding->sentence);
	cr_expect_geq(finding->image_bytes, BLOCK_BYTES + sizeof(zeroed));
	cr_expect_eq(finding->image_bytes % 4096, 0);
	cr_expect_eq(
		finding->descriptors_after, finding->descriptors_before, "the memfd is closed");
	cr_expect(finding->is_mapped);
	cr_expect(finding->same);
	cr_expect(finding->writable);
	cr_expect(finding->child_same);
	cr_expect(finding->parent_untouched);
}

Test(seal, moves_all_private_memory_and_changes_none_of_it)
{
	expect_sealed(seal_and_look);
}

static int seal_twice_and_look(void *argument)
{
	size_t bytes;

	return seal_private_memory(&bytes, NULL) == 0 ? seal_and_look(argument) : 1;
}

Test(seal, can_be_done_again)
{
	expect_sealed(seal_twice_and_look);
}

static int seal_without_descriptors(void *argument)
{
	const struct rlimit none = { 0, 0 };
	struct finding *finding = argument;
	struct error error = { .sentence = "" };

	setrlimit(RLIMIT_NOFILE, &none);
	finding->result = seal_private_memory(&finding->image_bytes, &error);
	memcpy(finding->sentence, error.sentence, sizeof(finding->sentence));
	return 0;
}

Test(seal, says_what_it_could_not_have)
{
	struct finding *finding = shared_new(sizeof(*finding));

	cr_assert_eq(child_run(seal_without_descriptors, finding), 0);
	cr_expect_eq(finding->result, -EMFILE);
	cr_expect_str_eq(finding->sentence, "cannot seal the template: memfd: Too many open files");
}
