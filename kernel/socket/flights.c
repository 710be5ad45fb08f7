// SPDX-License-Identifier: MIT
/*
 * Files on their way from one socket to another. A socket may be on its way to
 * itself, or two to each other; when the programs then close them, only the
 * queues hold them, for ever. So sockets that are on their way are counted, and
 * when a descriptor is closed they are looked through:
 *
 *	A file with more references than flights is held by somebody. One that flies
 *	in a queue that is not itself among those that only fly is held, too. What a
 *	held one's queue carries is held. All others are garbage: their queues are
 *	emptied, which closes them.
 *
 * This is under socket_lock, which every begin and end of a flight takes; a
 * program that does something with a file has a reference of its own.
 */

#include "kernel/socket/socket.h"

#include "abi/errno.h"
#include "abi/resource.h"
#include "kernel/process/process.h"
#include "kernel/socket/closed.h"

#define FLYING_MAX 4096  /* sockets on their way, all together: bounds the search */
#define FILES_MAX  65536 /* files on their way, all together */
#define USERS      256

uint32_t socket_flying_count;

static struct list_node flying = LIST_INIT(flying); /* socket_lock: sockets, by in_flight */
static unsigned file_count;                         /* socket_lock */
static unsigned user_counts[USERS];                 /* socket_lock: by user, modulo */

int flights_begin_locked(struct rights *rights)
{
	const struct cred *cred = cred_current();
	unsigned *user_count = &user_counts[rights->uid % USERS];

	/* unix(7): RLIMIT_NOFILE is the limit of what a user has in flight, too. */
	if (*user_count > process_current()->limits[RLIMIT_NOFILE][0] &&
	    !cred_has(cred, CAP_SYS_RESOURCE) && !cred_has(cred, CAP_SYS_ADMIN))
		return -ETOOMANYREFS;
	if (file_count + rights->count > FILES_MAX || socket_flying_count >= FLYING_MAX)
		return -ETOOMANYREFS;
	for (unsigned i = 0; i < rights->count; i++) {
		struct socket *socket = socket_of(rights->files[i]);
		if (!socket || socket->flights++)
			continue;
		list_push_back(&flying, &socket->in_flight);
		socket_flying_count++;
	}
	file_count += rights->count;
	*user_count += rights->count;
	return 0;
}

void flights_end_locked(struct rights *rights)
{
	for (unsigned i = 0; i < rights->count; i++) {
		struct socket *socket = socket_of(rights->files[i]);
		if (!socket || --socket->flights)
			continue;
		list_remove(&socket->in_flight);
		socket_flying_count--;
	}
	file_count -= rights->count;
	user_counts[rights->uid % USERS] -= rights->count;
}

/* ---- the search ---- */

static bool only_flies(const struct socket *socket)
{
	return socket->flights &&
	       __atomic_load_n(&socket->file->references, __ATOMIC_ACQUIRE) == socket->flights;
}

/* Call visit for each socket that flies in this one's queue, or in one of its backlog's. */
static void visit_carried(struct socket *socket, void (*visit)(struct socket *carried))
{
	list_for_each (node, &socket->carriers) {
		struct packet *packet = container_of(node, struct packet, in_carriers);
		for (unsigned i = 0; i < packet->rights->count; i++) {
			struct socket *carried = socket_of(packet->rights->files[i]);
			if (carried)
				visit(carried);
		}
	}
	list_for_each (node, &socket->backlog)
		visit_carried(container_of(node, struct socket, in_backlog), visit);
}

static void count_seen(struct socket *socket)
{
	socket->seen++;
}

/* To the end of the list: the round that marks goes on to it. */
static void mark_reached(struct socket *socket)
{
	if (socket->reached)
		return;
	socket->reached = true;
	list_remove(&socket->in_flight);
	list_push_back(&flying, &socket->in_flight);
}

static void carriers_take(struct socket *socket, struct list_node *taken)
{
	list_for_each_safe (node, &socket->carriers) {
		struct packet *packet = container_of(node, struct packet, in_carriers);
		packet_unqueue_locked(socket, packet);
		list_push_back(taken, &packet->in_queue);
	}
	list_for_each (node, &socket->backlog)
		carriers_take(container_of(node, struct socket, in_backlog), taken);
}

/* Marks what is held. Socket lock. */
static void search_locked(void)
{
	struct list_node held = LIST_INIT(held);

	list_for_each (node, &flying) {
		struct socket *socket = container_of(node, struct socket, in_flight);
		socket->seen = 0;
		socket->reached = false;
	}
	list_for_each (node, &flying) {
		struct socket *socket = container_of(node, struct socket, in_flight);
		if (only_flies(socket))
			visit_carried(socket, count_seen);
	}
	list_for_each_safe (node, &flying) {
		struct socket *socket = container_of(node, struct socket, in_flight);
		if (only_flies(socket) && socket->seen == socket->flights)
			continue;
		socket->reached = true;
		list_remove(node);
		list_push_back(&held, node);
	}
	/* The held ones to the end of the list, then what they carry behind them, and so on. */
	struct list_node *first_held = held.next == &held ? &flying : held.next;
	for (struct list_node *node = list_pop_front(&held); node; node = list_pop_front(&held))
		list_push_back(&flying, node);
	for (struct list_node *node = first_held; node != &flying; node = node->next)
		visit_carried(container_of(node, struct socket, in_flight), mark_reached);
}

void flights_collect(void)
{
	struct list_node garbage = LIST_INIT(garbage), packets = LIST_INIT(packets);

	spin_lock(&socket_lock);
	search_locked();
	list_for_each_safe (node, &flying) {
		if (container_of(node, struct socket, in_flight)->reached)
			break; /* they are behind all others */
		list_remove(node);
		list_push_back(&garbage, node);
	}
	for (struct list_node *node = list_pop_front(&garbage); node;
	     node = list_pop_front(&garbage))
		carriers_take(container_of(node, struct socket, in_flight), &packets);
	spin_unlock(&socket_lock);
	packets_free(&packets);
}
