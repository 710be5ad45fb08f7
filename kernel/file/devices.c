// SPDX-License-Identifier: MIT
/*
 * /dev: null, zero, full, random and urandom are here; consoles and terminals
 * come from kernel/device/device.h. A node is found by its number at open(2),
 * wherever in the tree mknod(2) put it.
 */

#include "kernel/file/devices.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "arch/arch.h"
#include "kernel/device/device.h"
#include "kernel/file/open.h"
#include "kernel/file/path.h"
#include "kernel/lib/print.h"
#include "kernel/lib/random.h"
#include "kernel/lib/string.h"
#include "kernel/process/process.h"

#define MEMORY_MAJOR 1

static long null_read(struct file *file, struct io *io, uint64_t *position)
{
	(void)file, (void)io, (void)position;
	return 0;
}

static long null_write(struct file *file, struct io *io, uint64_t *position)
{
	(void)file, (void)position;
	long size = (long)io->left_bytes;

	io->left_bytes = 0;
	return size;
}

static long zero_read(struct file *file, struct io *io, uint64_t *position)
{
	long done = 0;

	(void)file, (void)position;
	while (io->left_bytes) {
		size_t chunk = io->left_bytes < 65536 ? io->left_bytes : 65536;
		size_t moved = io_clear(io, chunk);

		done += (long)moved;
		if (moved < chunk)
			return done ? done : -EFAULT;
		schedule_point();
	}
	return done;
}

static long full_write(struct file *file, struct io *io, uint64_t *position)
{
	(void)file, (void)position;
	return io->left_bytes ? -ENOSPC : 0;
}

static long random_read(struct file *file, struct io *io, uint64_t *position)
{
	uint8_t bytes[256];
	long done = 0;

	(void)file, (void)position;
	while (io->left_bytes) {
		size_t chunk = io->left_bytes < sizeof(bytes) ? io->left_bytes : sizeof(bytes);

		random_fill(bytes, chunk);
		size_t moved = io_copy_to(io, bytes, chunk);
		done += (long)moved;
		if (moved < chunk)
			return done ? done : -EFAULT;
		schedule_point();
	}
	return done;
}

#define MEMORY_FILE(name, how_read, how_write)                                                     \
	static const struct file_operations name = {                                               \
		.read = (how_read), .write = (how_write), .seeks = true}

MEMORY_FILE(null_files, null_read, null_write);
static const struct file_operations zero_files = {
	.read = zero_read, .write = null_write, .seeks = true, .maps_zeros = true};
MEMORY_FILE(full_files, zero_read, full_write);
MEMORY_FILE(random_files, random_read, null_write);

static const struct memory_device {
	const char *name;
	uint32_t minor;
	const struct file_operations *operations;
} memory_devices[] = {
	{"null", 3, &null_files},     {"zero", 5, &zero_files},      {"full", 7, &full_files},
	{"random", 8, &random_files}, {"urandom", 9, &random_files},
};

#define MEMORY_DEVICES (sizeof(memory_devices) / sizeof(memory_devices[0]))

int device_open(struct inode *inode, struct file *file)
{
	uint32_t major = abi_device_major(inode->device), minor = abi_device_minor(inode->device);

	if (!S_ISCHR(inode->mode))
		return -ENXIO;
	for (size_t i = 0; i < MEMORY_DEVICES && major == MEMORY_MAJOR; i++) {
		if (memory_devices[i].minor == minor) {
			file->operations = memory_devices[i].operations;
			return 0;
		}
	}
	for (unsigned i = 0; i < device_file_count; i++) {
		const struct device_file *device = &device_files[i];

		if (device->major != major || device->minor != minor)
			continue;
		file->operations = device->operations;
		int err = device->open(file, (int)file->flags);
		if (err)
			file->operations = NULL; /* so that nothing is released */
		return err;
	}
	return -ENXIO;
}

/* ---- nodes ---- */

static int make_node(const char *name, uint32_t mode, uint32_t major, uint32_t minor)
{
	struct path_walk walk;
	char path[64];

	(void)format(path, sizeof(path), "/dev/%s", name);
	int err = path_walk_kernel(&walk, path, WALK_MISSING_OK | WALK_EXCLUSIVE | WALK_ENTRY);
	if (err)
		return err;
	err = name_make(&walk, mode, abi_device(major, minor), NULL);
	path_walk_done(&walk);
	return err == -EEXIST ? 0 : err;
}

static int make_link(const char *name, const char *text)
{
	struct path_walk walk;
	struct inode *inode;
	char path[64];

	(void)format(path, sizeof(path), "/dev/%s", name);
	int err = path_walk_kernel(&walk, path, WALK_MISSING_OK | WALK_EXCLUSIVE | WALK_ENTRY);
	if (err)
		return err;
	if (!walk.child) {
		err = tmpfs_symlink_create(walk.parent->inode->filesystem, text, &inode);
		if (!err) {
			err = name_add(&walk, inode, NULL);
			inode_put(inode);
		}
	}
	path_walk_done(&walk);
	return err;
}

int devices_populate(void)
{
	static const char *const links[][2] = {
		{"fd", "/proc/self/fd"},
		{"stdin", "/proc/self/fd/0"},
		{"stdout", "/proc/self/fd/1"},
		{"stderr", "/proc/self/fd/2"},
	};
	int err = 0;

	for (size_t i = 0; i < MEMORY_DEVICES && !err; i++)
		err = make_node(memory_devices[i].name, S_IFCHR | 0666, MEMORY_MAJOR,
				memory_devices[i].minor);
	for (unsigned i = 0; i < device_file_count && !err; i++)
		err = make_node(device_files[i].name, S_IFCHR | device_files[i].mode,
				device_files[i].major, device_files[i].minor);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]) && !err; i++)
		err = make_link(links[i][0], links[i][1]);
	return err;
}
