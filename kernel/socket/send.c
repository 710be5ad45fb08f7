// SPDX-License-Identifier: MIT
/* Sending: bytes are copied into packets, and packets put into the peer's queue. */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/signal.h"
#include "kernel/file/pipe.h"
#include "kernel/process/process.h"
#include "kernel/socket/socket.h"

/* A stream is cut into packets of this size at most: 16 KiB of memory each. */
#define STREAM_BYTES_MAX (16384 - sizeof(struct packet))

/* Bytes of the message as a packet with what it carries. Negative: nothing of it is left. */
static int packet_fill(struct socket *socket, struct message *message, size_t size_bytes,
		       struct packet **packet)
{
	int err = packet_create(socket, size_bytes, message->nonblocking, packet);

	if (err)
		return err;
	if (io_copy_from(&message->io, (*packet)->data, size_bytes) < size_bytes) {
		packet_free(*packet);
		return -EFAULT;
	}
	const struct cred *cred = cred_current();
	(*packet)->credentials =
		message->has_credentials
			? message->credentials
			: (struct abi_ucred){process_current()->pid, cred->uid, cred->gid};
	return 0;
}

/* The message's files go with the packet. On failure they stay the message's. */
static int deliver_locked(struct socket *to, struct packet *packet, struct message *message)
{
	if (message->rights) {
		int err = flights_begin_locked(message->rights);
		if (err)
			return err;
		packet->rights = message->rights;
		message->rights = NULL;
	}
	packet_queue_locked(to, packet);
	return 0;
}

/*
 * Did neither side ask for credentials when the message was sent, none are
 * told later: unix(7), observed.
 */
static void credentials_decide_locked(struct socket *socket, struct socket *to,
				      struct packet *packet, const struct message *message)
{
	if (!message->has_credentials && !socket->pass_credentials && !to->pass_credentials)
		packet->credentials = (struct abi_ucred){0, 65534, 65534};
}

/* ---- streams ---- */

static int stream_send_packet(struct socket *socket, struct message *message, size_t size_bytes)
{
	struct packet *packet;
	int err = packet_fill(socket, message, size_bytes, &packet);

	if (err)
		return err;
	spin_lock(&socket_lock);
	struct socket *peer = socket->peer;
	if ((socket->shut & SHUT_SEND) || !peer || peer->dead || (peer->shut & SHUT_RECEIVE)) {
		err = -EPIPE;
	} else {
		credentials_decide_locked(socket, peer, packet, message);
		err = deliver_locked(peer, packet, message);
	}
	spin_unlock(&socket_lock);
	if (err)
		packet_free(packet);
	return err;
}

static long stream_send(struct socket *socket, struct message *message)
{
	long done = 0;
	int err = 0;

	if (message->to)
		return socket->state == SOCKET_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	if (!socket->peer)
		return -ENOTCONN;
	if (socket->shut & SHUT_SEND)
		err = -EPIPE;
	while (!err && message->io.left_bytes) {
		size_t chunk = message->io.left_bytes;

		if (chunk > STREAM_BYTES_MAX)
			chunk = STREAM_BYTES_MAX;
		err = stream_send_packet(socket, message, chunk);
		if (!err)
			done += (long)chunk;
	}
	if (err == -EPIPE && !done && !(message->flags & MSG_NOSIGNAL))
		pipe_signal_broken();
	return done ? done : err;
}

/* ---- datagrams and packets with borders ---- */

/* Whom the message is for, with a reference. */
static int target_find(struct socket *socket, struct message *message, struct socket **target)
{
	if (message->to && socket->type == SOCK_DGRAM)
		return name_find(message->to, socket->type, target);
	spin_lock(&socket_lock);
	*target = socket->peer;
	if (*target)
		socket_get(*target);
	spin_unlock(&socket_lock);
	return *target ? 0 : -ENOTCONN;
}

/* 0: the target takes the packet now or later; *full: later. */
static int may_send_locked(struct socket *socket, struct socket *target, bool *full)
{
	if (target->peer && target->peer != socket)
		return -EPERM;
	if (target->dead)
		return socket->type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;
	if ((target->shut & SHUT_RECEIVE) || (socket->shut & SHUT_SEND))
		return -EPIPE;
	*full = target->peer != socket && target->packet_count > target->backlog_max;
	return 0;
}

static int datagram_deliver(struct socket *socket, struct socket *target, struct packet *packet,
			    struct message *message)
{
	uint64_t deadline_ns = socket_deadline(socket->send_timeout_ns);
	struct socket *gone = NULL;
	bool full = false;

	spin_lock(&socket_lock);
	int err = may_send_locked(socket, target, &full);
	while (!err && full) {
		err = socket_wait_locked(&target->writable, message->nonblocking, &deadline_ns);
		if (!err)
			err = may_send_locked(socket, target, &full);
	}
	if (!err) {
		credentials_decide_locked(socket, target, packet, message);
		err = deliver_locked(target, packet, message);
	}
	if (err == -ECONNREFUSED && socket->peer == target)
		gone = connect_part_locked(socket);
	spin_unlock(&socket_lock);
	socket_put(gone);
	return err;
}

static long datagram_send(struct socket *socket, struct message *message)
{
	size_t size_bytes = message->io.left_bytes;
	struct socket *target;
	struct packet *packet;

	if (socket->type == SOCK_SEQPACKET && socket->state != SOCKET_CONNECTED)
		return -ENOTCONN;
	int err = target_find(socket, message, &target);
	if (err)
		return err;
	if (size_bytes > socket->send_limit - 32)
		err = -EMSGSIZE;
	if (!err && socket->pass_credentials)
		err = name_autobind(socket);
	if (!err)
		err = packet_fill(socket, message, size_bytes, &packet);
	if (!err) {
		err = datagram_deliver(socket, target, packet, message);
		if (err)
			packet_free(packet);
	}
	socket_put(target);
	return err ? err : (long)size_bytes;
}

long socket_send(struct socket *socket, struct message *message)
{
	if (message->flags & MSG_OOB)
		return -EOPNOTSUPP;
	return socket->type == SOCK_STREAM ? stream_send(socket, message)
					   : datagram_send(socket, message);
}
