// SPDX-License-Identifier: Apache-2.0
/*
 * ring/channel.c: makes, seals and maps the memory that daemon and worker share.
 *
 * What it promises: a mapped channel is CHANNEL_BYTES long for as long as it is mapped, whoever
 * holds the descriptor. Without the seals the other side could shrink the file, and the next
 * touch of the mapping would be a SIGBUS; so the side that maps checks size and seals itself and
 * trusts nobody's word for it.
 */
#include "ring/channel.h"

#include "base/fault.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* linux/memfd.h, since 6.3: never executable, and sealed so. Debian 12's headers lack it. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define CHANNEL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int memory_open(void)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("corral-channel", flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("corral-channel", flags);
	return fd < 0 ? -errno : fd;
}

int channel_create(int *ret_fd)
{
	const uint32_t version = CHANNEL_VERSION;
	AUTO_FD fd = fault("channel.create") ? -EMFILE : memory_open();

	if (fd < 0)
		return fd;
	if (ftruncate(fd, CHANNEL_BYTES) < 0)
		return -errno;
	ssize_t n = pwrite(fd, &version, sizeof(version), offsetof(struct channel, version));

	if (n != (ssize_t)sizeof(version))
		return n < 0 ? -errno : -EIO;
	if (fcntl(fd, F_ADD_SEALS, CHANNEL_SEALS) < 0)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

/* 0 if `fd` can never be anything but CHANNEL_BYTES long. */
static int memory_check(int fd)
{
	struct stat status;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0)
		return -errno;
	if ((seals & CHANNEL_SEALS) != CHANNEL_SEALS)
		return -EPERM;
	if (fstat(fd, &status) < 0)
		return -errno;
	return status.st_size == CHANNEL_BYTES ? 0 : -EINVAL;
}

int channel_map(int fd, struct channel **ret_channel)
{
	int code = fault("channel.map") ? -ENOMEM : memory_check(fd);

	if (code < 0)
		return code;
	void *memory = mmap(NULL, CHANNEL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return -errno;
	struct channel *channel = memory;

	/*
	 * Not into forks. The daemon has ten thousand of these, and each cell's init starts as its
	 * clone: copying the table would cost milliseconds, and show one cell the channels of all.
	 * A child of the worker's program has no business in the ring (stub_write() does not touch
	 * it there); should it stray into it, it gets a SIGSEGV of its own instead of tearing the
	 * records of its parent. Not into core dumps either: output is the client's.
	 */
	if (madvise(memory, CHANNEL_BYTES, MADV_DONTFORK) < 0 ||
	    madvise(memory, CHANNEL_BYTES, MADV_DONTDUMP) < 0)
		code = -errno;
	else if (__atomic_load_n(&channel->version, __ATOMIC_RELAXED) != CHANNEL_VERSION)
		code = -EPROTO;
	if (code < 0) {
		channel_unmap(channel);
		return code;
	}
	*ret_channel = channel;
	return 0;
}

#define PAGES (CHANNEL_BYTES / CHANNEL_PAGE_BYTES)

static bool machine_swaps(void)
{
	struct sysinfo info;

	return sysinfo(&info) < 0 || info.totalswap > 0;
}

static int pages_find(struct channel *channel, struct channel_pages *pages)
{
	unsigned char is_there[PAGES];

	if (mincore(channel, CHANNEL_BYTES, is_there) < 0)
		return -errno;
	memset(pages->there, 0, sizeof(pages->there));
	for (unsigned i = 0; i < PAGES; i++)
		pages->there[i / 64] |= (uint64_t)(is_there[i] & 1) << i % 64;
	pages->known = true;
	return 0;
}

static int pages_give_back(struct channel *channel)
{
	return madvise(channel, CHANNEL_BYTES, MADV_REMOVE) < 0 ? -errno : 0;
}

static void page_clear(struct channel *channel, unsigned number)
{
	memset((char *)channel + number * CHANNEL_PAGE_BYTES, 0, CHANNEL_PAGE_BYTES);
}

int channel_empty(struct channel *channel, struct channel_pages *pages)
{
	int result = 0;

	if (!pages->known)
		result = machine_swaps() ? pages_give_back(channel) : pages_find(channel, pages);
	if (result < 0)
		return result;
	for (unsigned i = 0; pages->known && i < PAGES; i++)
		if (pages->there[i / 64] >> i % 64 & 1)
			page_clear(channel, i);
	channel->version = CHANNEL_VERSION;
	return 0;
}

void channel_unmap(struct channel *channel)
{
	if (channel)
		munmap(channel, CHANNEL_BYTES);
}
