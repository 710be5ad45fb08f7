/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_SOCKET_SOCKET_H
#define KERNEL_SOCKET_SOCKET_H

/*
 * Unix sockets, for this folder; README.md has the picture. One spinlock,
 * socket_lock, guards how sockets hang together and all queues; bytes are copied
 * from and to programs without it.
 *
 * Fields: [I] immutable, [a] atomic, [s] socket_lock, [r] the socket's read_lock
 * to take or look at the first packet's bytes.
 */

#include "abi/socket.h"
#include "kernel/file/open.h"
#include "kernel/process/mutex.h"

enum socket_state {
	SOCKET_OPEN, /* datagram sockets stay so, with a peer or without */
	SOCKET_LISTENING,
	SOCKET_CONNECTED,
};

#define SHUT_RECEIVE 1u
#define SHUT_SEND    2u
#define SHUT_BOTH    3u

/* unix(7): a path (its terminating NUL counted), or an abstract name (path[0] is 0). */
struct socket_name {
	uint32_t size_bytes; /* of path; 0: no name */
	char path[UNIX_PATH_BYTES + 1];
};

/* Open files that a message carries beside its bytes. */
struct rights {
	struct list_node in_dying; /* rights_free's own */
	unsigned count;
	uint32_t uid; /* who sent them: counted against its limit */
	struct file *files[SCM_MAX_FD];
};

struct socket {
	uint32_t references;         /* [a] the file, the peer, packets that it sent */
	int type;                    /* [I] SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET */
	enum socket_state state;     /* [s] */
	bool dead;                   /* [s] closed, or never accepted */
	unsigned shut;               /* [s] SHUT_* */
	int error;                   /* [s] to be told once: ECONNRESET */
	struct socket *peer;         /* [s] a reference */
	struct list_node clients;    /* [s] datagram sockets whose peer this is */
	struct list_node in_clients; /* [s] */
	struct file *file;           /* [s] no reference; NULL: not accepted yet, or closed */

	struct list_node packets;  /* [s, r] what came, first one first */
	struct list_node carriers; /* [s] those packets that carry files */
	unsigned packet_count;     /* [s] */
	uint64_t queued_bytes;     /* [s] for FIONREAD */
	struct mutex read_lock;    /* who takes from the queue */
	uint64_t sent_bytes;       /* [s] memory of packets that it sent and nobody took yet */
	uint64_t send_limit, receive_limit;           /* [a] SO_SNDBUF, SO_RCVBUF */
	uint64_t send_timeout_ns, receive_timeout_ns; /* [a] 0: none */
	struct wait_queue readable, writable;

	struct list_node backlog;    /* [s] connections that wait for accept(2), by in_backlog */
	struct list_node in_backlog; /* [s] */
	struct socket *listener;     /* [s] whose backlog it is in */
	unsigned backlog_count, backlog_max; /* [s] */

	bool pass_credentials;             /* [a] SO_PASSCRED */
	uint32_t options;                  /* [a] bits of options that only remember: option.c */
	struct abi_ucred peer_credentials; /* [s] SO_PEERCRED; before: its own, for who connects */

	bool binding;              /* [s] a name is being made for it */
	struct socket_name name;   /* [s] set once */
	struct inode *inode;       /* [s] of a path; a reference */
	struct list_node in_names; /* [s] */

	uint32_t flights;           /* [s] how often its file is on its way */
	uint32_t seen;              /* [s] flights.c: references found among those on their way */
	bool reached;               /* [s] flights.c */
	struct list_node in_flight; /* [s] */
};

struct packet {
	struct list_node in_queue;    /* [s] */
	struct list_node in_carriers; /* [s] */
	struct socket *sender;        /* [I] a reference */
	struct abi_ucred credentials; /* [I] */
	struct rights *rights;        /* [s] NULL: none */
	size_t size_bytes, start;     /* size [I]; start [r]: taken already */
	uint8_t data[];
};

extern struct spinlock socket_lock;

/* ---- socket.c: life; socket_init is in closed.h ---- */
/* A new one with one reference; NULL: no memory. */
struct socket *socket_create(int type);
void socket_get(struct socket *socket);
void socket_put(struct socket *socket); /* not under socket_lock */
/* An open file for it, with one reference; takes over the caller's of the socket. NULL: no memory. */
struct file *socket_file(struct socket *socket, uint32_t flags);
/* The running thread's descriptor. 0 and the file with a reference; -EBADF, -ENOTSOCK. */
int socket_from_fd(int fd, struct file **file);
struct socket *socket_of(struct file *file); /* NULL: no socket */
struct abi_ucred socket_credentials(void);   /* effective ids of the running process */
/* -EAGAIN for non-blocking, else sleep; socket_lock held and held again after. */
int socket_wait_locked(struct wait_queue *queue, bool nonblocking, uint64_t *deadline_ns);
uint64_t socket_deadline(uint64_t timeout_ns);       /* 0: forever */
int socket_take_error_locked(struct socket *socket); /* 0 or negative */

/* ---- name.c ---- */
void name_init(void);
/* From a program's sockaddr. 0; -EINVAL, -EFAULT. *autobind: only the family was given. */
int name_from_user(uint64_t address, uint32_t size_bytes, struct socket_name *name, bool *autobind);
/* Into a program's buffer of *size bytes (which lies at size_address). 0; -EFAULT, -EINVAL. */
int name_to_user(const struct socket_name *name, uint64_t address, uint64_t size_address);
/* What msg_namelen becomes: as much as fits is written. Negative: -EFAULT. */
long name_write(const struct socket_name *name, uint64_t address, uint32_t room);
/* Who is bound there, with a reference. 0; -ECONNREFUSED, -EPROTOTYPE, -EACCES and those of a walk. */
int name_find(const struct socket_name *name, int type, struct socket **found);
/* An abstract name for one that has none: unix(7) "Autobind feature". 0; -ENOSPC. */
int name_autobind(struct socket *socket);
void name_forget_locked(struct socket *socket);

/* ---- connect.c ---- */
void connect_peers_locked(struct socket *a, struct socket *b); /* takes a reference to each */
/* The peer goes: with its reference to the caller; NULL: there was none. */
struct socket *connect_part_locked(struct socket *socket);

/* ---- packet.c ---- */
/*
 * A packet for size bytes, counted against the sender; its room is given back
 * when it is freed. May wait for room. 0; -EAGAIN, -EPIPE, -ENOBUFS, the
 * socket's error, or a signal's.
 */
int packet_create(struct socket *sender, size_t size_bytes, bool nonblocking,
		  struct packet **packet);
void packet_free(struct packet *packet); /* with its files */
void packet_queue_locked(struct socket *to, struct packet *packet);
void packet_unqueue_locked(struct socket *from, struct packet *packet);
/* All of a queue, to be freed by packets_free. */
void packets_take_locked(struct socket *from, struct list_node *taken);
void packets_free(struct list_node *taken);

/* ---- flights.c: files on their way ---- */
/* May the files be sent? Counts them. 0; -ETOOMANYREFS. */
int flights_begin_locked(struct rights *rights);
void flights_end_locked(struct rights *rights);

/* ---- message.c, send.c, receive.c ---- */
struct message {
	struct io io;
	unsigned flags; /* MSG_* */
	bool nonblocking;
	/* sending */
	const struct socket_name *to; /* NULL: the peer */
	struct rights *rights;        /* the callee's from then on, unless it fails */
	struct abi_ucred credentials;
	bool has_credentials;
	/* receiving: what came beside the bytes */
	struct rights *got_rights; /* the caller's */
	bool got_credentials;
	struct socket_name from; /* datagrams */
	unsigned got_flags;      /* MSG_TRUNC */
};
/* Bytes, or a negative errno: send(2), recv(2). */
long socket_send(struct socket *socket, struct message *message);
long socket_receive(struct socket *socket, struct message *message);

/* ---- rights.c: control messages ---- */
/* What sendmsg's control buffer says, into the message. 0; -EINVAL, -EBADF, -EPERM and so on. */
int control_load(struct message *message, uint64_t address, uint64_t size_bytes);
/* Into recvmsg's: the bytes used. Sets MSG_CTRUNC in got_flags. The rights are gone then. */
uint64_t control_store(struct socket *socket, struct message *message, uint64_t address,
		       uint64_t size_bytes);
struct rights *rights_copy(const struct rights *rights); /* NULL: no memory */
void rights_free(struct rights *rights);                 /* puts the files; NULL is fine */

#endif
