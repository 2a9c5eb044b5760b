// SPDX-License-Identifier: Apache-2.0
/*
 * bpf/footprints.c: the daemon's side of bpf/footprint.bpf.c, by libbpf's skeleton.
 */
#include "bpf/footprints.h"

#include "base/fault.h"
#include "bpf/footprint.skel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct footprints {
	struct footprint_bpf *skeleton;
	struct footprint *records; /* the array's own memory */
	size_t bytes;
	unsigned slot_count;
};

/* What went wrong is told by its errno, in our words. */
static int print_nothing(enum libbpf_print_level level, const char *format, va_list list)
{
	return 0;
}

static int records_map(struct footprints *footprints)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *records;

	footprints->bytes =
		(footprints->slot_count * sizeof(struct footprint) + page - 1) / page * page;
	records = mmap(NULL, footprints->bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		bpf_map__fd(footprints->skeleton->maps.footprints), 0);
	if (records == MAP_FAILED)
		return -errno;
	footprints->records = records;
	return 0;
}

static int programs_load(struct footprints *footprints, uint32_t uid_first)
{
	struct footprint_bpf *skeleton = footprint_bpf__open();
	int result;

	if (!skeleton)
		return -errno;
	footprints->skeleton = skeleton;
	skeleton->rodata->uid_first = uid_first;
	skeleton->rodata->slot_count = footprints->slot_count;
	result = bpf_map__set_max_entries(skeleton->maps.footprints, footprints->slot_count);
	if (result == 0)
		result = fault("bpf.load") ? -EPERM : footprint_bpf__load(skeleton);
	if (result == 0)
		result = records_map(footprints);
	if (result == 0)
		result = fault("bpf.attach") ? -EBUSY : footprint_bpf__attach(skeleton);
	return result;
}

int footprints_open(struct footprints **ret_footprints, unsigned slot_count, uint32_t uid_first,
	struct error *error)
{
	struct footprints *footprints =
		fault("bpf.memory") ? NULL : calloc(1, sizeof(*footprints));
	int result;

	if (!footprints)
		return error_set(error, -ENOMEM, "no memory for the footprints");
	libbpf_set_print(print_nothing);
	footprints->slot_count = slot_count;
	result = programs_load(footprints, uid_first);
	if (result < 0) {
		footprints_close(footprints);
		return error_set(error, result, "the kernel takes no tracing programs: %s; "
			"that needs CAP_BPF, CAP_PERFMON and /sys/kernel/btf/vmlinux",
			error_text(result));
	}
	*ret_footprints = footprints;
	return 0;
}

void footprints_close(struct footprints *footprints)
{
	if (!footprints)
		return;
	if (footprints->records)
		munmap(footprints->records, footprints->bytes);
	footprint_bpf__destroy(footprints->skeleton);
	free(footprints);
}

struct footprint *footprints_slot(struct footprints *footprints, unsigned slot)
{
	return footprints ? &footprints->records[slot] : NULL;
}

void footprint_arm(struct footprint *footprint, uint64_t calls_max, uint64_t cpu_nsec_max)
{
	footprint_stop(footprint);
	*footprint = (struct footprint){ .calls_max = calls_max, .cpu_nsec_max = cpu_nsec_max };
	__atomic_store_n(&footprint->state, FOOTPRINT_ARMED, __ATOMIC_RELEASE);
}

void footprint_stop(struct footprint *footprint)
{
	__atomic_store_n(&footprint->state, FOOTPRINT_OFF, __ATOMIC_RELEASE);
}

struct footprint footprint_read(const struct footprint *footprint)
{
	return *(const volatile struct footprint *)footprint;
}

bool footprint_has_call(const struct footprint *footprint, unsigned number)
{
	unsigned bit = number < FOOTPRINT_USES_END ? number : FOOTPRINT_CALLS - 1;

	return (footprint->worker_call_set[bit / 64] | footprint->others_call_set[bit / 64]) >>
		       bit % 64 & 1;
}
