// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/admin.c: POST /v1/drain: what only the daemon's owner may ask of it.
 *
 * Who calls is the kernel's word (SO_PEERCRED, unix(7)): root, or the uid that the daemon runs as.
 * A token is no proof of either, so TCP is refused whatever it brings; and a program in a cell,
 * even one that got hold of the socket, has a uid of its own.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/quantity.h"
#include "pool/http/server_private.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRAIN_NSEC_MAX (3600 * NSEC_PER_SEC)

static bool is_owner(const struct connection *connection)
{
	struct ucred caller;
	socklen_t size = sizeof(caller);

	return !connection->is_tcp &&
	       getsockopt(connection->fd, SOL_SOCKET, SO_PEERCRED, &caller, &size) == 0 &&
	       size == sizeof(caller) && (caller.uid == 0 || caller.uid == geteuid());
}

static int timeout_read(const cJSON *item, uint64_t *ret_nsec, struct error *error)
{
	int result = -EINVAL;

	if (strcmp(item->string, "timeout") != 0)
		return error_set(error, -EINVAL, "there is no field '%.64s': give timeout",
			item->string);
	if (cJSON_IsNumber(item))
		result = quantity_from_seconds(item->valuedouble, ret_nsec);
	else if (cJSON_IsString(item))
		result = quantity_parse_duration(item->valuestring, ret_nsec);
	if (result < 0 || *ret_nsec > DRAIN_NSEC_MAX)
		return error_set(error, -EINVAL,
			"timeout must be seconds or a duration such as \"30s\", at most 1h");
	return 0;
}

/* No body, or {"timeout": …}; leaves *ret_nsec as it was where there is none. */
static int body_read(const struct http_request *request, uint64_t *ret_nsec, struct error *error)
{
	int result = 0;
	cJSON *document;

	if (!request->body_bytes)
		return 0;
	result = json_check(request->body, request->body_bytes, error);
	if (result < 0)
		return result;
	document = cJSON_ParseWithLength(request->body, request->body_bytes);
	if (!cJSON_IsObject(document))
		result = error_set(error, -EINVAL, "the request must be an object");
	for (const cJSON *item = result == 0 ? document->child : NULL; item && result == 0;
		item = item->next)
		result = timeout_read(item, ret_nsec, error);
	cJSON_Delete(document);
	return result;
}

/* What still keeps the daemon, and who it is: its pid means something in its namespace alone. */
static char *answer_text(struct server *server, uint64_t nsec)
{
	struct pool_status status;
	struct stat namespace = { .st_ino = 0 };
	cJSON *object = cJSON_CreateObject();
	char *text;

	pool_status(server->pool, &status);
	stat("/proc/self/ns/pid", &namespace);
	cJSON_AddStringToObject(object, "status", "draining");
	cJSON_AddNumberToObject(object, "timeout", (double)nsec / (double)NSEC_PER_SEC);
	cJSON_AddNumberToObject(object, "busy", status.busy);
	cJSON_AddNumberToObject(object, "queued", status.queued);
	cJSON_AddNumberToObject(object, "pid", getpid());
	cJSON_AddNumberToObject(object, "pid_namespace", (double)namespace.st_ino);
	text = cJSON_PrintUnformatted(object);
	cJSON_Delete(object);
	return text;
}

void api_drain(struct connection *connection, const struct http_request *request)
{
	struct server *server = connection->shard->server;
	uint64_t nsec = server_tuning(connection->shard)->drain_nsec_max;
	struct error error;
	char *text;

	if (!is_owner(connection)) {
		connection_refuse(connection, 403, "only root and the daemon's own user may ask"
			" for this, and only over the unix socket");
		return;
	}
	if (body_read(request, &nsec, &error) < 0) {
		connection_refuse(connection, 400, error.sentence);
		return;
	}
	text = answer_text(server, nsec);
	if (!text) {
		connection_refuse(connection, 503, "there is no memory for the answer");
		return;
	}
	connection->is_last = true;
	connection_answer(connection, 202, "application/json", text, strlen(text));
	if (!atomic_exchange(&server->drain_asked, true) && !atomic_load(&server->draining))
		server->config.drain_asked(server->config.owner, nsec);
}
