// SPDX-License-Identifier: MIT
/*
 * Packets: bytes on their way, with what they carry. Each is counted against its
 * sender until somebody took it, and all together against a quarter of memory,
 * so that sockets cannot fill the kernel.
 */

#include "kernel/socket/socket.h"

#include "abi/errno.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"

/* What else a packet costs, generously. */
#define OVERHEAD_BYTES 512

static uint64_t all_bytes; /* socket_lock */

static uint64_t charge_of(size_t size_bytes)
{
	return size_bytes + OVERHEAD_BYTES;
}

static int room_take(struct socket *sender, uint64_t charge, bool nonblocking)
{
	uint64_t deadline_ns = socket_deadline(sender->send_timeout_ns);
	int err = 0;

	spin_lock(&socket_lock);
	while (!err) {
		err = socket_take_error_locked(sender);
		if (!err && (sender->shut & SHUT_SEND))
			err = -EPIPE;
		if (err || sender->sent_bytes < sender->send_limit)
			break;
		err = socket_wait_locked(&sender->writable, nonblocking, &deadline_ns);
	}
	if (!err && all_bytes + charge > frame_total_count() * (PAGE_BYTES / 4))
		err = -ENOBUFS;
	if (!err) {
		sender->sent_bytes += charge;
		all_bytes += charge;
	}
	spin_unlock(&socket_lock);
	return err;
}

static void room_give(struct socket *sender, uint64_t charge)
{
	spin_lock(&socket_lock);
	sender->sent_bytes -= charge;
	all_bytes -= charge;
	wait_wake_all(&sender->writable);
	spin_unlock(&socket_lock);
}

int packet_create(struct socket *sender, size_t size_bytes, bool nonblocking,
		  struct packet **packet)
{
	int err = room_take(sender, charge_of(size_bytes), nonblocking);

	if (err)
		return err;
	*packet = kmem_alloc(sizeof(**packet) + size_bytes);
	if (!*packet) {
		room_give(sender, charge_of(size_bytes));
		return -ENOBUFS;
	}
	**packet = (struct packet){.sender = sender, .size_bytes = size_bytes};
	list_init(&(*packet)->in_queue);
	list_init(&(*packet)->in_carriers);
	socket_get(sender);
	return 0;
}

void packet_free(struct packet *packet)
{
	room_give(packet->sender, charge_of(packet->size_bytes));
	socket_put(packet->sender);
	rights_free(packet->rights);
	kmem_free(packet, sizeof(*packet) + packet->size_bytes);
}

void packet_queue_locked(struct socket *to, struct packet *packet)
{
	list_push_back(&to->packets, &packet->in_queue);
	if (packet->rights)
		list_push_back(&to->carriers, &packet->in_carriers);
	to->packet_count++;
	to->queued_bytes += packet->size_bytes;
	wait_wake_all(&to->readable);
}

void packet_unqueue_locked(struct socket *from, struct packet *packet)
{
	list_remove(&packet->in_queue);
	list_remove(&packet->in_carriers);
	if (packet->rights)
		flights_end_locked(packet->rights);
	from->queued_bytes -= packet->size_bytes - packet->start;
	/* Only now can somebody be waiting for room in the queue. */
	if (from->packet_count-- > from->backlog_max) {
		wait_wake_all(&from->writable);
		list_for_each (node, &from->clients)
			wait_wake_all(&container_of(node, struct socket, in_clients)->writable);
	}
}

void packets_take_locked(struct socket *from, struct list_node *taken)
{
	while (!list_is_empty(&from->packets)) {
		struct packet *packet = container_of(from->packets.next, struct packet, in_queue);
		packet_unqueue_locked(from, packet);
		list_push_back(taken, &packet->in_queue);
	}
}

void packets_free(struct list_node *taken)
{
	for (struct list_node *node = list_pop_front(taken); node; node = list_pop_front(taken))
		packet_free(container_of(node, struct packet, in_queue));
}
