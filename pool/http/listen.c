// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/listen.c: what stands at the socket's path decides whether it may be removed.
 *
 * Only a socket behind which nobody listens is: a file that an operator named by mistake stays, and
 * so does the socket of a daemon that lives.
 */
#include "pool/http/listen.h"

#include "base/fault.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 1024

/* What stands at a path. */
enum standing { STANDING_NOTHING, STANDING_DEAD, STANDING_SERVED, STANDING_OTHER };

/*
 * For a moment after its death a killed daemon seems to listen: its io_uring, which holds the
 * socket, is taken down by the kernel's workers (Linux io_uring/io_uring.c, io_ring_exit_work). So
 * the process that listened is asked for (SO_PEERCRED, unix(7)).
 */
static enum standing path_ask(const struct sockaddr_un *address)
{
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred owner = { .pid = 0 };
	socklen_t size = sizeof(owner);
	struct stat status;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? STANDING_NOTHING : STANDING_OTHER;
	if (!S_ISSOCK(status.st_mode))
		return STANDING_OTHER;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return errno == ECONNREFUSED ? STANDING_DEAD : STANDING_SERVED;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &owner, &size) < 0 || owner.pid <= 0 ||
	    kill(owner.pid, 0) == 0 || errno != ESRCH)
		return STANDING_SERVED;
	return STANDING_DEAD;
}

static int address_of(const char *path, struct sockaddr_un *ret_address, struct error *error)
{
	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret_address->sun_path))
		return error_set(error, -ENAMETOOLONG, "the socket's path %s is longer than %zu"
			" bytes; give a shorter one", path, sizeof(ret_address->sun_path) - 1);
	memcpy(ret_address->sun_path, path, strlen(path) + 1);
	return 0;
}

static int path_is_taken(const char *path, struct error *error)
{
	return error_set(error, -EEXIST, "cannot listen on %s: something that is no socket stands"
		" there; remove it, or give another path", path);
}

static int unix_bind(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(0117);
	int result = fault("listen.bind") ? -EADDRINUSE
		: bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	umask(mask);
	if (result < 0)
		return result;
	if (fault("listen.listen") ? (errno = ENOBUFS, true) : listen(fd, BACKLOG) < 0) {
		result = -errno;
		unlink(address->sun_path);
	}
	return result;
}

int listen_unix(const char *path, int *ret_fd, struct error *error)
{
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int result = address_of(path, &address, error);

	if (result < 0)
		return result;
	if (fd < 0)
		return error_set(error, -errno, "cannot make a socket: %s", error_text(errno));
	switch (path_ask(&address)) {
	case STANDING_SERVED:
		return error_set(error, -EADDRINUSE, "another daemon listens on %s", path);
	case STANDING_OTHER:
		return path_is_taken(path, error);
	case STANDING_DEAD:
		unlink(path);
		break;
	case STANDING_NOTHING:
		break;
	}
	result = unix_bind(fd, &address);
	if (result < 0)
		return error_set(error, result, "cannot listen on %s: %s", path,
			error_text(result));
	*ret_fd = fd_take(&fd);
	return 0;
}

int listen_unix_check(const char *path, struct error *error)
{
	struct sockaddr_un address;
	char folder[sizeof(address.sun_path)];
	int result = address_of(path, &address, error);

	if (result < 0)
		return result;
	if (path_ask(&address) == STANDING_OTHER && access(path, F_OK) == 0)
		return path_is_taken(path, error);
	memcpy(folder, path, strlen(path) + 1);
	*(strrchr(folder, '/') == folder ? folder + 1 : strrchr(folder, '/')) = '\0';
	if (access(folder, W_OK | X_OK) < 0)
		return error_set(error, -errno, "cannot make the socket %s: the folder %s: %s",
			path, folder, error_text(errno));
	return 0;
}

static int port_of(int fd, unsigned *ret_port)
{
	struct sockaddr_storage bound;
	socklen_t size = sizeof(bound);

	if (getsockname(fd, (struct sockaddr *)&bound, &size) < 0)
		return -errno;
	/* At the same place in a sockaddr_in6. */
	*ret_port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
	return 0;
}

static int tcp_bind(const struct sockaddr *address, socklen_t address_bytes, int *ret_fd)
{
	int one = 1;

	AUTO_FD fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fault("listen.tcp"))
		return -EMFILE;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, address, address_bytes) < 0)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

int listen_tcp(const struct sockaddr *address, socklen_t address_bytes, const char *text,
	int *ret_fd, unsigned *ret_port, struct error *error)
{
	AUTO_FD fd = -1;
	int result = tcp_bind(address, address_bytes, &fd);

	if (result == 0 && listen(fd, BACKLOG) < 0)
		result = -errno;
	if (result == 0)
		result = port_of(fd, ret_port);
	if (result < 0)
		return error_set(error, result, "cannot listen on %s: %s", text,
			error_text(result));
	*ret_fd = fd_take(&fd);
	return 0;
}

int listen_tcp_check(const struct sockaddr *address, socklen_t address_bytes, const char *text,
	struct error *error)
{
	AUTO_FD fd = -1;
	int result = tcp_bind(address, address_bytes, &fd);

	if (result == 0 || result == -EADDRINUSE)
		return 0;
	return error_set(error, result, "cannot listen on %s: %s", text, error_text(result));
}

static int given_refuse(const struct server_given *given, int result, const char *what,
	struct error *error)
{
	return error_set(error, result, "descriptor %d (%s), which was given to listen on, is %s;"
		" give a listening stream socket, unix or TCP (ListenStream=, Accept=no)",
		given->fd, given->name, what);
}

int listen_given(
	const struct server_given *given, bool *ret_is_tcp, unsigned *ret_port, struct error *error)
{
	int type = 0, listens = 0, family = 0;
	socklen_t size = sizeof(type);
	struct stat status;

	if (fstat(given->fd, &status) < 0)
		return given_refuse(given, -EBADF, "not open", error);
	if (!S_ISSOCK(status.st_mode))
		return given_refuse(given, -EINVAL, "no socket", error);
	if (getsockopt(given->fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0 ||
	    (family != AF_UNIX && family != AF_INET && family != AF_INET6))
		return given_refuse(given, -EINVAL, "neither a unix nor a TCP socket", error);
	if (getsockopt(given->fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM)
		return given_refuse(given, -EINVAL, "no stream socket", error);
	if (getsockopt(given->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || !listens)
		return given_refuse(given, -EINVAL, "a socket that does not listen", error);
	*ret_is_tcp = family != AF_UNIX;
	*ret_port = 0;
	return *ret_is_tcp ? port_of(given->fd, ret_port) : 0;
}
