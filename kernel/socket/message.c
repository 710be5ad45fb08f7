// SPDX-License-Identifier: MIT
/* send(2), recv(2) and their kin: what programs say becomes a struct message. */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/uio.h"
#include "arch/arch.h"
#include "kernel/process/process.h"
#include "kernel/process/time.h"
#include "kernel/socket/socket.h"
#include "kernel/syscall/syscall.h"

static bool is_nonblocking(const struct file *file, unsigned flags)
{
	return (file->flags & O_NONBLOCK) || (flags & MSG_DONTWAIT);
}

/* The address that a message is for; without one it is the peer's. */
static int target_load(struct message *message, struct socket_name *name, uint64_t address,
		       uint32_t size_bytes)
{
	bool autobind;

	if (!address || !size_bytes)
		return 0;
	int err = name_from_user(address, size_bytes, name, &autobind);
	if (!err && autobind)
		err = -EINVAL;
	message->to = name;
	return err;
}

/* ---- one piece ---- */

long sys_sendto(const uint64_t *argument)
{
	struct message message = {.flags = (unsigned)argument[3]};
	struct socket_name name;
	struct io_piece piece;
	struct file *file;
	long result = socket_from_fd((int)argument[0], &file);

	if (result)
		return result;
	message.nonblocking = is_nonblocking(file, message.flags);
	io_init_user(&message.io, &piece, argument[1], io_bytes_limit(argument[2]));
	result = target_load(&message, &name, argument[4], (uint32_t)argument[5]);
	if (!result)
		result = socket_send(file->data, &message);
	file_put(file);
	return result;
}

long sys_recvfrom(const uint64_t *argument)
{
	struct message message = {.flags = (unsigned)argument[3]};
	struct io_piece piece;
	struct file *file;
	long result = socket_from_fd((int)argument[0], &file);

	if (result)
		return result;
	message.nonblocking = is_nonblocking(file, message.flags);
	io_init_user(&message.io, &piece, argument[1], io_bytes_limit(argument[2]));
	result = socket_receive(file->data, &message);
	rights_free(message.got_rights);
	if (result >= 0 && argument[4]) {
		int err = 0;
		if (message.from.size_bytes)
			err = name_to_user(&message.from, argument[4], argument[5]);
		else /* nobody that has a name: observed */
			err = copy_to_user(argument[5], &(int32_t){0}, sizeof(int32_t));
		if (err)
			result = err;
	}
	file_put(file);
	return result;
}

/* ---- sendmsg(2) ---- */

static int header_load(struct abi_msghdr *header, uint64_t address)
{
	if (copy_from_user(header, address, sizeof(*header)))
		return -EFAULT;
	if (!header->msg_name)
		header->msg_namelen = 0;
	if ((int32_t)header->msg_namelen < 0)
		return -EINVAL;
	if (header->msg_iovlen > IOV_MAX)
		return -EMSGSIZE;
	return 0;
}

static long send_message(struct file *file, uint64_t address, unsigned flags)
{
	struct message message = {.flags = flags, .nonblocking = is_nonblocking(file, flags)};
	struct io_vector vector;
	struct abi_msghdr header;
	struct socket_name name;
	long result = header_load(&header, address);

	if (result)
		return result;
	result = target_load(&message, &name, header.msg_name, header.msg_namelen);
	if (!result)
		result = io_vector_load(&vector, header.msg_iov, (unsigned)header.msg_iovlen,
					&message.io);
	if (result)
		return result;
	result = control_load(&message, header.msg_control, header.msg_controllen);
	if (!result)
		result = socket_send(file->data, &message);
	rights_free(message.rights);
	io_vector_free(&vector);
	return result;
}

/* ---- recvmsg(2) ---- */

/* What recvmsg changes in the program's header. */
static int header_store(struct abi_msghdr *header, uint64_t address, struct message *message)
{
	long name_bytes = 0;

	if (header->msg_name && message->from.size_bytes)
		name_bytes = name_write(&message->from, header->msg_name, header->msg_namelen);
	if (name_bytes < 0)
		return (int)name_bytes;
	header->msg_namelen = (uint32_t)name_bytes;
	header->msg_flags = message->got_flags | (message->flags & MSG_CMSG_CLOEXEC);
	return copy_to_user(address, header, sizeof(*header));
}

static long receive_message(struct file *file, uint64_t address, unsigned flags)
{
	struct message message = {.flags = flags, .nonblocking = is_nonblocking(file, flags)};
	struct io_vector vector;
	struct abi_msghdr header;
	long result = header_load(&header, address);

	if (!result)
		result = io_vector_load(&vector, header.msg_iov, (unsigned)header.msg_iovlen,
					&message.io);
	if (result)
		return result;
	result = socket_receive(file->data, &message);
	if (result >= 0) {
		header.msg_controllen = control_store(file->data, &message, header.msg_control,
						      header.msg_controllen);
		int err = header_store(&header, address, &message);
		if (err)
			result = err;
	}
	rights_free(message.got_rights);
	io_vector_free(&vector);
	return result;
}

/* ---- one, and several at once ---- */

typedef long message_call(struct file *file, uint64_t address, unsigned flags);

static long message_one(const uint64_t *argument, message_call *call)
{
	struct file *file;
	long result = socket_from_fd((int)argument[0], &file);

	if (result)
		return result;
	result = call(file, argument[1], (unsigned)argument[2]);
	file_put(file);
	return result;
}

long sys_sendmsg(const uint64_t *argument)
{
	return message_one(argument, send_message);
}

long sys_recvmsg(const uint64_t *argument)
{
	return message_one(argument, receive_message);
}

/* How many were done; an error only when none was. */
static long messages(struct file *file, uint64_t address, unsigned count, unsigned flags,
		     message_call *call, uint64_t deadline_ns)
{
	unsigned done = 0;
	long result = 0;

	if (count > IOV_MAX)
		count = IOV_MAX;
	while (done < count) {
		uint64_t at = address + done * sizeof(struct abi_mmsghdr);
		result = call(file, at, flags & ~(unsigned)MSG_WAITFORONE);
		if (result < 0)
			break;
		uint32_t moved = (uint32_t)result;
		result = copy_to_user(at + __builtin_offsetof(struct abi_mmsghdr, msg_len), &moved,
				      sizeof(moved));
		if (result)
			break;
		done++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		/* recvmmsg(2): the time is looked at after each message only. */
		if (clock_now_ns() >= deadline_ns)
			break;
		schedule_point();
	}
	return done ? (long)done : result;
}

static long messages_call(const uint64_t *argument, message_call *call, uint64_t deadline_ns)
{
	struct file *file;
	long result = socket_from_fd((int)argument[0], &file);

	if (result)
		return result;
	result = messages(file, argument[1], (unsigned)argument[2], (unsigned)argument[3], call,
			  deadline_ns);
	file_put(file);
	return result;
}

long sys_sendmmsg(const uint64_t *argument)
{
	return messages_call(argument, send_message, WAIT_FOREVER);
}

long sys_recvmmsg(const uint64_t *argument)
{
	uint64_t deadline_ns = WAIT_FOREVER;
	int err = argument[4] ? time_read_deadline(argument[4], &deadline_ns) : 0;

	return err ? err : messages_call(argument, receive_message, deadline_ns);
}
