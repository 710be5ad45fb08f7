/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_LIB_LIST_H
#define KERNEL_LIB_LIST_H

/* Circular doubly linked lists, intrusive: the head is a node too. */

#include <stdbool.h>
#include <stddef.h>

struct list_node {
	struct list_node *next, *previous;
};

#define LIST_INIT(head) {&(head), &(head)}

#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))

static inline void list_init(struct list_node *head)
{
	head->next = head->previous = head;
}
static inline bool list_is_empty(const struct list_node *head)
{
	return head->next == head;
}
static inline void list_insert_before(struct list_node *position, struct list_node *node)
{
	node->next = position;
	node->previous = position->previous;
	position->previous->next = node;
	position->previous = node;
}
static inline void list_push_back(struct list_node *head, struct list_node *node)
{
	list_insert_before(head, node);
}
static inline void list_push_front(struct list_node *head, struct list_node *node)
{
	list_insert_before(head->next, node);
}
/* Take a node out; it is then a list of itself, so that taking it out again is harmless. */
static inline void list_remove(struct list_node *node)
{
	node->previous->next = node->next;
	node->next->previous = node->previous;
	list_init(node);
}
/* The first node taken out, or NULL. */
static inline struct list_node *list_pop_front(struct list_node *head)
{
	struct list_node *node = head->next;

	if (node == head)
		return NULL;
	list_remove(node);
	return node;
}

#define list_for_each(node, head)                                                                  \
	for (struct list_node *node = (head)->next; node != (head); node = node->next)
/* The body may remove the node. */
#define list_for_each_safe(node, head)                                                             \
	for (struct list_node *node = (head)->next, *next_##node = node->next; node != (head);     \
	     node = next_##node, next_##node = node->next)

#endif
