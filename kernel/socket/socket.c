// SPDX-License-Identifier: MIT
/*
 * Sockets: life, and the operations of their open files. A socket lives as long
 * as its file, its peer or a packet that it sent; with the file it dies: nothing
 * reaches it any more.
 */

#include "kernel/socket/socket.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/filio.h"
#include "arch/arch.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"
#include "kernel/socket/closed.h"

#define SOCKFS_MAGIC  0x534f434b
#define LIMIT_DEFAULT 212992 /* net.core.wmem_default, as on Linux */
#define DATAGRAMS_MAX 10     /* net.unix.max_dgram_qlen */

struct spinlock socket_lock = SPINLOCK_INIT(RANK_SOCKET);

static struct filesystem *socket_filesystem;

struct socket *socket_create(int type)
{
	struct socket *socket = kmem_zalloc(sizeof(*socket));

	if (!socket)
		return NULL;
	socket->references = 1;
	socket->type = type;
	socket->backlog_max = DATAGRAMS_MAX;
	socket->send_limit = socket->receive_limit = LIMIT_DEFAULT;
	socket->peer_credentials = (struct abi_ucred){0, UINT32_MAX, UINT32_MAX};
	mutex_init(&socket->read_lock, RANK_PIPE);
	wait_queue_init(&socket->readable);
	wait_queue_init(&socket->writable);
	list_init(&socket->clients);
	list_init(&socket->in_clients);
	list_init(&socket->packets);
	list_init(&socket->carriers);
	list_init(&socket->backlog);
	list_init(&socket->in_backlog);
	list_init(&socket->in_names);
	list_init(&socket->in_flight);
	return socket;
}

void socket_get(struct socket *socket)
{
	__atomic_fetch_add(&socket->references, 1, __ATOMIC_RELAXED);
}

void socket_put(struct socket *socket)
{
	if (socket && !__atomic_sub_fetch(&socket->references, 1, __ATOMIC_ACQ_REL))
		kmem_free(socket, sizeof(*socket));
}

struct abi_ucred socket_credentials(void)
{
	const struct cred *cred = cred_current();

	return (struct abi_ucred){process_current()->pid, cred->euid, cred->egid};
}

/* ---- the end ---- */

/*
 * Nothing reaches the socket from here on. What it held goes to `packets` and
 * the result, which is its peer with a reference.
 */
static struct socket *socket_die_locked(struct socket *socket, struct list_node *packets)
{
	bool unread = !list_is_empty(&socket->packets) || socket->listener;
	struct socket *peer = connect_part_locked(socket);

	socket->dead = true;
	socket->shut = SHUT_BOTH;
	socket->file = NULL;
	name_forget_locked(socket);
	if (peer && socket->type != SOCK_DGRAM) {
		peer->shut = SHUT_BOTH;
		if (unread)
			peer->error = -ECONNRESET;
		wait_wake_all(&peer->readable);
		wait_wake_all(&peer->writable);
	}
	list_for_each (node, &socket->clients)
		wait_wake_all(&container_of(node, struct socket, in_clients)->writable);
	packets_take_locked(socket, packets);
	wait_wake_all(&socket->readable);
	wait_wake_all(&socket->writable); /* who waits for room in its queue or backlog */
	return peer;
}

static void socket_release(struct file *file)
{
	struct list_node packets = LIST_INIT(packets);
	struct socket *socket = file->data;

	spin_lock(&socket_lock);
	struct socket *peer = socket_die_locked(socket, &packets);
	struct inode *inode = socket->inode;
	socket->inode = NULL;
	for (;;) { /* connections that nobody accepted */
		struct list_node *node = list_pop_front(&socket->backlog);
		if (!node)
			break;
		struct socket *embryo = container_of(node, struct socket, in_backlog);
		struct socket *client = socket_die_locked(embryo, &packets);
		spin_unlock(&socket_lock);
		socket_put(client);
		socket_put(embryo);
		spin_lock(&socket_lock);
	}
	spin_unlock(&socket_lock);
	packets_free(&packets);
	inode_put(inode);
	socket_put(peer);
	socket_put(socket);
}

/* ---- waiting ---- */

uint64_t socket_deadline(uint64_t timeout_ns)
{
	return timeout_ns ? clock_now_ns() + timeout_ns : WAIT_FOREVER;
}

int socket_wait_locked(struct wait_queue *queue, bool nonblocking, uint64_t *deadline_ns)
{
	if (nonblocking)
		return -EAGAIN;
	int err = wait_sleep(queue, &socket_lock, *deadline_ns, WAIT_INTERRUPTIBLE);
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	/* signal(7): with a time-out set, a call is not begun again. */
	return err == -ERESTARTSYS && *deadline_ns != WAIT_FOREVER ? -EINTR : err;
}

int socket_take_error_locked(struct socket *socket)
{
	int err = socket->error;

	socket->error = 0;
	return err;
}

/* ---- the file ---- */

static long socket_file_read(struct file *file, struct io *io, uint64_t *position)
{
	struct message message = {.io = *io, .nonblocking = file->flags & O_NONBLOCK};

	(void)position;
	if (!io->left_bytes)
		return 0;
	long result = socket_receive(file->data, &message);
	rights_free(message.got_rights);
	return result;
}

static long socket_file_write(struct file *file, struct io *io, uint64_t *position)
{
	struct message message = {.io = *io, .nonblocking = file->flags & O_NONBLOCK};

	(void)position;
	return socket_send(file->data, &message);
}

static long socket_file_ioctl(struct file *file, unsigned command, uint64_t argument)
{
	struct socket *socket = file->data;
	int32_t value;

	if (command != SIOCINQ && command != SIOCOUTQ)
		return -ENOTTY;
	spin_lock(&socket_lock);
	bool listening = socket->state == SOCKET_LISTENING;
	if (command == SIOCOUTQ)
		value = (int32_t)socket->sent_bytes;
	else if (socket->type == SOCK_DGRAM && !list_is_empty(&socket->packets))
		value = (int32_t)container_of(socket->packets.next, struct packet, in_queue)
				->size_bytes;
	else
		value = (int32_t)socket->queued_bytes;
	spin_unlock(&socket_lock);
	if (listening && command == SIOCINQ)
		return -EINVAL;
	return copy_to_user(argument, &value, sizeof(value));
}

/* A quarter of the room must be used at most, so that a writer is not woken for each byte. */
static bool writable_locked(const struct socket *socket)
{
	const struct socket *peer = socket->peer;

	if (socket->state == SOCKET_LISTENING || socket->sent_bytes * 4 > socket->send_limit)
		return false;
	return socket->type != SOCK_DGRAM || !peer || peer->dead || peer->peer == socket ||
	       peer->packet_count <= peer->backlog_max;
}

static unsigned socket_file_poll(struct file *file, struct poll_waiters *waiters)
{
	struct socket *socket = file->data;
	unsigned events = 0;

	if (waiters) {
		poll_register(waiters, &socket->readable);
		poll_register(waiters, &socket->writable);
	}
	spin_lock(&socket_lock);
	if (socket->error)
		events |= POLL_ERR;
	if (socket->shut == SHUT_BOTH)
		events |= POLL_HUP;
	if (socket->shut & SHUT_RECEIVE)
		events |= POLL_IN | POLL_RDHUP;
	if (!list_is_empty(&socket->packets) || !list_is_empty(&socket->backlog))
		events |= POLL_IN;
	if (socket->type != SOCK_DGRAM && socket->state == SOCKET_OPEN)
		events |= POLL_HUP;
	if (writable_locked(socket))
		events |= POLL_OUT;
	spin_unlock(&socket_lock);
	return events;
}

static const struct file_operations socket_files = {
	.read = socket_file_read,
	.write = socket_file_write,
	.ioctl = socket_file_ioctl,
	.poll = socket_file_poll,
	.release = socket_release,
};

/* Through /proc/PID/fd: open(2) says ENXIO. */
static int socket_inode_open(struct inode *inode, struct file *file)
{
	(void)inode;
	(void)file;
	return -ENXIO;
}

static const struct inode_operations socket_inode = {.open = socket_inode_open};

struct socket *socket_of(struct file *file)
{
	return file->operations == &socket_files ? file->data : NULL;
}

struct file *socket_file(struct socket *socket, uint32_t flags)
{
	struct inode *inode = inode_create(socket_filesystem, &socket_inode, S_IFSOCK | 0777);

	if (!inode)
		return NULL;
	inode->links = 1;
	struct file *file = file_create(inode, NULL, &socket_files, O_RDWR | (flags & O_NONBLOCK));
	inode_put(inode);
	if (!file)
		return NULL;
	file->data = socket;
	spin_lock(&socket_lock);
	socket->file = file;
	spin_unlock(&socket_lock);
	return file;
}

int socket_from_fd(int fd, struct file **file)
{
	*file = fd_file(fd);
	if (!*file)
		return -EBADF;
	if (socket_of(*file))
		return 0;
	file_put(*file);
	return -ENOTSOCK;
}

int socket_init(void)
{
	name_init();
	socket_filesystem = filesystem_create("sockfs", SOCKFS_MAGIC, false);
	return socket_filesystem ? 0 : -ENOMEM;
}
