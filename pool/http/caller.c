// SPDX-License-Identifier: Apache-2.0
/*
 * pool/http/caller.c: which tenant a connection's requests are.
 *
 * On a unix socket the kernel says whose process connected (SO_PEERCRED, unix(7)): a tenant a uid.
 * Over TCP the token does, with each request. The pool knows tenants by number: a uid as it is, a
 * name by a hash of it, with a bit that tells the two apart and from the standard tenant.
 */
#include "pool/http/server_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* FNV-1a: the names are the operator's own, and two that meet would share turns, no more. */
static uint64_t name_hash(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return hash;
}

bool connection_is_users(struct connection *connection)
{
	struct ucred user;
	socklen_t size = sizeof(user);

	if (getsockopt(connection->fd, SOL_SOCKET, SO_PEERCRED, &user, &size) < 0)
		return false;
	connection->tenant = TENANT_UID(user.uid);
	snprintf(connection->tenant_name, sizeof(connection->tenant_name), "uid %u",
		(unsigned)user.uid);
	return true;
}

void connection_is_holders(struct connection *connection, const struct token *token)
{
	connection->tenant = TENANT_IS_NAME | name_hash(token->tenant);
	snprintf(connection->tenant_name, sizeof(connection->tenant_name), "%s", token->tenant);
}
