// SPDX-License-Identifier: MIT
/* getsockopt(2), setsockopt(2), as far as socket(7) and unix(7) have options for these sockets. */

#include "abi/errno.h"
#include "abi/time.h"
#include "arch/arch.h"
#include "kernel/process/process.h"
#include "kernel/process/time.h"
#include "kernel/socket/socket.h"
#include "kernel/syscall/syscall.h"

#define LIMIT_MAX         212992 /* net.core.wmem_max; twice as much is granted, as on Linux */
#define SEND_LIMIT_MIN    4608
#define RECEIVE_LIMIT_MIN 2304

/* Options that are kept and change nothing: their bit in socket->options. 0: none of them. */
static uint32_t remembered(int option)
{
	switch (option) {
	case SO_REUSEADDR:
		return 1;
	case SO_BROADCAST:
		return 2;
	case SO_KEEPALIVE:
		return 4;
	case SO_REUSEPORT:
		return 8;
	default:
		return 0;
	}
}

/* ---- setting ---- */

static uint64_t limit_of(int32_t asked, int32_t least)
{
	uint32_t value = (uint32_t)asked > LIMIT_MAX ? LIMIT_MAX : (uint32_t)asked;

	return 2 * value < (uint32_t)least ? (uint32_t)least : 2 * value;
}

static int timeout_set(uint64_t *timeout_ns, uint64_t address, uint32_t size_bytes)
{
	struct abi_timeval time;

	if (size_bytes < sizeof(time))
		return -EINVAL;
	if (copy_from_user(&time, address, sizeof(time)))
		return -EFAULT;
	if (time.tv_usec < 0 || time.tv_usec >= 1000000)
		return -EDOM;
	*timeout_ns = time.tv_sec < 0 ? 1
		      : time.tv_sec > INT32_MAX
			      ? 0
			      : (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_usec * 1000;
	return 0;
}

static int option_set(struct socket *socket, int option, int32_t value)
{
	switch (option) {
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
		socket->send_limit = limit_of(value, SEND_LIMIT_MIN);
		spin_lock(&socket_lock);
		wait_wake_all(&socket->writable);
		spin_unlock(&socket_lock);
		return 0;
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
		socket->receive_limit = limit_of(value, RECEIVE_LIMIT_MIN);
		return 0;
	case SO_PASSCRED:
		socket->pass_credentials = value;
		return 0;
	case SO_LINGER:
		return 0;
	case SO_TYPE:
	case SO_ERROR:
	case SO_PROTOCOL:
	case SO_DOMAIN:
	case SO_ACCEPTCONN:
	case SO_PEERCRED:
		return -ENOPROTOOPT;
	default:
		if (!remembered(option))
			return -ENOPROTOOPT;
		if (value)
			socket->options |= remembered(option);
		else
			socket->options &= ~remembered(option);
		return 0;
	}
}

static int set_socket(struct socket *socket, int level, int option, uint64_t address,
		      int32_t size_bytes)
{
	int32_t value;

	if (size_bytes < 0)
		return -EINVAL;
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (size_bytes < (int32_t)sizeof(value))
		return -EINVAL;
	if (copy_from_user(&value, address, sizeof(value)))
		return -EFAULT;
	if (option == SO_RCVTIMEO)
		return timeout_set(&socket->receive_timeout_ns, address, (uint32_t)size_bytes);
	if (option == SO_SNDTIMEO)
		return timeout_set(&socket->send_timeout_ns, address, (uint32_t)size_bytes);
	return option_set(socket, option, value);
}

long sys_setsockopt(const uint64_t *argument)
{
	struct file *file;
	long err = socket_from_fd((int)argument[0], &file);

	if (err)
		return err;
	err = set_socket(file->data, (int)argument[1], (int)argument[2], argument[3],
			 (int32_t)argument[4]);
	file_put(file);
	return err;
}

/* ---- asking ---- */

union option_value {
	int32_t number;
	int32_t linger[2];
	struct abi_ucred credentials;
	struct abi_timeval time;
};

static int option_number(struct socket *socket, int option, int32_t *number)
{
	int err = 0;

	spin_lock(&socket_lock);
	switch (option) {
	case SO_TYPE:
		*number = socket->type;
		break;
	case SO_ERROR:
		*number = -socket_take_error_locked(socket);
		break;
	case SO_DOMAIN:
		*number = AF_UNIX;
		break;
	case SO_PROTOCOL:
		*number = 0;
		break;
	case SO_SNDBUF:
		*number = (int32_t)socket->send_limit;
		break;
	case SO_RCVBUF:
		*number = (int32_t)socket->receive_limit;
		break;
	case SO_ACCEPTCONN:
		*number = socket->state == SOCKET_LISTENING;
		break;
	case SO_PASSCRED:
		*number = socket->pass_credentials;
		break;
	case SO_RCVLOWAT:
	case SO_SNDLOWAT:
		*number = 1;
		break;
	default:
		*number = (socket->options & remembered(option)) != 0;
		err = remembered(option) ? 0 : -ENOPROTOOPT;
	}
	spin_unlock(&socket_lock);
	return err;
}

/* The option's value and its size. Negative: -ENOPROTOOPT. */
static int option_get(struct socket *socket, int option, union option_value *value)
{
	switch (option) {
	case SO_PEERCRED:
		spin_lock(&socket_lock);
		value->credentials = socket->peer_credentials;
		spin_unlock(&socket_lock);
		return sizeof(value->credentials);
	case SO_LINGER:
		value->linger[0] = value->linger[1] = 0;
		return sizeof(value->linger);
	case SO_RCVTIMEO:
		value->time = time_timeval(socket->receive_timeout_ns);
		return sizeof(value->time);
	case SO_SNDTIMEO:
		value->time = time_timeval(socket->send_timeout_ns);
		return sizeof(value->time);
	default: {
		int err = option_number(socket, option, &value->number);
		return err ? err : (int)sizeof(value->number);
	}
	}
}

static int get_socket(struct socket *socket, const uint64_t *argument)
{
	union option_value value = {0};
	int32_t room;

	if (copy_from_user(&room, argument[4], sizeof(room)))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if ((int)argument[1] != SOL_SOCKET)
		return -EOPNOTSUPP;
	int size_bytes = option_get(socket, (int)argument[2], &value);
	if (size_bytes < 0)
		return size_bytes;
	if (room > size_bytes)
		room = size_bytes;
	if (copy_to_user(argument[3], &value, (size_t)room))
		return -EFAULT;
	return copy_to_user(argument[4], &room, sizeof(room));
}

long sys_getsockopt(const uint64_t *argument)
{
	struct file *file;
	long err = socket_from_fd((int)argument[0], &file);

	if (err)
		return err;
	err = get_socket(file->data, argument);
	file_put(file);
	return err;
}
