// SPDX-License-Identifier: MIT
/*
 * Shows: a linked list that passes between processes, two ways.
 *
 *	offsets  the list lies in the segment itself. Its links are distances from
 *	         the segment's start instead of pointers, so that a process which
 *	         attached it at another address walks the same list
 *	message  the list is an ordinary one with pointers, in private memory. It
 *	         is written into the segment as a message (serialised), from which
 *	         the other process rebuilds a list of its own
 *
 *	list
 *
 * Exit status 0; 1 when a list does not arrive as it was sent.
 */

#include <stdint.h>

#include "demo.h"

#define SEGMENT_BYTES 65536

static const char *const words[] = {"one", "mechanism", "for", "all", "shared", "memory"};
#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

/* ---- by offsets ---- */

/* A node in the segment; 0 is no offset of a node, since the arena's header lies there. */
struct shared_node {
	uint32_t next; /* from the segment's start; 0: the last */
	char text[];
};

struct arena {
	uint32_t first; /* offset of the first node */
	uint32_t used;  /* bytes of the segment in use */
};

static struct shared_node *node_at(struct arena *arena, uint32_t offset)
{
	return offset ? (struct shared_node *)((char *)arena + offset) : NULL;
}

/* The offset of a new node. */
static uint32_t node_add(struct arena *arena, const char *text)
{
	uint32_t offset = arena->used;
	size_t size_bytes = sizeof(struct shared_node) + strlen(text) + 1;

	if (offset + size_bytes > SEGMENT_BYTES) {
		fprintf(stderr, "list: the segment is full\n");
		exit(1);
	}
	strcpy(node_at(arena, offset)->text, text);
	arena->used += (uint32_t)(size_bytes + 3) & ~3u;
	return offset;
}

static void build_shared(struct arena *arena)
{
	uint32_t *link = &arena->first;

	arena->used = sizeof(*arena);
	for (size_t i = 0; i < WORD_COUNT; i++) {
		*link = node_add(arena, words[i]);
		link = &node_at(arena, *link)->next;
	}
}

/* 0 if the list holds the words. */
static int check_shared(struct arena *arena)
{
	struct shared_node *node = node_at(arena, arena->first);
	size_t i = 0;

	for (; node; node = node_at(arena, node->next), i++) {
		printf(" %s", node->text);
		if (i >= WORD_COUNT || strcmp(node->text, words[i]))
			return 1;
	}
	printf("\n");
	return i != WORD_COUNT;
}

static void read_shared_elsewhere(int shmid, struct arena *inherited)
{
	/* Attached a second time, it cannot lie where it lies already. */
	struct arena *arena = attach(shmid);

	if (shmdt(inherited))
		die("shmdt");
	printf("list, by offsets: written at %p, read at %p:", (void *)inherited, (void *)arena);
	exit(arena == inherited || check_shared(arena));
}

static int pass_by_offsets(void)
{
	int shmid = shmget(IPC_PRIVATE, SEGMENT_BYTES, 0600);

	if (shmid < 0)
		die("shmget");
	struct arena *arena = attach(shmid);
	build_shared(arena);
	if (start_child() == 0)
		read_shared_elsewhere(shmid, arena);
	int bad = wait_children();
	if (shmdt(arena) || shmctl(shmid, IPC_RMID, NULL))
		die("list");
	return bad;
}

/* ---- as a message ---- */

struct node {
	struct node *next;
	char *text;
};

/* The message: how many texts, then each with its length before it. */
struct message {
	uint32_t size_bytes; /* of the body */
	uint32_t count;
	unsigned char body[];
};

static struct node *node_new(const char *text, size_t length, struct node *next)
{
	struct node *node = malloc(sizeof(*node));

	if (!node || !(node->text = strndup(text, length)))
		die("list");
	node->next = next;
	return node;
}

static void serialise(const struct node *node, struct message *message)
{
	unsigned char *at = message->body;

	message->count = 0;
	for (; node; node = node->next) {
		uint32_t length = (uint32_t)strlen(node->text);
		memcpy(at, &length, sizeof(length));
		memcpy(at + sizeof(length), node->text, length);
		at += sizeof(length) + length;
		message->count++;
	}
	message->size_bytes = (uint32_t)(at - message->body);
}

static struct node *rebuild(const struct message *message)
{
	const unsigned char *at = message->body, *end = at + message->size_bytes;
	struct node *first = NULL, **link = &first;

	for (uint32_t i = 0; i < message->count; i++) {
		uint32_t length;
		if ((size_t)(end - at) < sizeof(length))
			return NULL; /* cut off: do not trust what others wrote */
		memcpy(&length, at, sizeof(length));
		at += sizeof(length);
		if ((size_t)(end - at) < length)
			return NULL;
		*link = node_new((const char *)at, length, NULL);
		link = &(*link)->next;
		at += length;
	}
	return first;
}

static void read_message(const struct message *message)
{
	const struct node *node = rebuild(message);
	size_t i = 0;

	printf("list, as a message of %u bytes, rebuilt:", message->size_bytes);
	for (; node; node = node->next, i++) {
		printf(" %s", node->text);
		if (i >= WORD_COUNT || strcmp(node->text, words[i]))
			exit(1);
	}
	printf("\n");
	exit(i != WORD_COUNT);
}

static int pass_as_message(void)
{
	struct message *message = attach_private(SEGMENT_BYTES);
	struct node *list = NULL;

	if (start_child() == 0) {
		/* The writer: its list is its own, only the message is shared. */
		for (size_t i = WORD_COUNT; i > 0; i--)
			list = node_new(words[i - 1], strlen(words[i - 1]), list);
		serialise(list, message);
		exit(0);
	}
	int bad = wait_children();
	if (start_child() == 0)
		read_message(message);
	bad += wait_children();
	if (shmdt(message))
		die("shmdt");
	return bad;
}

int main(void)
{
	int bad = pass_by_offsets();

	bad += pass_as_message();
	return bad ? 1 : 0;
}
