// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/pool_http_memory.c: a daemon that is warm calls the heap no more, whatever is asked of
 * it; and when its region is full the request that found it so is refused, and no other is hurt.
 *
 * The daemon is real, in this process: pool, listener, a unix socket. Every call of malloc(),
 * calloc() and realloc() on a thread that is not the client's is counted, whoever makes it.
 */
#include "base/memory.h"
#include "base/own.h"
#include "pool/http/server.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

TestSuite(http_memory, .timeout = 300);

#ifdef __SANITIZE_ADDRESS__
/* sanitizer/allocator_interface.h, which Debian's GCC leaves out. */
int __sanitizer_install_malloc_and_free_hooks(
	void (*allocated)(const volatile void *, size_t), void (*freed)(const volatile void *));
#define TURNS 100 /* each execution costs ten times as much */
#else
#define TURNS 1000
#endif
#define WARM_TURNS 40

/* --- Counting --------------------------------------------------------------------------------- */

static _Thread_local bool is_client;
static atomic_bool counting;
static atomic_uint calls;
static void *first_caller;

static void count(void *caller)
{
	if (is_client || !atomic_load(&counting))
		return;
	if (atomic_fetch_add(&calls, 1) == 0)
		first_caller = caller;
}

#ifdef __SANITIZE_ADDRESS__

static void allocated(const volatile void *block, size_t size)
{
	count(NULL);
}

static void freed(const volatile void *block)
{
}

static void counting_begin(void)
{
	__sanitizer_install_malloc_and_free_hooks(allocated, freed);
}

#else

/* glibc's own, and ours in their place for every library of this process. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

void *malloc(size_t size)
{
	count(__builtin_return_address(0));
	return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
	count(__builtin_return_address(0));
	return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size)
{
	count(__builtin_return_address(0));
	return __libc_realloc(block, size);
}

static void counting_begin(void)
{
}

#endif

static const char *caller_name(void)
{
	Dl_info info = { .dli_sname = NULL };

	if (!first_caller || !dladdr(first_caller, &info) || !info.dli_fname)
		return "?";
	fprintf(stderr, "%s+%#zx\n", info.dli_fname,
		(size_t)((char *)first_caller - (char *)info.dli_fbase));
	return info.dli_sname ? info.dli_sname : info.dli_fname;
}

/* --- The daemon ------------------------------------------------------------------------------- */

static struct server *server;
static struct pool *pool;
static char path[64];

static void daemon_start(uint64_t memory_bytes)
{
	struct error error = { .sentence = "" };
	struct pool_config config;
	struct server_config listener = {
		.socket_path = path,
		.connections_max = 64,
		.executions_kept = 64, /* so that they are forgotten, too */
		.executions_kept_bytes = 2 << 20,
		.keys_kept = 64,
		.keys_kept_bytes = 1 << 20,
		.key_nsec_max = 60000000000,
		.tuning = { .body_bytes_max = 4 << 20, .head_nsec_max = 60000000000,
			.body_nsec_max = 60000000000, .idle_nsec_max = 60000000000,
			.answer_nsec_max = 60000000000 },
	};

	is_client = true;
	snprintf(path, sizeof(path), "/tmp/corral-memory-%d.sock", (int)getpid());
	limits_init(&listener.tuning.limits);
	cr_assert_eq(memory_open(memory_bytes), 0);
	cr_assert_eq(server_open(&server, &listener, &error), 0, "%s", error.sentence);
	pool_config_init(&config);
	config.workers = 4;
	config.service = server_service(server);
	cr_assert_eq(pool_start(&pool, &config, &error), 0, "%s", error.sentence);
	cr_assert_eq(server_start(server, pool, &error), 0, "%s", error.sentence);
}

static void daemon_end(void)
{
	struct memory_status status;

	cr_expect(server_drain(server, 30000000000));
	pool_stop(pool);
	server_close(server);
	memory_status(&status);
	cr_expect_eq(status.used, 0, "%lu bytes are left in the region", status.used);
	memory_close();
}

static int client_open(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, sizeof(path));
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool is_whole(const char *answer, size_t size)
{
	const char *body = memmem(answer, size, "\r\n\r\n", 4);
	const char *length = strstr(answer, "Content-Length: ");

	if (!body)
		return false;
	if (!length || length > body)
		return memcmp(answer + size - 5, "0\r\n\r\n", 5) == 0;
	return (size_t)(answer + size - body - 4) >= strtoul(length + 16, NULL, 10);
}

static char answer[1 << 20];
static size_t answer_bytes;

/* The status; the whole answer is in `answer`. `headers` end with a line's end; no body: GET. */
static unsigned ask_for(int fd, const char *path_asked, const char *headers, const char *body)
{
	static char request[4 << 20];
	static unsigned asked;
	size_t size = (size_t)snprintf(request, sizeof(request),
		"%s %s HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n",
		body ? "POST" : "GET", path_asked, body ? strlen(body) : 0);
	size_t sent = 0, used = 0;

	/* A header may have a number that no other request has. */
	size += (size_t)snprintf(request + size, sizeof(request) - size, headers, ++asked);
	size += (size_t)snprintf(
		request + size, sizeof(request) - size, "\r\n%s", body ? body : "");

	while (sent < size) {
		ssize_t n = send(fd, request + sent, size - sent, MSG_NOSIGNAL);

		if (n <= 0) /* refused before it was all there: the answer says why */
			break;
		sent += (size_t)n;
	}
	do {
		ssize_t n = recv(fd, answer + used, sizeof(answer) - 1 - used, 0);

		cr_assert_gt(n, 0, "the connection ended within the answer: %s", answer);
		used += (size_t)n;
		answer[used] = '\0';
	} while (!is_whole(answer, used));
	answer_bytes = used;
	return (unsigned)strtoul(answer + strlen("HTTP/1.1 "), NULL, 10);
}

static unsigned ask(int fd, const char *body)
{
	return ask_for(fd, "/v1/execute", "", body);
}

/* --- Nothing is allocated --------------------------------------------------------------------- */

static const struct kind {
	const char *name, *body;
	unsigned status;
	const char *part; /* of the answer */
	const char *headers, *path;
} kinds[] = {
	{ "whole", "{\"code\": \"print(1+1)\\n[1, {'a': 2}]\", \"env\": {\"A\": \"b\"}, "
		   "\"args\": [\"c\"], \"stdin\": \"d\", \"limits\": {\"timeout\": \"20s\"}}",
		200, "\"json\":[1,{\"a\":2}]", NULL, NULL },
	{ "stream", "{\"code\": \"print('a', flush=True)\\nprint('b')\", \"stream\": true}", 200,
		"\"verdict\":\"ok\"", NULL, NULL },
	{ "files", "{\"code\": \"print(open('a').read())\", \"files\": {\"a\": \"Y29udGVudA==\", "
		   "\"\\u0062\": \"\"}}",
		200, "content", NULL, NULL },
	{ "wrong JSON", "{\"code\": ", 400, "the JSON is wrong at byte", NULL, NULL },
	{ "a wrong field", "{\"code\": \"\", \"limits\": {\"memory\": \"x\"}}", 400,
		"limits.memory", NULL, NULL },
	{ "an exception", "{\"code\": \"1/0\"}", 200, "ZeroDivisionError", NULL, NULL },
	{ "100 KB", "{\"code\": \"print('x' * 100000)\"}", 200, "xxxx", NULL, NULL },
	{ "100 KB of no text", "{\"code\": \"import os\\nos.write(1, b'\\\\xff' * 50000)\"}", 200,
		"stdout_base64", NULL, NULL },
	{ "raw stream", "{\"code\": \"print('x' * 100000)\"}", 200, "\"verdict\":\"ok\"",
		"Accept: application/octet-stream\r\n", NULL },
	{ "a key", "{\"code\": \"print(2)\"}", 200, "\"verdict\":\"ok\"",
		"Idempotency-Key: key-%u\r\n", NULL },
	{ "a key that is known", "{\"code\": \"print(3)\"}", 200, "\"verdict\":\"ok\"",
		"Idempotency-Key: always\r\n", NULL },
	{ "the pool", NULL, 200, "\"idle\":", "", "/v1/pool" },
	{ "the executions", NULL, 200, "executions", "", "/v1/executions" },
	{ "no such execution", NULL, 404, "error", "", "/v1/executions/00" },
	{ "health", NULL, 200, "ok", "", "/v1/health" },
	{ "metrics", NULL, 200, "corral_workers", "", "/metrics" },
};

static void kind_ask(const struct kind *kind, unsigned turns, bool keeps)
{
	AUTO_FD fd = client_open();

	for (unsigned i = 0; i < turns; i++) {
		if (!keeps) {
			fd_close(&fd);
			fd = client_open();
		}
		cr_assert_eq(ask_for(fd, kind->path ? kind->path : "/v1/execute",
				     kind->headers ? kind->headers : "", kind->body),
			kind->status, "%s: %s", kind->name, answer);
		cr_assert(memmem(answer, answer_bytes, kind->part, strlen(kind->part)),
			"%s: %s", kind->name, answer);
	}
}

Test(http_memory, is_static_once_the_daemon_is_warm)
{
	daemon_start(64 << 20);
	counting_begin();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		kind_ask(&kinds[i], WARM_TURNS, false);
	atomic_store(&counting, true);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (int keeps = 0; keeps <= 1; keeps++) {
			kind_ask(&kinds[i], TURNS / 2, keeps);
			cr_expect_eq(atomic_exchange(&calls, 0), 0,
				"%s, %s: the heap was called from %s", kinds[i].name,
				keeps ? "one connection" : "new connections", caller_name());
		}
	}
	atomic_store(&counting, false);
	daemon_end();
}

Test(http_memory, is_counted_where_it_is_taken_from_the_heap)
{
	AUTO_FREE void *block = NULL;

	counting_begin();
	atomic_store(&counting, true);
	block = malloc(atomic_load(&counting));
	atomic_store(&counting, false);
	cr_expect(block && atomic_load(&calls) > 0, "the counter cannot count");
}

/* --- The region is full ----------------------------------------------------------------------- */

Test(http_memory, that_is_full_refuses_a_request_and_hurts_no_other)
{
	static char body[(3 << 20) + 64];
	static const char begin[] = "{\"code\": \"1\", \"stdin\": \"";
	struct memory_status status;
	void *blocks[64];
	unsigned count = 0;

	daemon_start(MEMORY_BYTES_MIN);
	memset(body, 'x', 3 << 20);
	memcpy(body, begin, strlen(begin));
	memcpy(body + (3 << 20), "\"}", 2);

	AUTO_FD kept = client_open();

	cr_expect_eq(ask(kept, kinds[0].body), 200);
	cr_expect_eq(ask(kept, body), 200, "%s", answer);
	/* Behind the next answer nothing is held for the one before it. */
	cr_expect_eq(ask(kept, kinds[0].body), 200);
	while (count < 64 && (blocks[count] = memory_alloc(1 << 20)))
		count++;
	cr_assert_gt(count, 8);
	memory_free(blocks[--count]); /* one is left for the others */
	cr_expect_eq(ask(kept, kinds[0].body), 200, "%s", answer);

	AUTO_FD large = client_open();

	cr_expect_eq(ask(large, body), 503, "%s", answer);
	cr_expect(strstr(answer, "Retry-After: 1\r\n") && strstr(answer, "memory"), "%s", answer);
	cr_expect_eq(ask(kept, kinds[0].body), 200, "%s", answer);
	while (count)
		memory_free(blocks[--count]);
	fd_close(&large);
	large = client_open();
	cr_expect_eq(ask(large, body), 200, "%s", answer);
	memory_status(&status);
	cr_expect_geq(status.refused, 2);
	daemon_end();
}
