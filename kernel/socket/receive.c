// SPDX-License-Identifier: MIT
/*
 * Receiving. Who takes from a queue holds the socket's read_lock, so that the
 * first packet stays while its bytes are copied; who waits holds nothing.
 */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "kernel/lib/string.h"
#include "kernel/socket/socket.h"

/* Until there is a packet. 1; 0: none will come; negative: why not now. */
static int packet_wait(struct socket *socket, const struct message *message, uint64_t *deadline_ns)
{
	int result = 0;

	spin_lock(&socket_lock);
	for (;;) {
		if (!list_is_empty(&socket->packets)) {
			result = 1;
			break;
		}
		result = socket_take_error_locked(socket);
		if (result || (socket->shut & SHUT_RECEIVE))
			break;
		result = socket_wait_locked(&socket->readable, message->nonblocking, deadline_ns);
		if (result)
			break;
	}
	spin_unlock(&socket_lock);
	return result;
}

static struct packet *packet_after(struct socket *socket, struct packet *packet)
{
	spin_lock(&socket_lock);
	struct list_node *node = packet ? packet->in_queue.next : socket->packets.next;
	spin_unlock(&socket_lock);
	return node == &socket->packets ? NULL : container_of(node, struct packet, in_queue);
}

/* The packet's files become the message's: moved, or copied by MSG_PEEK. */
static int rights_take(struct packet *packet, struct message *message)
{
	if (!packet->rights)
		return 0;
	if (message->flags & MSG_PEEK) {
		message->got_rights = rights_copy(packet->rights);
		return message->got_rights ? 0 : -ENOMEM;
	}
	spin_lock(&socket_lock);
	flights_end_locked(packet->rights);
	list_remove(&packet->in_carriers);
	message->got_rights = packet->rights;
	packet->rights = NULL;
	spin_unlock(&socket_lock);
	return 0;
}

static void credentials_take(const struct packet *packet, struct message *message)
{
	message->credentials = packet->credentials;
	message->got_credentials = true;
}

static bool credentials_differ(const struct packet *packet, const struct message *message)
{
	return message->got_credentials && memcmp(&packet->credentials, &message->credentials,
						  sizeof(packet->credentials)) != 0;
}

/* ---- streams ---- */

/* Of one packet, what fits: bytes, or -EFAULT, -ENOMEM. The packet is freed when it is empty. */
static long stream_take_packet(struct socket *socket, struct packet *packet,
			       struct message *message)
{
	bool peek = message->flags & MSG_PEEK;
	int err = rights_take(packet, message);

	if (err)
		return err;
	long moved = (long)io_copy_to(&message->io, packet->data + packet->start,
				      packet->size_bytes - packet->start);
	credentials_take(packet, message);
	if (peek)
		return moved ? moved : -EFAULT;
	spin_lock(&socket_lock);
	packet->start += (size_t)moved;
	socket->queued_bytes -= (uint64_t)moved;
	bool empty = packet->start == packet->size_bytes;
	if (empty)
		packet_unqueue_locked(socket, packet);
	spin_unlock(&socket_lock);
	if (empty)
		packet_free(packet);
	return moved ? moved : -EFAULT;
}

/*
 * Of what is there, as much as goes into one message: bytes of one sender's,
 * and of nothing behind the first that carries files. *ended: such a border.
 */
static long stream_take(struct socket *socket, struct message *message, bool *ended)
{
	long done = 0, moved = 0;
	struct packet *packet = packet_after(socket, NULL);

	while (packet && message->io.left_bytes && !*ended) {
		*ended = socket->pass_credentials && credentials_differ(packet, message);
		if (*ended)
			break;
		struct packet *next = packet_after(socket, packet);
		moved = stream_take_packet(socket, packet, message);
		if (moved < 0)
			break;
		done += moved;
		*ended = message->got_rights;
		packet = next;
	}
	return done ? done : moved;
}

static long stream_receive(struct socket *socket, struct message *message)
{
	uint64_t deadline_ns = socket_deadline(socket->receive_timeout_ns);
	bool ended = false;
	long done = 0, result = 0;

	if (socket->state != SOCKET_CONNECTED)
		return -EINVAL;
	while (message->io.left_bytes && !ended) {
		result = packet_wait(socket, message, &deadline_ns);
		if (result <= 0)
			break;
		mutex_lock(&socket->read_lock);
		result = stream_take(socket, message, &ended);
		mutex_unlock(&socket->read_lock);
		if (result < 0)
			break;
		done += result; /* 0: another reader was faster */
		if (done && (!(message->flags & MSG_WAITALL) || (message->flags & MSG_PEEK)))
			break;
	}
	return done ? done : result;
}

/* ---- datagrams ---- */

/* The first packet's bytes: how many there are, or -EFAULT, -ENOMEM. *taken: to be freed. */
static long datagram_take(struct socket *socket, struct packet *packet, struct message *message,
			  struct packet **taken)
{
	size_t size_bytes = packet->size_bytes;
	size_t wanted = size_bytes < message->io.left_bytes ? size_bytes : message->io.left_bytes;
	long result = (long)wanted;

	if (io_copy_to(&message->io, packet->data, wanted) < wanted)
		result = -EFAULT;
	if (result >= 0 && rights_take(packet, message))
		result = -ENOMEM;
	credentials_take(packet, message);
	message->from = packet->sender->name;
	if (size_bytes > wanted) {
		message->got_flags |= MSG_TRUNC;
		if (result >= 0 && (message->flags & MSG_TRUNC))
			result = (long)size_bytes;
	}
	if (!(message->flags & MSG_PEEK)) {
		spin_lock(&socket_lock);
		packet_unqueue_locked(socket, packet);
		spin_unlock(&socket_lock);
		*taken = packet;
	}
	return result;
}

static long datagram_receive(struct socket *socket, struct message *message)
{
	uint64_t deadline_ns = socket_deadline(socket->receive_timeout_ns);

	if (socket->type == SOCK_SEQPACKET && socket->state != SOCKET_CONNECTED)
		return -ENOTCONN;
	for (;;) {
		struct packet *taken = NULL;
		long result = packet_wait(socket, message, &deadline_ns);
		if (result <= 0)
			return result;
		mutex_lock(&socket->read_lock);
		struct packet *packet = packet_after(socket, NULL);
		if (packet)
			result = datagram_take(socket, packet, message, &taken);
		mutex_unlock(&socket->read_lock);
		if (taken)
			packet_free(taken);
		if (packet) /* else another reader was faster */
			return result;
	}
}

long socket_receive(struct socket *socket, struct message *message)
{
	if (message->flags & MSG_OOB)
		return socket->type == SOCK_STREAM ? -EINVAL : -EOPNOTSUPP;
	return socket->type == SOCK_STREAM ? stream_receive(socket, message)
					   : datagram_receive(socket, message);
}
