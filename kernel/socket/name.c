// SPDX-License-Identifier: MIT
/*
 * Names of sockets: unix(7). Abstract ones and those of paths are in one hash
 * table, an abstract name by its bytes and its socket's type, a path by its inode.
 */

#include "kernel/socket/socket.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "arch/arch.h"
#include "kernel/file/path.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

#define BUCKETS 256 /* a power of two */

static struct list_node buckets[BUCKETS]; /* socket_lock */

void name_init(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&buckets[i]);
}

static bool is_abstract(const struct socket_name *name)
{
	return !name->path[0];
}

/* ---- the table ---- */

static struct list_node *bucket_of(const struct socket_name *name, int type,
				   const struct inode *inode)
{
	uint64_t hash = inode ? (uint64_t)(uintptr_t)inode >> 5 : (uint64_t)type;

	for (uint32_t i = 0; !inode && i < name->size_bytes; i++)
		hash = hash * 31 + (uint8_t)name->path[i];
	return &buckets[hash * 0x9e3779b97f4a7c15ull >> 56];
}

static bool is_named(const struct socket *socket, const struct socket_name *name, int type,
		     const struct inode *inode)
{
	if (inode)
		return socket->inode == inode;
	return !socket->inode && socket->type == type &&
	       socket->name.size_bytes == name->size_bytes &&
	       memcmp(socket->name.path, name->path, name->size_bytes) == 0;
}

static struct socket *find_locked(const struct socket_name *name, int type,
				  const struct inode *inode)
{
	struct list_node *bucket = bucket_of(name, type, inode);

	list_for_each (node, bucket) {
		struct socket *socket = container_of(node, struct socket, in_names);
		if (is_named(socket, name, type, inode))
			return socket;
	}
	return NULL;
}

/* The socket has its name and inode from here on. */
static void remember_locked(struct socket *socket, const struct socket_name *name,
			    struct inode *inode)
{
	socket->name = *name;
	socket->inode = inode;
	list_push_back(bucket_of(name, socket->type, inode), &socket->in_names);
}

/* A dead socket keeps its name for getpeername(2), but nobody finds it. */
void name_forget_locked(struct socket *socket)
{
	list_remove(&socket->in_names);
}

int name_find(const struct socket_name *name, int type, struct socket **found)
{
	struct path_walk walk;
	struct inode *inode = NULL;
	int err = 0;

	if (!is_abstract(name)) {
		err = path_walk_kernel(&walk, name->path, WALK_FOLLOW);
		if (err)
			return err;
		inode = walk.child->inode;
		err = inode_permission(inode, &walk.access, ACCESS_WRITE);
	}
	if (!err) {
		spin_lock(&socket_lock);
		*found = find_locked(name, type, inode);
		err = !*found ? -ECONNREFUSED : (*found)->type != type ? -EPROTOTYPE : 0;
		if (!err)
			socket_get(*found);
		spin_unlock(&socket_lock);
	}
	if (inode)
		path_walk_done(&walk);
	return err;
}

/* ---- between programs and the kernel ---- */

int name_from_user(uint64_t address, uint32_t size_bytes, struct socket_name *name, bool *autobind)
{
	struct abi_sockaddr_un user;
	uint32_t path_bytes = size_bytes - (uint32_t)sizeof(user.sun_family);

	if (size_bytes < sizeof(user.sun_family) || size_bytes > sizeof(user))
		return -EINVAL;
	if (copy_from_user(&user, address, size_bytes))
		return -EFAULT;
	if (user.sun_family != AF_UNIX)
		return -EINVAL;
	*autobind = !path_bytes;
	memset(name, 0, sizeof(*name));
	memcpy(name->path, user.sun_path, path_bytes);
	name->size_bytes =
		path_bytes && !is_abstract(name) ? (uint32_t)strlen(name->path) + 1 : path_bytes;
	return 0;
}

long name_write(const struct socket_name *name, uint64_t address, uint32_t room)
{
	uint16_t family = AF_UNIX;
	uint32_t path_room = room > sizeof(family) ? room - (uint32_t)sizeof(family) : 0;

	if (path_room > name->size_bytes)
		path_room = name->size_bytes;
	if (copy_to_user(address, &family, room < sizeof(family) ? room : sizeof(family)) ||
	    copy_to_user(address + sizeof(family), name->path, path_room))
		return -EFAULT;
	return (long)(sizeof(family) + name->size_bytes);
}

int name_to_user(const struct socket_name *name, uint64_t address, uint64_t size_address)
{
	int32_t room;

	if (copy_from_user(&room, size_address, sizeof(room)))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	long size_bytes = name_write(name, address, (uint32_t)room);
	if (size_bytes < 0)
		return (int)size_bytes;
	return copy_to_user(size_address, &(int32_t){(int32_t)size_bytes}, sizeof(int32_t));
}

/* ---- bind(2) ---- */

static int bind_abstract_locked(struct socket *socket, const struct socket_name *name)
{
	if (find_locked(name, socket->type, NULL))
		return -EADDRINUSE;
	remember_locked(socket, name, NULL);
	return 0;
}

int name_autobind(struct socket *socket)
{
	static uint32_t next; /* socket_lock */
	struct socket_name name = {.size_bytes = 6};
	int err = -ENOSPC;

	spin_lock(&socket_lock);
	if (socket->name.size_bytes || socket->binding)
		err = 0;
	for (unsigned tries = 0; err && tries < 4096; tries++) {
		(void)format(name.path + 1, 6, "%05x", next++ & 0xfffff);
		if (!bind_abstract_locked(socket, &name))
			err = 0;
	}
	spin_unlock(&socket_lock);
	return err;
}

/* A node in the tree. 0 and its inode with a reference; -EADDRINUSE. */
static int node_make(const struct socket_name *name, struct inode **inode)
{
	struct path_walk walk;
	struct dentry *dentry = NULL;
	int err =
		path_walk_kernel(&walk, name->path, WALK_MISSING_OK | WALK_EXCLUSIVE | WALK_ENTRY);

	if (err)
		return err;
	err = name_make(&walk, S_IFSOCK | (0777 & ~context_umask()), 0, &dentry);
	if (!err) {
		*inode = dentry->inode;
		inode_get(*inode);
		dentry_put(dentry);
	}
	path_walk_done(&walk);
	return err == -EEXIST ? -EADDRINUSE : err;
}

static int bind_path(struct socket *socket, const struct socket_name *name)
{
	struct inode *inode;
	int err = node_make(name, &inode);

	spin_lock(&socket_lock);
	if (!err)
		remember_locked(socket, name, inode);
	socket->binding = false;
	spin_unlock(&socket_lock);
	return err;
}

static int bind_socket(struct socket *socket, const struct socket_name *name)
{
	int err = 0;

	spin_lock(&socket_lock);
	if (socket->name.size_bytes || socket->binding)
		err = -EINVAL;
	else if (is_abstract(name))
		err = bind_abstract_locked(socket, name);
	else
		socket->binding = true;
	spin_unlock(&socket_lock);
	return err || is_abstract(name) ? err : bind_path(socket, name);
}

long sys_bind(const uint64_t *argument)
{
	struct socket_name name;
	struct file *file;
	bool autobind;
	int err = socket_from_fd((int)argument[0], &file);

	if (err)
		return err;
	err = name_from_user(argument[1], (uint32_t)argument[2], &name, &autobind);
	if (!err)
		err = autobind ? name_autobind(file->data) : bind_socket(file->data, &name);
	file_put(file);
	return err;
}

/* ---- getsockname(2), getpeername(2) ---- */

static long name_call(const uint64_t *argument, bool of_peer)
{
	struct socket_name name = {0};
	struct file *file;
	int err = socket_from_fd((int)argument[0], &file);

	if (err)
		return err;
	struct socket *socket = file->data;
	spin_lock(&socket_lock);
	struct socket *subject = of_peer ? socket->peer : socket;
	if (subject)
		name = subject->name;
	spin_unlock(&socket_lock);
	err = subject ? name_to_user(&name, argument[1], argument[2]) : -ENOTCONN;
	file_put(file);
	return err;
}

long sys_getsockname(const uint64_t *argument)
{
	return name_call(argument, false);
}

long sys_getpeername(const uint64_t *argument)
{
	return name_call(argument, true);
}
