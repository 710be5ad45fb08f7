// SPDX-License-Identifier: MIT
/*
 * The first port of a virtio console over virtio-mmio: Virtual I/O Device 1.1,
 * sections 2.6 (split queues), 4.2 (mmio, with 4.2.4 its legacy form, which QEMU
 * offers by default) and 5.3 (console). Queue 0 brings bytes in, queue 1 takes them.
 *
 * One output buffer is under way at most; input has INPUTS buffers, each given
 * back to the device when the owner has read it to its end.
 */

#include "kernel/device/port.h"

#include "abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"

#define REG_VERSION          0x004
#define REG_DRIVER_FEATURES  0x020
#define REG_DRIVER_SELECT    0x024
#define REG_GUEST_PAGE_BYTES 0x028 /* legacy */
#define REG_QUEUE_SELECT     0x030
#define REG_QUEUE_MAX        0x034
#define REG_QUEUE_SIZE       0x038
#define REG_QUEUE_ALIGN      0x03c /* legacy */
#define REG_QUEUE_FRAME      0x040 /* legacy */
#define REG_QUEUE_READY      0x044
#define REG_QUEUE_NOTIFY     0x050
#define REG_INTERRUPT_STATUS 0x060
#define REG_INTERRUPT_ACK    0x064
#define REG_STATUS           0x070
#define REG_QUEUE_DESC       0x080
#define REG_QUEUE_DRIVER     0x090
#define REG_QUEUE_DEVICE     0x0a0

#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER      2
#define STATUS_DRIVER_OK   4
#define STATUS_FEATURES_OK 8
#define FEATURE_VERSION_1  (1u << 0) /* bit 32: the first of the second word */

#define DESCRIPTOR_WRITE 2 /* the device writes there */
#define AVAILABLE_QUIET  1 /* no interrupt, please */

#define QUEUE_IN     0
#define QUEUE_OUT    1
#define QUEUE_SIZE   8
#define INPUTS       4
#define BUFFER_BYTES (PAGE_BYTES / INPUTS)

struct descriptor {
	uint64_t address;
	uint32_t size_bytes;
	uint16_t flags, next;
};

struct available {
	uint16_t flags, index;
	uint16_t ring[QUEUE_SIZE];
};

struct used {
	uint16_t flags, index;
	struct {
		uint32_t descriptor, size_bytes;
	} ring[QUEUE_SIZE];
};

/* Two frames, as the legacy form demands: what the driver writes, what the device writes. */
struct queue {
	struct descriptor *descriptors;
	struct available *available;
	struct used *used;
	uint16_t seen; /* used entries dealt with */
};

/* All guarded by the port's owner's lock. */
struct console {
	struct queue in, out;
	uint8_t *input, *output; /* a frame each */
	uint32_t read_offset;    /* into the oldest used input buffer */
};

static volatile uint32_t *reg(const struct port *port, unsigned offset)
{
	return (volatile uint32_t *)(port->serial->base + offset);
}

static uint16_t used_index(const struct queue *queue)
{
	/* Acquire: entries and buffers that it counts are read after it. */
	return __atomic_load_n(&queue->used->index, __ATOMIC_ACQUIRE);
}

/* Give a descriptor to the device. */
static void queue_offer(struct port *port, struct queue *queue, unsigned number,
			uint16_t descriptor)
{
	queue->available->ring[queue->available->index % QUEUE_SIZE] = descriptor;
	/* Release: the entry and its buffer are there before the device sees them counted. */
	__atomic_store_n(&queue->available->index, (uint16_t)(queue->available->index + 1),
			 __ATOMIC_RELEASE);
	/* A device access is not ordered with memory otherwise. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*reg(port, REG_QUEUE_NOTIFY) = number;
}

static bool console_can_read(struct port *port)
{
	struct console *console = port->driver;

	return used_index(&console->in) != console->in.seen;
}

static bool console_can_write(struct port *port)
{
	struct console *console = port->driver;

	return used_index(&console->out) == console->out.available->index;
}

static size_t console_read(struct port *port, uint8_t *to, size_t size_bytes)
{
	struct console *console = port->driver;
	struct queue *in = &console->in;
	size_t count = 0;

	while (count < size_bytes && console_can_read(port)) {
		uint16_t descriptor = (uint16_t)in->used->ring[in->seen % QUEUE_SIZE].descriptor;
		uint32_t filled = in->used->ring[in->seen % QUEUE_SIZE].size_bytes;
		size_t part = filled - console->read_offset;

		if (part > size_bytes - count)
			part = size_bytes - count;
		memcpy(to + count,
		       console->input + descriptor * BUFFER_BYTES + console->read_offset, part);
		count += part;
		console->read_offset += (uint32_t)part;
		if (console->read_offset == filled) {
			console->read_offset = 0;
			in->seen++;
			queue_offer(port, in, QUEUE_IN, descriptor);
		}
	}
	return count;
}

static size_t console_write(struct port *port, const uint8_t *from, size_t size_bytes)
{
	struct console *console = port->driver;

	if (!size_bytes || !console_can_write(port))
		return 0;
	if (size_bytes > PAGE_BYTES)
		size_bytes = PAGE_BYTES;
	memcpy(console->output, from, size_bytes);
	console->out.descriptors[0].size_bytes = (uint32_t)size_bytes;
	queue_offer(port, &console->out, QUEUE_OUT, 0);
	return size_bytes;
}

static void console_listen(struct port *port, bool input, bool output)
{
	struct console *console = port->driver;

	console->in.available->flags = input ? 0 : AVAILABLE_QUIET;
	console->out.available->flags = output ? 0 : AVAILABLE_QUIET;
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* the flags before the owner's next look */
}

static void console_interrupt(void *argument)
{
	struct port *port = argument;

	*reg(port, REG_INTERRUPT_ACK) = *reg(port, REG_INTERRUPT_STATUS);
	port->notify(port);
}

static const struct port_operations console_operations = {
	.read = console_read,
	.write = console_write,
	.can_read = console_can_read,
	.can_write = console_can_write,
	.listen = console_listen,
};

static void register_address(struct port *port, unsigned offset, const void *memory)
{
	uint64_t physical = virt_to_phys(memory);

	*reg(port, offset) = (uint32_t)physical;
	*reg(port, offset + 4) = (uint32_t)(physical >> 32);
}

static int queue_start(struct port *port, struct queue *queue, unsigned number)
{
	*reg(port, REG_QUEUE_SELECT) = number;
	if (*reg(port, REG_QUEUE_MAX) < QUEUE_SIZE)
		return -ENODEV;
	uint64_t frames = frame_alloc_order(1, FRAME_ZERO);
	if (!frames)
		return -ENOMEM;
	uint8_t *memory = phys_to_virt(frames);
	queue->descriptors = (struct descriptor *)memory;
	queue->available = (struct available *)(memory + QUEUE_SIZE * sizeof(struct descriptor));
	queue->used = (struct used *)(memory + PAGE_BYTES);
	*reg(port, REG_QUEUE_SIZE) = QUEUE_SIZE;
	if (*reg(port, REG_VERSION) == 1) {
		*reg(port, REG_QUEUE_ALIGN) = PAGE_BYTES;
		*reg(port, REG_QUEUE_FRAME) = (uint32_t)(frames / PAGE_BYTES);
		return 0;
	}
	register_address(port, REG_QUEUE_DESC, queue->descriptors);
	register_address(port, REG_QUEUE_DRIVER, queue->available);
	register_address(port, REG_QUEUE_DEVICE, queue->used);
	*reg(port, REG_QUEUE_READY) = 1;
	return 0;
}

static void features_agree(struct port *port)
{
	*reg(port, REG_STATUS) = 0;
	*reg(port, REG_STATUS) = STATUS_ACKNOWLEDGE;
	*reg(port, REG_STATUS) = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
	*reg(port, REG_DRIVER_SELECT) = 0;
	*reg(port, REG_DRIVER_FEATURES) = 0;
	if (*reg(port, REG_VERSION) == 1) {
		*reg(port, REG_GUEST_PAGE_BYTES) = PAGE_BYTES;
		return;
	}
	*reg(port, REG_DRIVER_SELECT) = 1;
	*reg(port, REG_DRIVER_FEATURES) = FEATURE_VERSION_1;
	*reg(port, REG_STATUS) = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;
}

/* At boot: what it takes when it fails half-way is not given back. */
int virtio_console_start(struct port *port)
{
	struct console *console = kmem_zalloc(sizeof(*console));
	uint64_t input = frame_alloc(0), output = frame_alloc(0);
	int err;

	if (!console || !input || !output)
		return -ENOMEM;
	console->input = phys_to_virt(input);
	console->output = phys_to_virt(output);
	port->driver = console;
	features_agree(port);
	err = queue_start(port, &console->in, QUEUE_IN);
	if (!err)
		err = queue_start(port, &console->out, QUEUE_OUT);
	if (!err)
		err = arch_irq_register(port->serial->irq, console_interrupt, port);
	if (err)
		return err;
	*reg(port, REG_STATUS) = *reg(port, REG_STATUS) | STATUS_DRIVER_OK;
	console->out.descriptors[0] = (struct descriptor){output, 0, 0, 0};
	for (uint16_t i = 0; i < INPUTS; i++) {
		console->in.descriptors[i] = (struct descriptor){
			input + i * BUFFER_BYTES, (uint32_t)BUFFER_BYTES, DESCRIPTOR_WRITE, 0};
		queue_offer(port, &console->in, QUEUE_IN, i);
	}
	port->operations = &console_operations;
	return 0;
}
