// SPDX-License-Identifier: Apache-2.0
/*
 * base/list.h: a doubly linked ring of nodes that live inside their owners.
 *
 * Nothing is allocated and nothing can fail. A node that is in no list points at itself, so
 * list_remove() is always safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *previous;
};

#define list_owner(node, type, member) \
	((type *)(void *)((char *)(node) - offsetof(type, member)))

static inline void list_init(struct list *list)
{
	list->next = list->previous = list;
}

static inline bool list_is_empty(const struct list *list)
{
	return list->next == list;
}

static inline void list_push(struct list *list, struct list *node)
{
	node->previous = list;
	node->next = list->next;
	list->next->previous = node;
	list->next = node;
}

static inline void list_append(struct list *list, struct list *node)
{
	list_push(list->previous, node);
}

static inline void list_remove(struct list *node)
{
	node->next->previous = node->previous;
	node->previous->next = node->next;
	list_init(node);
}

/* Removes and returns the first node, or NULL. */
static inline struct list *list_pop(struct list *list)
{
	struct list *node = list->next;

	if (node == list)
		return NULL;
	list_remove(node);
	return node;
}
