// SPDX-License-Identifier: MIT
/* Messages: text on its way between programs, in the kernel's memory. */

#include "abi/errno.h"
#include "kernel/ipc/msg.h"
#include "kernel/lib/string.h"
#include "kernel/mm/space.h"

#define PIECE_BYTES 4096u /* of one allocation */
#define FIRST_BYTES (PIECE_BYTES - sizeof(struct message))
#define PART_BYTES  (PIECE_BYTES - sizeof(struct message_part))

static uint64_t first_bytes(uint64_t size_bytes)
{
	return size_bytes < FIRST_BYTES ? size_bytes : FIRST_BYTES;
}

static uint64_t part_bytes(uint64_t left)
{
	return left < PART_BYTES ? left : PART_BYTES;
}

void message_free(struct message *message)
{
	if (!message)
		return;

	uint64_t left = message->size_bytes - first_bytes(message->size_bytes);
	while (message->more) {
		struct message_part *part = message->more;
		message->more = part->next;
		ipc_free(part, sizeof(*part) + part_bytes(left));
		left -= part_bytes(left);
	}
	ipc_free(message, sizeof(*message) + first_bytes(message->size_bytes));
}

/* Room for so many bytes; NULL: no memory. */
static struct message *message_new(uint64_t size_bytes)
{
	uint64_t left = size_bytes - first_bytes(size_bytes);
	struct message *message = ipc_alloc(sizeof(*message) + first_bytes(size_bytes));
	struct message_part **link;

	if (!message)
		return NULL;
	message->size_bytes = size_bytes;
	message->more = NULL;
	for (link = &message->more; left; left -= part_bytes(left)) {
		struct message_part *part = ipc_alloc(sizeof(*part) + part_bytes(left));
		if (!part) {
			/* What is not there need not be freed: parts end where the chain does. */
			message_free(message);
			return NULL;
		}
		part->next = NULL;
		*link = part;
		link = &part->next;
		arch_interrupt_point();
	}
	return message;
}

int message_load(uint64_t from, uint64_t size_bytes, struct message **loaded)
{
	struct message *message = message_new(size_bytes);
	uint64_t done = first_bytes(size_bytes);

	if (!message)
		return -ENOMEM;
	int err = copy_from_user(message->text, from, done);
	for (struct message_part *part = message->more; part && !err; part = part->next) {
		uint64_t some = part_bytes(size_bytes - done);
		err = copy_from_user(part->text, from + done, some);
		done += some;
		arch_interrupt_point();
	}
	if (err) {
		message_free(message);
		return -EFAULT;
	}
	*loaded = message;
	return 0;
}

int message_store(const struct message *message, uint64_t to, uint64_t size_bytes)
{
	uint64_t done = first_bytes(size_bytes);
	int err = copy_to_user(to, message->text, done);

	for (const struct message_part *part = message->more; part && done < size_bytes && !err;
	     part = part->next) {
		uint64_t some = part_bytes(size_bytes - done);
		err = copy_to_user(to + done, part->text, some);
		done += some;
		arch_interrupt_point();
	}
	return err ? -EFAULT : 0;
}

void message_copy(struct message *message, const struct message *from)
{
	struct message_part *to = message->more;
	uint64_t done = first_bytes(from->size_bytes);

	message->type = from->type;
	memcpy(message->text, from->text, done);
	for (const struct message_part *part = from->more; part; part = part->next) {
		uint64_t some = part_bytes(from->size_bytes - done);
		memcpy(to->text, part->text, some);
		done += some;
		to = to->next;
	}
}
