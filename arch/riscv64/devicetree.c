// SPDX-License-Identifier: MIT
/*
 * The flattened device tree (Devicetree Specification 0.4, chapter 5), read
 * once at start. Each node's interesting properties are gathered while the walk
 * is inside it; at its end, node_finish puts what it means into `machine`.
 * Nothing points into the tree afterwards, so its memory is free.
 */

#include "arch/riscv64/machine.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"

#define TREE_MAGIC                    0xd00dfeedu
#define TOKEN_NODE                    1
#define TOKEN_NODE_END                2
#define TOKEN_PROPERTY                3
#define TOKEN_NOTHING                 4
#define DEPTH_MAX                     8
#define INTERRUPT_SUPERVISOR_EXTERNAL 9
#define ISA_LEAST                     "rv64imafdc" /* of a tree that does not say */

struct property {
	const uint8_t *data;
	uint32_t size_bytes;
};

/* The properties of one node that somebody here wants. */
enum property_kind {
	ADDRESS_CELLS,
	SIZE_CELLS,
	REG,
	COMPATIBLE,
	DEVICE_TYPE,
	STATUS,
	PHANDLE,
	INTERRUPTS,
	INTERRUPTS_EXTENDED,
	SOURCES,
	TIMEBASE,
	ISA,
	BOOT_ARGUMENTS,
	INITRD_START,
	INITRD_END,
	PROPERTY_COUNT,
};

static const char *const property_names[PROPERTY_COUNT] = {
	"#address-cells", "#size-cells",        "reg",
	"compatible",     "device_type",        "status",
	"phandle",        "interrupts",         "interrupts-extended",
	"riscv,ndev",     "timebase-frequency", "riscv,isa",
	"bootargs",       "linux,initrd-start", "linux,initrd-end",
};

struct node {
	const char *name;
	uint64_t hart;              /* of a cpu node */
	uint32_t interrupt_phandle; /* of a cpu node: its interrupt controller's */
	struct property properties[PROPERTY_COUNT];
};

struct machine machine;

/* phandle of the interrupt controller of each hart: the PLIC names its contexts by them. */
static uint32_t boot_hart_phandle;
static struct property plic_contexts;

static uint32_t big_u32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static uint64_t cells_u64(const uint8_t *bytes, unsigned cells)
{
	return cells == 2   ? (uint64_t)big_u32(bytes) << 32 | big_u32(bytes + 4)
	       : cells == 1 ? big_u32(bytes)
			    : 0;
}

/* A number of one or two cells; `otherwise` when the property is missing. */
static uint64_t property_u64(const struct property *property, uint64_t otherwise)
{
	unsigned cells = property->size_bytes / 4;

	return cells == 1 || cells == 2 ? cells_u64(property->data, cells) : otherwise;
}

/* Is `text` one of the strings in the property? */
static bool property_has(const struct property *property, const char *text)
{
	size_t length = strlen(text) + 1;

	for (uint32_t at = 0; at + length <= property->size_bytes;) {
		const char *string = (const char *)property->data + at;
		if (!strncmp(string, text, length))
			return true;
		at += strnlen(string, property->size_bytes - at) + 1;
	}
	return false;
}

/* The nth (address, size) of a node's reg, in the parent's cells; false: there is none. */
static bool node_reg(const struct node *node, const struct node *parent, unsigned n,
		     struct boot_range *range)
{
	unsigned address_cells = property_u64(&parent->properties[ADDRESS_CELLS], 2);
	unsigned size_cells = property_u64(&parent->properties[SIZE_CELLS], 1);
	unsigned entry_bytes = (address_cells + size_cells) * 4;
	const struct property *reg = &node->properties[REG];

	if (!entry_bytes || (n + 1) * entry_bytes > reg->size_bytes)
		return false;
	const uint8_t *entry = reg->data + n * entry_bytes;
	range->start = cells_u64(entry, address_cells);
	range->end = range->start + cells_u64(entry + address_cells * 4, size_cells);
	return true;
}

static void reserve(uint64_t start, uint64_t end)
{
	if (start < end && machine.reserved_count < MACHINE_RESERVED_MAX)
		machine.reserved[machine.reserved_count++] = (struct boot_range){start, end};
}

static void cpu_finish(const struct node *node, const struct node *parent)
{
	struct boot_range reg;

	if (!node_reg(node, parent, 0, &reg) || property_has(&node->properties[STATUS], "disabled"))
		return;
	if (reg.start == machine.boot_hart) {
		boot_hart_phandle = node->interrupt_phandle;
		string_copy(machine.isa,
			    node->properties[ISA].size_bytes
				    ? (const char *)node->properties[ISA].data
				    : ISA_LEAST,
			    sizeof(machine.isa));
	} else if (machine.hart_count < CPUS_MAX) {
		machine.harts[machine.hart_count++] = reg.start;
	}
}

static void chosen_finish(const struct node *node)
{
	const struct property *arguments = &node->properties[BOOT_ARGUMENTS];

	if (arguments->size_bytes)
		string_copy(boot_info.command_line, (const char *)arguments->data,
			    sizeof(boot_info.command_line));
	boot_info.initrd.start = property_u64(&node->properties[INITRD_START], 0);
	boot_info.initrd.end = property_u64(&node->properties[INITRD_END], 0);
}

static void device_finish(const struct node *node, const struct node *parent)
{
	const struct property *compatible = &node->properties[COMPATIBLE];
	struct machine_device *device = NULL;
	struct boot_range reg;

	if (property_has(compatible, "ns16550a") && !machine.uart.base)
		device = &machine.uart;
	else if (property_has(compatible, "riscv,plic0"))
		device = &machine.plic;
	else if (property_has(compatible, "google,goldfish-rtc"))
		device = &machine.rtc;
	else if (property_has(compatible, "sifive,test0"))
		device = &machine.tester;
	else if (property_has(compatible, "virtio,mmio") &&
		 machine.virtio_count < MACHINE_VIRTIO_MAX)
		device = &machine.virtio[machine.virtio_count++];
	if (!device || !node_reg(node, parent, 0, &reg))
		return;
	device->base = reg.start;
	device->size_bytes = reg.end - reg.start;
	device->irq = property_u64(&node->properties[INTERRUPTS], 0);
	if (device == &machine.plic) {
		plic_contexts = node->properties[INTERRUPTS_EXTENDED];
		machine.plic_sources = property_u64(&node->properties[SOURCES], 31);
	}
}

/* All properties and children of the node were seen. */
static void node_finish(const struct node *node, struct node *parent)
{
	const struct property *type = &node->properties[DEVICE_TYPE];
	struct boot_range reg;

	if (property_has(type, "memory")) {
		for (unsigned n = 0; node_reg(node, parent, n, &reg); n++)
			if (machine.memory_count < MACHINE_MEMORY_MAX)
				machine.memory[machine.memory_count++] = reg;
	} else if (property_has(type, "cpu")) {
		cpu_finish(node, parent);
	} else if (property_has(&node->properties[COMPATIBLE], "riscv,cpu-intc")) {
		parent->interrupt_phandle = property_u64(&node->properties[PHANDLE], 0);
	} else if (!strcmp(node->name, "chosen")) {
		chosen_finish(node);
	} else if (!strcmp(node->name, "cpus")) {
		machine.timebase_hz = property_u64(&node->properties[TIMEBASE], 10000000);
	} else if (!strcmp(parent->name, "reserved-memory")) {
		for (unsigned n = 0; node_reg(node, parent, n, &reg); n++)
			reserve(reg.start, reg.end);
	} else {
		device_finish(node, parent);
	}
}

static void property_note(struct node *node, const char *name, const uint8_t *data, uint32_t size)
{
	for (unsigned i = 0; i < PROPERTY_COUNT; i++)
		if (!strcmp(name, property_names[i]))
			node->properties[i] = (struct property){data, size};
}

static void tree_walk(const uint8_t *tree)
{
	const uint8_t *at = tree + big_u32(tree + 8);
	const char *strings = (const char *)tree + big_u32(tree + 12);
	static struct node nodes[DEPTH_MAX]; /* [0] stands for the root's parent */
	unsigned depth = 0;

	nodes[0].name = "";
	for (;;) {
		uint32_t token = big_u32(at);
		at += 4;
		if (token == TOKEN_NODE) {
			if (++depth == DEPTH_MAX)
				panic("the device tree is too deep");
			memset(&nodes[depth], 0, sizeof(nodes[depth]));
			nodes[depth].name = (const char *)at;
			at += (strlen((const char *)at) + 4) & ~3ull;
		} else if (token == TOKEN_NODE_END) {
			node_finish(&nodes[depth], &nodes[depth - 1]);
			depth--;
		} else if (token == TOKEN_PROPERTY) {
			uint32_t size = big_u32(at);
			property_note(&nodes[depth], strings + big_u32(at + 4), at + 8, size);
			at += 8 + ((size + 3) & ~3u);
		} else if (token != TOKEN_NOTHING) {
			return;
		}
	}
}

/* The PLIC lists its contexts as (phandle, interrupt) pairs, in their order. */
static void plic_context_find(void)
{
	for (unsigned n = 0; (n + 1) * 8 <= plic_contexts.size_bytes; n++) {
		const uint8_t *entry = plic_contexts.data + n * 8;
		if (big_u32(entry) == boot_hart_phandle &&
		    big_u32(entry + 4) == INTERRUPT_SUPERVISOR_EXTERNAL)
			machine.plic_context = n;
	}
}

void devicetree_read(uint64_t physical, uint64_t boot_hart)
{
	const uint8_t *tree = phys_to_virt(physical);

	if (big_u32(tree) != TREE_MAGIC)
		panic("no device tree at %#llx", (unsigned long long)physical);
	machine.boot_hart = boot_hart;
	machine.harts[0] = boot_hart;
	machine.hart_count = 1;
	tree_walk(tree);
	plic_context_find();
	/* The memory reservation block: pairs of address and size, ended by zeros. */
	for (const uint8_t *entry = tree + big_u32(tree + 16);; entry += 16) {
		uint64_t start = cells_u64(entry, 2), size_bytes = cells_u64(entry + 8, 2);
		if (!start && !size_bytes)
			break;
		reserve(start, start + size_bytes);
	}
}
