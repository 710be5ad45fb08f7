// SPDX-License-Identifier: MIT
/* What messages carry beside bytes: open files and credentials. cmsg(3), unix(7). */

#include "abi/errno.h"
#include "arch/arch.h"
#include "kernel/file/fd.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"
#include "kernel/socket/socket.h"
#include "kernel/syscall/syscall.h"

#define CONTROL_BYTES_MAX 20480

#define HEADER_BYTES sizeof(struct abi_cmsghdr)

/* ---- rights ---- */

static struct rights *rights_create(void)
{
	struct rights *rights = kmem_alloc(sizeof(*rights));

	if (!rights)
		return NULL;
	rights->count = 0;
	rights->uid = cred_current()->uid;
	return rights;
}

struct rights *rights_copy(const struct rights *rights)
{
	struct rights *copy = rights_create();

	for (unsigned i = 0; copy && i < rights->count; i++) {
		copy->files[copy->count++] = rights->files[i];
		file_get(rights->files[i]);
	}
	return copy;
}

static void files_put(struct rights *rights)
{
	for (unsigned i = 0; i < rights->count; i++)
		file_put(rights->files[i]);
	kmem_free(rights, sizeof(*rights));
}

/*
 * A file that goes may be a socket, whose queue carries files, and so on, as deep
 * as a program likes. So while one call of this is under way, those that it
 * causes only hand over to it.
 */
void rights_free(struct rights *rights)
{
	struct thread *thread = thread_current();
	struct list_node dying = LIST_INIT(dying);

	if (!rights)
		return;
	if (thread->dying_rights) {
		list_push_back(thread->dying_rights, &rights->in_dying);
		return;
	}
	thread->dying_rights = &dying;
	files_put(rights);
	for (struct list_node *node = list_pop_front(&dying); node; node = list_pop_front(&dying))
		files_put(container_of(node, struct rights, in_dying));
	thread->dying_rights = NULL;
}

/* ---- sending ---- */

static int rights_load(struct message *message, const int32_t *fds, size_t count)
{
	if (!count)
		return 0;
	if (!message->rights)
		message->rights = rights_create();
	struct rights *rights = message->rights;
	if (!rights)
		return -ENOMEM;
	if (count > SCM_MAX_FD - rights->count)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		struct file *file = fd_file_any(fds[i]);
		if (!file)
			return -EBADF;
		rights->files[rights->count++] = file;
	}
	return 0;
}

/* unix(7): one may only say who one is, or must be privileged. */
static int credentials_load(struct message *message, const struct abi_ucred *told)
{
	const struct cred *cred = cred_current();
	bool uid_is_own =
		told->uid == cred->uid || told->uid == cred->euid || told->uid == cred->suid;
	bool gid_is_own =
		told->gid == cred->gid || told->gid == cred->egid || told->gid == cred->sgid;

	bool pid_is_own = told->pid == process_current()->pid;

	if (told->uid == UINT32_MAX || told->gid == UINT32_MAX)
		return -EINVAL; /* nobody's */
	if ((!pid_is_own && !cred_has(cred, CAP_SYS_ADMIN)) ||
	    (!uid_is_own && !cred_has(cred, CAP_SETUID)) ||
	    (!gid_is_own && !cred_has(cred, CAP_SETGID)))
		return -EPERM;
	if (!pid_is_own) {
		struct process *process = process_find(told->pid);

		process_put(process);
		if (!process)
			return -ESRCH;
	}
	message->credentials = *told;
	message->has_credentials = true;
	return 0;
}

static int control_load_one(struct message *message, const struct abi_cmsghdr *header)
{
	const void *data = header + 1;
	size_t data_bytes = header->cmsg_len - HEADER_BYTES;

	if (header->cmsg_level != SOL_SOCKET)
		return 0;
	switch (header->cmsg_type) {
	case SCM_RIGHTS:
		return rights_load(message, data, data_bytes / sizeof(int32_t));
	case SCM_CREDENTIALS:
		if (data_bytes != sizeof(struct abi_ucred))
			return -EINVAL;
		return credentials_load(message, data);
	default:
		return -EINVAL;
	}
}

int control_load(struct message *message, uint64_t address, uint64_t size_bytes)
{
	int err = 0;

	if (!size_bytes)
		return 0;
	if (size_bytes > CONTROL_BYTES_MAX)
		return -ENOBUFS;
	uint8_t *control = kmem_alloc(size_bytes);
	if (!control)
		return -ENOMEM;
	if (copy_from_user(control, address, size_bytes))
		err = -EFAULT;
	for (uint64_t at = 0; !err && size_bytes - at >= HEADER_BYTES;) {
		const struct abi_cmsghdr *header = (const void *)(control + at);
		if (header->cmsg_len < HEADER_BYTES || header->cmsg_len > size_bytes - at) {
			err = -EINVAL;
			break;
		}
		err = control_load_one(message, header);
		uint64_t step = CMSG_ALIGN(header->cmsg_len);
		if (step > size_bytes - at)
			break;
		at += step;
	}
	kmem_free(control, size_bytes);
	return err;
}

/* ---- receiving ---- */

/* One message behind those of *used bytes. False: there is no room, or the memory is not there. */
static bool control_put(int type, const void *data, size_t data_bytes, uint64_t address,
			uint64_t size_bytes, uint64_t *used)
{
	struct abi_cmsghdr header = {HEADER_BYTES + data_bytes, SOL_SOCKET, type};
	uint64_t left = size_bytes - *used;

	if (left < HEADER_BYTES)
		return false;
	bool fits = left >= header.cmsg_len;
	if (!fits)
		header.cmsg_len = left;
	if (copy_to_user(address + *used, &header, sizeof(header)) ||
	    copy_to_user(address + *used + sizeof(header), data, header.cmsg_len - HEADER_BYTES))
		return false;
	uint64_t step = CMSG_ALIGN(header.cmsg_len);
	*used += step < left ? step : left;
	return fits;
}

/* The file gets a descriptor that is written to the address. False: none, or it cannot be told. */
static bool right_install(struct file *file, uint64_t address, bool close_on_exec)
{
	file_get(file);
	int32_t fd = fd_install(file, 0, close_on_exec);

	if (fd < 0) {
		file_put(file);
		return false;
	}
	if (!copy_to_user(address, &fd, sizeof(fd)))
		return true;
	sys_close(&(uint64_t){(uint64_t)fd});
	return false;
}

static void rights_store(struct message *message, uint64_t address, uint64_t size_bytes,
			 uint64_t *used)
{
	struct rights *rights = message->got_rights;
	uint64_t left = size_bytes - *used, room = 0;
	unsigned count = 0;

	if (left > HEADER_BYTES)
		room = (left - HEADER_BYTES) / sizeof(int32_t);
	while (count < rights->count && count < room &&
	       right_install(rights->files[count],
			     address + *used + HEADER_BYTES + count * sizeof(int32_t),
			     message->flags & MSG_CMSG_CLOEXEC))
		count++;
	if (count < rights->count)
		message->got_flags |= MSG_CTRUNC;
	if (!count)
		return;
	struct abi_cmsghdr header = {HEADER_BYTES + count * sizeof(int32_t), SOL_SOCKET,
				     SCM_RIGHTS};
	if (copy_to_user(address + *used, &header, sizeof(header)))
		return;
	uint64_t step = CMSG_ALIGN(header.cmsg_len);
	*used += step < left ? step : left;
}

uint64_t control_store(struct socket *socket, struct message *message, uint64_t address,
		       uint64_t size_bytes)
{
	uint64_t used = 0;

	if (socket->pass_credentials && message->got_credentials &&
	    !control_put(SCM_CREDENTIALS, &message->credentials, sizeof(message->credentials),
			 address, size_bytes, &used))
		message->got_flags |= MSG_CTRUNC;
	if (message->got_rights)
		rights_store(message, address, size_bytes, &used);
	rights_free(message->got_rights);
	message->got_rights = NULL;
	return used;
}
