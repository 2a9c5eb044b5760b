// SPDX-License-Identifier: Apache-2.0
/*
 * jail/init/view.c: the files that a cell can see.
 *
 * Built once, in the nursery: a small tree of about ten mounts. Each cell's mount namespace is a
 * copy of it (copying costs by the number of mounts, so the host's tree is left behind), to which
 * the cell adds one private tmpfs, shown at /tmp, /workspace and /dev/shm so that one size and one
 * inode limit hold for all three, and its own /proc.
 *
 * Everything shared is read-only, nosuid and nodev by mount attribute (mount_setattr, Linux 5.12).
 * /dev has its five device nodes and nothing else: no terminal, no pts, no kmsg.
 */
#include "base/own.h"
#include "jail/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Where the new root is put together: any directory of the host will do, it is only covered. */
#define VIEW_STAGE "/tmp"
#define VIEW_OLD_ROOT ".old"
#define VIEW_FILE_BYTES_MAX (256 * 1024)

/* Shared directories: bound read-only where the host has them. */
static const char *const view_directories[] = {
	"usr",
	"etc/alternatives",
	"etc/ld.so.conf.d",
	"etc/python3",
	"etc/python3.11",
	"etc/ssl/certs",
	"etc/fonts",
};

/* Merged-usr symlinks on Debian 12; bound as directories where they are ones. */
static const char *const view_roots[] = { "bin", "sbin", "lib", "lib32", "lib64", "libx32" };

/* Copied: the cell must not hold inodes of the host's /etc that somebody edits. */
static const char *const view_files[] = {
	"etc/ld.so.cache", "etc/ld.so.conf", "etc/localtime", "etc/timezone", "etc/mime.types",
	"etc/protocols", "etc/services", "etc/debian_version", "etc/os-release",
};

static const struct {
	const char *path, *text;
} view_texts[] = {
	{ "etc/hosts", "127.0.0.1 localhost corral\n::1 localhost\n" },
	{ "etc/hostname", "corral\n" },
	{ "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\n" },
	{ "etc/resolv.conf", "" },
};

static const struct {
	const char *path;
	unsigned device_minor;
} view_devices[] = {
	{ "dev/null", 3 },
	{ "dev/zero", 5 },
	{ "dev/full", 7 },
	{ "dev/random", 8 },
	{ "dev/urandom", 9 },
};

static const struct {
	const char *path, *target;
} view_links[] = {
	{ "dev/fd", "/proc/self/fd" },
	{ "dev/stdin", "/proc/self/fd/0" },
	{ "dev/stdout", "/proc/self/fd/1" },
	{ "dev/stderr", "/proc/self/fd/2" },
	{ "var/tmp", "/tmp" },
	{ "run/lock", "/tmp" },
};

/* In the order of their making: a parent stands before its children. */
static const char *const view_places[] = {
	"dev", "etc", "etc/ssl", "proc", "tmp", "workspace", "var", "run", "root", "home",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int attributes_set(const char *path, uint64_t attributes, unsigned flags)
{
	struct mount_attr attr = { .attr_set = attributes };

	if (syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &attr, sizeof(attr)) < 0)
		return -errno;
	return 0;
}

static int directory_bind(const char *path)
{
	char source[128];

	snprintf(source, sizeof(source), "/%s", path);
	if (access(source, F_OK) < 0)
		return 0;
	if (mkdir(path, 0755) < 0 || mount(source, path, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	return attributes_set(
		path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, AT_RECURSIVE);
}

static int root_copy(const char *path)
{
	char source[16], target[256];
	ssize_t n;

	snprintf(source, sizeof(source), "/%s", path);
	n = readlink(source, target, sizeof(target) - 1);
	if (n < 0)
		return errno == EINVAL ? directory_bind(path) : errno == ENOENT ? 0 : -errno;
	target[n] = '\0';
	return symlink(target, path) < 0 ? -errno : 0;
}

static int text_write(const char *path, const void *bytes, size_t size)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0)
			return -errno;
		bytes = (const char *)bytes + n;
		size -= (size_t)n;
	}
	return 0;
}

static int file_copy(const char *path)
{
	static char bytes[VIEW_FILE_BYTES_MAX];
	char source[128];
	size_t used = 0;

	snprintf(source, sizeof(source), "/%s", path);
	AUTO_FD fd = open(source, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while (used < sizeof(bytes)) {
		ssize_t n = read(fd, bytes + used, sizeof(bytes) - used);

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return used == sizeof(bytes) ? 0 : text_write(path, bytes, used);
}

/* Every id that a cell may run as has the same name: programs ask who they are. */
static int accounts_write(uint32_t uid_first, uint32_t uid_count)
{
	AUTO_FD passwd = open("etc/passwd", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	AUTO_FD group = open("etc/group", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (passwd < 0 || group < 0)
		return -errno;
	dprintf(passwd, "root:x:0:0:root:/root:/usr/sbin/nologin\n");
	dprintf(group, "root:x:0:\n");
	for (uint32_t uid = uid_first; uid < uid_first + uid_count; uid++) {
		dprintf(passwd, "corral:x:%u:%u:corral:/workspace:/bin/bash\n", uid, uid);
		dprintf(group, "corral:x:%u:\n", uid);
	}
	return 0;
}

static int devices_make(void)
{
	if (mount("corral-dev", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC,
		    "size=64k,nr_inodes=32,mode=755") < 0)
		return -errno;
	for (size_t i = 0; i < COUNT(view_devices); i++)
		if (mknod(view_devices[i].path, S_IFCHR | 0666,
			    makedev(1, view_devices[i].device_minor)) < 0)
			return -errno;
	return mkdir("dev/shm", 01777) < 0 ? -errno : 0;
}

/* Each step leaves the path it works on in *ret_path. In the stage, as the current directory. */
static int tree_make(uint32_t uid_first, uint32_t uid_count, const char **ret_path)
{
	int result;

	for (size_t i = 0; i < COUNT(view_places); i++)
		if (mkdir(*ret_path = view_places[i], 0755) < 0)
			return -errno;
	for (size_t i = 0; i < COUNT(view_roots); i++)
		if ((result = root_copy(*ret_path = view_roots[i])) < 0)
			return result;
	for (size_t i = 0; i < COUNT(view_directories); i++)
		if ((result = directory_bind(*ret_path = view_directories[i])) < 0)
			return result;
	for (size_t i = 0; i < COUNT(view_files); i++)
		if ((result = file_copy(*ret_path = view_files[i])) < 0)
			return result;
	for (size_t i = 0; i < COUNT(view_texts); i++) {
		result = text_write(*ret_path = view_texts[i].path, view_texts[i].text,
			strlen(view_texts[i].text));
		if (result < 0)
			return result;
	}
	*ret_path = "etc/passwd";
	if ((result = accounts_write(uid_first, uid_count)) < 0)
		return result;
	*ret_path = "dev";
	if ((result = devices_make()) < 0)
		return result;
	for (size_t i = 0; i < COUNT(view_links); i++)
		if (symlink(view_links[i].target, *ret_path = view_links[i].path) < 0)
			return -errno;
	return 0;
}

static int root_enter(void)
{
	/* pivot_root(2): the old root is put below the new one, then detached. */
	if (mkdir(VIEW_OLD_ROOT, 0700) < 0 || syscall(SYS_pivot_root, ".", VIEW_OLD_ROOT) < 0 ||
		chdir("/") < 0 || umount2("/" VIEW_OLD_ROOT, MNT_DETACH) < 0 ||
		rmdir("/" VIEW_OLD_ROOT) < 0)
		return -errno;
	return 0;
}

int view_build(uint32_t uid_first, uint32_t uid_count, const char **ret_path)
{
	int result;

	umask(0);
	*ret_path = VIEW_STAGE;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("corral-root", VIEW_STAGE, "tmpfs", MS_NOSUID | MS_NODEV,
			"size=16m,mode=755") < 0 ||
		chdir(VIEW_STAGE) < 0)
		return -errno;
	if ((result = tree_make(uid_first, uid_count, ret_path)) < 0)
		return result;
	*ret_path = "/";
	if ((result = root_enter()) < 0)
		return result;
	if ((result = attributes_set("/dev", MOUNT_ATTR_RDONLY, 0)) < 0)
		return result;
	return attributes_set("/", MOUNT_ATTR_RDONLY, 0);
}

int view_mount_files(const struct cell_request *request)
{
	char options[128];

	snprintf(options, sizeof(options), "size=%llu,nr_inodes=%llu,mode=755",
		(unsigned long long)request->files_bytes,
		(unsigned long long)request->files_inodes);
	if (mount("corral-files", "/workspace", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOATIME,
		    options) < 0)
		return -errno;
	if (mkdir("/workspace/tmp", 01777) < 0 || mkdir("/workspace/shm", 01777) < 0 ||
	    mkdir("/workspace/workspace", 0755) < 0 ||
	    chown("/workspace/workspace", request->uid, request->gid) < 0)
		return -errno;
	if (mount("/workspace/tmp", "/tmp", NULL, MS_BIND, NULL) < 0 ||
	    mount("/workspace/shm", "/dev/shm", NULL, MS_BIND, NULL) < 0 ||
	    mount("/workspace/workspace", "/workspace", NULL, MS_BIND, NULL) < 0)
		return -errno;
	return 0;
}

int view_mount_proc(void)
{
	/*
	 * subset=pid (5.8): no kcore, kallsyms, sysrq-trigger; hidepid: PID 1 is not listed.
	 * Read-only: what can be written there changes a process without a call of its own, which
	 * no footprint tells. Without times of access a look at it leaves nothing, as in the cell's
	 * files.
	 */
	if (mount("proc", "/proc", "proc",
		    MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME,
		    "subset=pid,hidepid=invisible") < 0)
		return -errno;
	return 0;
}
