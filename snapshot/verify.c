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

static int mapping_hash(
	XXH3_state_t *state, const struct mapping *mapping, pid_t pid, uint8_t *buffer)
{
	for (uint64_t at = mapping->start; at < mapping->end;) {
		uint64_t left = mapping->end - at, size = left < COPY_BYTES ? left : COPY_BYTES;
		struct iovec local = { buffer, size }, remote = { (void *)(uintptr_t)at, size };
		ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

		if (n != (ssize_t)size)
			return n < 0 ? -errno : -EFAULT;
		XXH3_128bits_update(state, &at, sizeof(at));
		XXH3_128bits_update(state, buffer, size);
		at += size;
	}
	return 0;
}

static int memory_hash(XXH3_state_t *state, pid_t pid, uint64_t ret_digest[2])
{
	AUTO_FREE struct mapping *table = calloc(ROWS_MAX, sizeof(*table));
	AUTO_FREE uint8_t *buffer = malloc(COPY_BYTES);
	uint64_t bytes = 0;
	unsigned count = 0;
	int result = table && buffer ? mappings_read(pid, table, ROWS_MAX, &count) : -ENOMEM;

	XXH3_128bits_reset(state);
	for (unsigned i = 0; result == 0 && i < count; i++) {
		if (!mapping_is_private(&table[i]) || !(table[i].protection & PROT_READ))
			continue;
		bytes += table[i].end - table[i].start;
		result = bytes > VERIFY_BYTES_MAX ? -E2BIG
						  : mapping_hash(state, &table[i], pid, buffer);
	}
	if (result == 0)
		digest_take(state, ret_digest);
	return result;
}

/* Lines of numbers change as pages come and go; the others are the table. */
static bool is_of_table(const char *line)
{
	return (*line >= '0' && *line <= '9') || (*line >= 'a' && *line <= 'f') ||
	       strncmp(line, "VmFlags:", 8) == 0 || strncmp(line, "ProtectionKey:", 14) == 0;
}

static int table_hash(XXH3_state_t *state, pid_t pid, uint64_t ret_digest[2])
{
	char path[32], line[LINE_BYTES];
	bool failed;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
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

int verify_process(const struct tracee *tracee, struct verify_digest *ret_digest)
{
	XXH3_state_t *state = XXH3_createState();
	int result;

	if (!state)
		return -ENOMEM;
	result = memory_hash(state, tracee->pid, ret_digest->memory);
	if (result == 0)
		result = table_hash(state, tracee->pid, ret_digest->mappings);
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
