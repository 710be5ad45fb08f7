// SPDX-License-Identifier: MIT
/*
 * How sockets come together and part: socket(2), socketpair(2), listen(2),
 * connect(2), accept(2), shutdown(2). A connection's other end, the embryo,
 * exists from connect(2) on; until accept(2) gives it a file it waits in the
 * listener's backlog.
 */

#include "kernel/socket/socket.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "arch/arch.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

/* ---- making ---- */

/* The type without flags; negative: not ours. socket(2) */
static int type_check(int domain, int type, int protocol)
{
	int flags = type & ~SOCK_TYPE_MASK, kind = type & SOCK_TYPE_MASK;

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	if (domain != AF_UNIX)
		return -EAFNOSUPPORT;
	if (kind >= SOCK_TYPE_MAX)
		return -EINVAL;
	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (kind == SOCK_RAW) /* as on Linux */
		return SOCK_DGRAM;
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	return kind;
}

/* A new socket as an open file. NULL: no memory. */
static struct file *file_make(int kind, uint32_t flags)
{
	struct socket *socket = socket_create(kind);
	struct file *file = socket ? socket_file(socket, flags) : NULL;

	if (!file)
		socket_put(socket);
	return file;
}

long sys_socket(const uint64_t *argument)
{
	int type = (int)argument[1];
	int kind = type_check((int)argument[0], type, (int)argument[2]);

	if (kind < 0)
		return kind;
	struct file *file = file_make(kind, (uint32_t)type);
	if (!file)
		return -ENOMEM;
	int fd = fd_install(file, 0, type & SOCK_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return fd;
}

void connect_peers_locked(struct socket *a, struct socket *b)
{
	socket_get(a);
	socket_get(b);
	a->peer = b;
	b->peer = a;
	if (a->type == SOCK_DGRAM) {
		list_push_back(&b->clients, &a->in_clients);
		list_push_back(&a->clients, &b->in_clients);
	} else {
		a->state = b->state = SOCKET_CONNECTED;
	}
}

struct socket *connect_part_locked(struct socket *socket)
{
	struct socket *peer = socket->peer;

	socket->peer = NULL;
	list_remove(&socket->in_clients);
	return peer;
}

/* Both on descriptors that the program learns of, or neither. */
static long pair_install(struct file *files[2], uint32_t flags, uint64_t address)
{
	int32_t fds[2];

	for (unsigned i = 0; i < 2; i++) {
		fds[i] = fd_install(files[i], 0, flags & SOCK_CLOEXEC);
		if (fds[i] >= 0)
			continue;
		file_put(files[i]);
		if (i)
			sys_close(&(uint64_t){(uint64_t)fds[0]});
		else
			file_put(files[1]);
		return fds[i];
	}
	if (!copy_to_user(address, fds, sizeof(fds)))
		return 0;
	sys_close(&(uint64_t){(uint64_t)fds[0]});
	sys_close(&(uint64_t){(uint64_t)fds[1]});
	return -EFAULT;
}

long sys_socketpair(const uint64_t *argument)
{
	int type = (int)argument[1];
	int kind = type_check((int)argument[0], type, (int)argument[2]);
	struct file *files[2];

	if (kind < 0)
		return kind;
	files[0] = file_make(kind, (uint32_t)type);
	files[1] = files[0] ? file_make(kind, (uint32_t)type) : NULL;
	if (!files[1]) {
		if (files[0])
			file_put(files[0]);
		return -ENOMEM;
	}
	struct socket *a = files[0]->data, *b = files[1]->data;
	spin_lock(&socket_lock);
	a->peer_credentials = b->peer_credentials = socket_credentials();
	connect_peers_locked(a, b);
	spin_unlock(&socket_lock);
	return pair_install(files, (uint32_t)type, argument[3]);
}

/* ---- listening ---- */

static long listen_socket(struct socket *socket, int backlog)
{
	long err = 0;

	if (socket->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	spin_lock(&socket_lock);
	if (!socket->name.size_bytes || socket->state == SOCKET_CONNECTED) {
		err = -EINVAL;
	} else {
		socket->state = SOCKET_LISTENING;
		socket->backlog_max = (uint32_t)backlog > SOMAXCONN ? SOMAXCONN : (uint32_t)backlog;
		socket->peer_credentials = socket_credentials(); /* what who connects will see */
		wait_wake_all(&socket->writable);
	}
	spin_unlock(&socket_lock);
	return err;
}

long sys_listen(const uint64_t *argument)
{
	struct file *file;
	long err = socket_from_fd((int)argument[0], &file);

	if (err)
		return err;
	err = listen_socket(file->data, (int)argument[1]);
	file_put(file);
	return err;
}

/* ---- connecting ---- */

/* 0: the listener would take another connection from this socket. */
static int may_connect_locked(struct socket *socket, struct socket *listener)
{
	if (socket->state == SOCKET_CONNECTED)
		return -EISCONN;
	if (socket->state == SOCKET_LISTENING)
		return -EINVAL;
	if (listener->state != SOCKET_LISTENING || (listener->shut & SHUT_RECEIVE))
		return -ECONNREFUSED;
	return 0;
}

static int connect_listener(struct socket *socket, struct socket *listener, bool nonblocking)
{
	uint64_t deadline_ns = socket_deadline(socket->send_timeout_ns);
	struct socket *embryo = socket_create(socket->type);

	if (!embryo)
		return -ENOMEM;
	spin_lock(&socket_lock);
	int err = may_connect_locked(socket, listener);
	while (!err && listener->backlog_count > listener->backlog_max) {
		err = socket_wait_locked(&listener->writable, nonblocking, &deadline_ns);
		if (!err)
			err = may_connect_locked(socket, listener);
	}
	if (!err) {
		connect_peers_locked(socket, embryo);
		embryo->name = listener->name;
		embryo->peer_credentials = socket_credentials();
		embryo->pass_credentials = listener->pass_credentials;
		socket->peer_credentials = listener->peer_credentials;
		embryo->listener = listener;
		list_push_back(&listener->backlog, &embryo->in_backlog);
		listener->backlog_count++;
		wait_wake_all(&listener->readable);
		wait_wake_all(&socket->writable);
	}
	spin_unlock(&socket_lock);
	if (err)
		socket_put(embryo);
	return err;
}

/* From one peer to another, or none: what came from the old one goes. */
static int connect_datagram(struct socket *socket, struct socket *to)
{
	struct list_node packets = LIST_INIT(packets);
	struct socket *old = NULL;
	int err = 0;

	mutex_lock(&socket->read_lock); /* nobody is looking at a packet */
	spin_lock(&socket_lock);
	if (to && to->peer && to->peer != socket)
		err = -EPERM;
	if (!err && to != socket->peer) {
		old = connect_part_locked(socket);
		if (old) {
			packets_take_locked(socket, &packets);
			if (!old->dead && old->peer == socket)
				old->error = -ECONNRESET;
			wait_wake_all(&old->readable);
		}
		if (to) {
			socket_get(to);
			socket->peer = to;
			list_push_back(&to->clients, &socket->in_clients);
			socket->peer_credentials = to->peer_credentials;
		}
		wait_wake_all(&socket->writable);
	}
	spin_unlock(&socket_lock);
	mutex_unlock(&socket->read_lock);
	packets_free(&packets);
	socket_put(old);
	return err;
}

static long connect_named(struct socket *socket, const struct socket_name *name, bool nonblocking)
{
	struct socket *found;
	int err = socket->pass_credentials ? name_autobind(socket) : 0;

	if (!err)
		err = name_find(name, socket->type, &found);
	if (err)
		return err;
	err = socket->type == SOCK_DGRAM ? connect_datagram(socket, found)
					 : connect_listener(socket, found, nonblocking);
	socket_put(found);
	return err;
}

long sys_connect(const uint64_t *argument)
{
	struct socket_name name;
	struct file *file;
	bool autobind;
	uint16_t family;
	long err = socket_from_fd((int)argument[0], &file);

	if (err)
		return err;
	struct socket *socket = file->data;
	uint32_t size_bytes = (uint32_t)argument[2];
	if (size_bytes < sizeof(family))
		err = -EINVAL;
	else if (copy_from_user(&family, argument[1], sizeof(family)))
		err = -EFAULT;
	else if (family == AF_UNSPEC && socket->type == SOCK_DGRAM)
		err = connect_datagram(socket, NULL); /* connect(2): the association dissolves */
	else
		err = name_from_user(argument[1], size_bytes, &name, &autobind);
	if (!err && family == AF_UNIX)
		err = autobind ? -EINVAL : connect_named(socket, &name, file->flags & O_NONBLOCK);
	file_put(file);
	return err;
}

/* ---- accepting ---- */

/* The first of the backlog, still counted there: taken or put back. */
static int backlog_take(struct socket *listener, bool nonblocking, struct socket **taken)
{
	uint64_t deadline_ns = socket_deadline(listener->receive_timeout_ns);
	int err = 0;

	spin_lock(&socket_lock);
	while (!err) {
		struct list_node *node = list_pop_front(&listener->backlog);
		if (node) {
			*taken = container_of(node, struct socket, in_backlog);
			break;
		}
		err = listener->shut & SHUT_RECEIVE
			      ? -EINVAL
			      : socket_wait_locked(&listener->readable, nonblocking, &deadline_ns);
	}
	spin_unlock(&socket_lock);
	return err;
}

static void backlog_return(struct socket *listener, struct socket *embryo)
{
	spin_lock(&socket_lock);
	list_push_front(&listener->backlog, &embryo->in_backlog);
	wait_wake_all(&listener->readable);
	spin_unlock(&socket_lock);
}

static long accept_socket(struct socket *listener, bool nonblocking, uint64_t address,
			  uint64_t size_address, uint32_t flags)
{
	struct socket *embryo = NULL;
	struct socket_name name = {0};

	if (listener->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (listener->state != SOCKET_LISTENING)
		return -EINVAL;
	long err = backlog_take(listener, nonblocking, &embryo);
	if (err)
		return err;
	struct file *file = socket_file(embryo, flags);
	if (!file) {
		backlog_return(listener, embryo);
		return -ENOMEM;
	}
	spin_lock(&socket_lock);
	listener->backlog_count--;
	embryo->listener = NULL;
	wait_wake_all(&listener->writable);
	name = embryo->peer->name;
	spin_unlock(&socket_lock);
	if (address)
		err = name_to_user(&name, address, size_address);
	if (!err)
		err = fd_install(file, 0, flags & SOCK_CLOEXEC);
	if (err < 0)
		file_put(file); /* the connection is lost: accept(2) */
	return err;
}

static long accept_call(const uint64_t *argument, uint32_t flags)
{
	struct file *file;
	long result = socket_from_fd((int)argument[0], &file);

	if (flags & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK)) {
		if (!result)
			file_put(file);
		return -EINVAL;
	}
	if (result)
		return result;
	result = accept_socket(file->data, file->flags & O_NONBLOCK, argument[1], argument[2],
			       flags);
	file_put(file);
	return result;
}

long sys_accept(const uint64_t *argument)
{
	return accept_call(argument, 0);
}

long sys_accept4(const uint64_t *argument)
{
	return accept_call(argument, (uint32_t)argument[3]);
}

/* ---- shutdown(2) ---- */

static void shut_locked(struct socket *socket, unsigned shut)
{
	socket->shut |= shut;
	wait_wake_all(&socket->readable);
	wait_wake_all(&socket->writable);
}

long sys_shutdown(const uint64_t *argument)
{
	int how = (int)argument[1];
	struct file *file;
	long err = socket_from_fd((int)argument[0], &file);

	if (err)
		return err;
	if (how < SHUT_RD || how > SHUT_RDWR) {
		file_put(file);
		return -EINVAL;
	}
	unsigned shut = (unsigned)how + 1; /* SHUT_RD, SHUT_WR, SHUT_RDWR as bits */
	struct socket *socket = file->data;
	spin_lock(&socket_lock);
	shut_locked(socket, shut);
	/* What one does not send the other does not receive, and the other way round. */
	if (socket->peer && socket->type != SOCK_DGRAM)
		shut_locked(socket->peer, (shut & SHUT_RECEIVE ? SHUT_SEND : 0) |
						  (shut & SHUT_SEND ? SHUT_RECEIVE : 0));
	spin_unlock(&socket_lock);
	file_put(file);
	return 0;
}
