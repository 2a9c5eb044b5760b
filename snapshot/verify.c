// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot/verify.c: XXH3-128 over memory, table, registers and posture, each of its own, so that a
 * difference has a name.
 */
#include "snapshot/verify.h"

#include "base/own.h"
#include "snapshot/mappings.h"
#include "snapshot/posture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <xxhash.h>

#define COPY_BYTES (256u * 1024u)
#define ROWS_MAX 65536u /* vm.max_map_count is 65,530 */
#define LINE_BYTES 4096u /* of smaps: a path is at most so long */

static void digest_take(XXH3_state_t *state, uint64_t ret_digest[2])
{
	XXH128_hash_t hash = XXH3_128bits_digest(state);

	ret_digest[0] = hash.low64;
	ret_digest[1] = hash.high64;
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* Told of all memory, piece by piece, in order of address; a negative errno ends the walk. */
typedef int (*memory_seen)(void *user, uint64_t address, const uint8_t *bytes, uint64_t size);

static int mapping_walk(const struct mapping *mapping, pid_t pid, uint8_t *buffer,
	memory_seen seen, void *user)
{
	int result = 0;

	for (uint64_t at = mapping->start; result == 0 && at < mapping->end;) {
		uint64_t left = mapping->end - at, size = left < COPY_BYTES ? left : COPY_BYTES;
		struct iovec local = { buffer, size }, remote = { (void *)(uintptr_t)at, size };
		ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

		if (n != (ssize_t)size)
			return n < 0 ? -errno : -EFAULT;
		result = seen(user, at, buffer, size);
		at += size;
	}
	return result;
}

static int memory_walk(pid_t pid, memory_seen seen, void *user)
{
	AUTO_FREE struct mapping *table = calloc(ROWS_MAX, sizeof(*table));
	AUTO_FREE uint8_t *buffer = malloc(COPY_BYTES);
	uint64_t bytes = 0;
	unsigned count = 0;
	int result = table && buffer ? mappings_read(pid, table, ROWS_MAX, &count) : -ENOMEM;

	for (unsigned i = 0; result == 0 && i < count; i++) {
		if (!mapping_is_private(&table[i]) || !(table[i].protection & PROT_READ))
			continue;
		bytes += table[i].end - table[i].start;
		if (bytes > VERIFY_BYTES_MAX)
			return -E2BIG;
		result = mapping_walk(&table[i], pid, buffer, seen, user);
	}
	return result;
}

static int piece_hash(void *user, uint64_t address, const uint8_t *bytes, uint64_t size)
{
	XXH3_128bits_update(user, &address, sizeof(address));
	XXH3_128bits_update(user, bytes, size);
	return 0;
}

static int memory_hash(XXH3_state_t *state, pid_t pid, uint64_t ret_digest[2])
{
	int result;

	XXH3_128bits_reset(state);
	result = memory_walk(pid, piece_hash, state);
	if (result == 0)
		digest_take(state, ret_digest);
	return result;
}

static struct verify_page page_of(uint64_t address, const uint8_t *bytes)
{
	XXH128_hash_t hash = XXH3_128bits(bytes, VERIFY_PAGE_BYTES);

	return (struct verify_page){ address, { hash.low64, hash.high64 } };
}

static int pages_take(void *user, uint64_t address, const uint8_t *bytes, uint64_t size)
{
	struct verify_memory *memory = user;
	size_t count = memory->count + size / VERIFY_PAGE_BYTES;
	struct verify_page *pages = realloc(memory->pages, count * sizeof(*pages));

	if (!pages)
		return -ENOMEM;
	memory->pages = pages;
	for (uint64_t at = 0; at < size; at += VERIFY_PAGE_BYTES)
		pages[memory->count++] = page_of(address + at, bytes + at);
	return 0;
}

int verify_memory_take(const struct tracee *tracee, struct verify_memory *memory)
{
	int result;

	verify_memory_free(memory);
	result = memory_walk(tracee->pid, pages_take, memory);
	if (result < 0)
		verify_memory_free(memory);
	return result;
}

void verify_memory_free(struct verify_memory *memory)
{
	free(memory->pages);
	*memory = (struct verify_memory){ .pages = NULL };
}

struct comparison {
	const struct verify_memory *wanted;
	size_t next;
	uint64_t address; /* of what differs */
};

static int pages_compare(void *user, uint64_t address, const uint8_t *bytes, uint64_t size)
{
	struct comparison *comparison = user;
	const struct verify_memory *wanted = comparison->wanted;

	for (uint64_t at = 0; at < size && comparison->address == UINT64_MAX;
		at += VERIFY_PAGE_BYTES) {
		struct verify_page page = page_of(address + at, bytes + at);
		const struct verify_page *before = &wanted->pages[comparison->next];

		if (comparison->next == wanted->count || page.address < before->address)
			comparison->address = page.address;
		else if (memcmp(&page, before, sizeof(page)) != 0)
			comparison->address = before->address;
		comparison->next++;
	}
	return 0;
}

int verify_memory_compare(const struct tracee *tracee, const struct verify_memory *wanted,
	uint64_t *ret_address)
{
	struct comparison comparison = { .wanted = wanted, .address = UINT64_MAX };
	int result = memory_walk(tracee->pid, pages_compare, &comparison);

	if (result < 0)
		return result;
	if (comparison.address == UINT64_MAX && comparison.next < wanted->count)
		comparison.address = wanted->pages[comparison.next].address;
	*ret_address = comparison.address;
	return 0;
}

/* --- The rest --------------------------------------------------------------------------------- */

/* Lines of numbers change as pages come and go; the others are the table. */
static bool is_of_table(const char *line)
{
	return (*line >= '0' && *line <= '9') || (*line >= 'a' && *line <= 'f') ||
	       strncmp(line, "VmFlags:", 8) == 0 || strncmp(line, "ProtectionKey:", 14) == 0;
}

static int table_hash(XXH3_state_t *state, const struct tracee *tracee, uint64_t ret_digest[2])
{
	char path[32], line[LINE_BYTES];
	bool failed;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps", tracee->pid);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? -ESRCH : -errno;
	XXH3_128bits_reset(state);
	while (fgets(line, sizeof(line), file))
		if (is_of_table(line))
			XXH3_128bits_update(state, line, strlen(line));
	failed = ferror(file);
	fclose(file);
	digest_take(state, ret_digest);
	return failed ? -EIO : 0;
}

static int registers_hash(
	XXH3_state_t *state, const struct tracee *tracee, uint64_t ret_digest[2])
{
	struct tracee_registers registers;
	int result = tracee_get_registers(tracee, &registers);

	if (result < 0)
		return result;
	XXH3_128bits_reset(state);
	XXH3_128bits_update(state, &registers.general, sizeof(registers.general));
	XXH3_128bits_update(state, &registers.blocked, sizeof(registers.blocked));
	XXH3_128bits_update(state, registers.xstate, registers.xstate_bytes);
	digest_take(state, ret_digest);
	return 0;
}

static int posture_hash(XXH3_state_t *state, const struct tracee *tracee, uint64_t ret_digest[2])
{
	struct posture posture;
	int result = posture_read(tracee, &posture);

	if (result < 0)
		return result;
	XXH3_128bits_reset(state);
	XXH3_128bits_update(state, &posture, sizeof(posture));
	digest_take(state, ret_digest);
	return 0;
}

/* With a state of its own. */
static int part_hash(const struct tracee *tracee, uint64_t ret_digest[2],
	int (*hash)(XXH3_state_t *state, const struct tracee *tracee, uint64_t ret_digest[2]))
{
	XXH3_state_t *state = XXH3_createState();
	int result = state ? hash(state, tracee, ret_digest) : -ENOMEM;

	XXH3_freeState(state);
	return result;
}

int verify_mappings(const struct tracee *tracee, uint64_t ret_digest[2])
{
	return part_hash(tracee, ret_digest, table_hash);
}

int verify_registers(const struct tracee *tracee, uint64_t ret_digest[2])
{
	return part_hash(tracee, ret_digest, registers_hash);
}

int verify_process(const struct tracee *tracee, struct verify_digest *ret_digest)
{
	XXH3_state_t *state = XXH3_createState();
	int result;

	if (!state)
		return -ENOMEM;
	result = memory_hash(state, tracee->pid, ret_digest->memory);
	if (result == 0)
		result = table_hash(state, tracee, ret_digest->mappings);
	if (result == 0)
		result = registers_hash(state, tracee, ret_digest->registers);
	if (result == 0)
		result = posture_hash(state, tracee, ret_digest->posture);
	XXH3_freeState(state);
	return result;
}

const char *verify_compare(const struct verify_digest *wanted, const struct verify_digest *now)
{
	if (memcmp(wanted->memory, now->memory, sizeof(now->memory)) != 0)
		return "memory";
	if (memcmp(wanted->mappings, now->mappings, sizeof(now->mappings)) != 0)
		return "mapping table";
	if (memcmp(wanted->registers, now->registers, sizeof(now->registers)) != 0)
		return "registers";
	return memcmp(wanted->posture, now->posture, sizeof(now->posture)) != 0 ? "posture" : NULL;
}
