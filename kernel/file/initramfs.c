// SPDX-License-Identifier: MIT
/*
 * The initial file system: cpio archives of the "new ASCII" format, several in
 * a row with zeros between, unpacked into the root. Nothing in the archive is
 * trusted: every length is checked against what is left.
 * Several names of one file have the same inode number in one archive; only
 * one of them, mostly the last, has the data.
 */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "kernel/file/open.h"
#include "kernel/file/path.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"

#define HEADER_BYTES 110
#define FIELD_COUNT  13

enum field {
	FIELD_INODE,
	FIELD_MODE,
	FIELD_UID,
	FIELD_GID,
	FIELD_LINKS,
	FIELD_MTIME,
	FIELD_SIZE,
	FIELD_DEVICE_MAJOR,
	FIELD_DEVICE_MINOR,
	FIELD_SPECIAL_MAJOR,
	FIELD_SPECIAL_MINOR,
	FIELD_NAME_SIZE,
	FIELD_CHECK,
};

/* A file of this archive that has more names than one. */
struct many_named {
	struct many_named *next;
	uint32_t number, device_major, device_minor;
	struct inode *inode; /* a reference */
};

struct archive {
	const uint8_t *at;
	uint64_t left_bytes, done_bytes;
	struct many_named *many_named;
};

struct member {
	uint32_t field[FIELD_COUNT];
	const char *name; /* ends with NUL */
	const uint8_t *data;
};

static bool advance(struct archive *archive, uint64_t size_bytes)
{
	if (size_bytes > archive->left_bytes)
		return false;
	archive->at += size_bytes;
	archive->left_bytes -= size_bytes;
	archive->done_bytes += size_bytes;
	return true;
}

/* To the next multiple of 4 from the archive's start; at the very end that may be missing. */
static void align(struct archive *archive)
{
	uint64_t padding = -archive->done_bytes & 3;

	(void)advance(archive, padding < archive->left_bytes ? padding : archive->left_bytes);
}

static bool parse_hexadecimal(const uint8_t *text, uint32_t *value)
{
	*value = 0;
	for (int i = 0; i < 8; i++) {
		uint8_t digit = text[i];

		if (digit >= '0' && digit <= '9')
			digit -= '0';
		else if ((digit | 32) >= 'a' && (digit | 32) <= 'f')
			digit = (uint8_t)((digit | 32) - 'a' + 10);
		else
			return false;
		*value = *value << 4 | digit;
	}
	return true;
}

/* One header, name and data; the archive stands after it. 0; -EINVAL. */
static int member_next(struct archive *archive, struct member *member)
{
	const uint8_t *header = archive->at;

	if (archive->left_bytes < HEADER_BYTES ||
	    (memcmp(header, "070701", 6) && memcmp(header, "070702", 6)))
		return -EINVAL;
	for (int i = 0; i < FIELD_COUNT; i++)
		if (!parse_hexadecimal(header + 6 + 8 * i, &member->field[i]))
			return -EINVAL;
	(void)advance(archive, HEADER_BYTES);
	uint32_t name_bytes = member->field[FIELD_NAME_SIZE];
	member->name = (const char *)archive->at;
	if (!name_bytes || name_bytes > PATH_BYTES_MAX || !advance(archive, name_bytes) ||
	    member->name[name_bytes - 1])
		return -EINVAL;
	align(archive);
	member->data = archive->at;
	if (!advance(archive, member->field[FIELD_SIZE]))
		return -EINVAL;
	align(archive);
	return 0;
}

/* ---- one member into the tree ---- */

static int fill(struct dentry *dentry, const struct member *member)
{
	struct io_piece piece;
	struct io io;
	struct file *file;
	uint64_t position = 0;
	int err = file_open_inode(dentry->inode, dentry, O_WRONLY, &file);

	if (err)
		return err;
	io_init_kernel(&io, &piece, (void *)(uintptr_t)member->data, member->field[FIELD_SIZE]);
	long written = file->operations->write(file, &io, &position);
	file_put(file);
	if (written < 0)
		return (int)written;
	return (uint64_t)written == member->field[FIELD_SIZE] ? 0 : -ENOMEM;
}

static int make_link(struct path_walk *walk, const struct member *member, struct dentry **made)
{
	uint32_t size = member->field[FIELD_SIZE];
	struct inode *inode;
	char *text;

	if (!size || size >= PATH_BYTES_MAX)
		return -EINVAL;
	text = kmem_alloc(size + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, member->data, size);
	text[size] = 0;
	int err = tmpfs_symlink_create(walk->parent->inode->filesystem, text, &inode);
	kmem_free(text, size + 1);
	if (err)
		return err;
	err = name_add(walk, inode, made);
	inode_put(inode);
	return err;
}

static void set_attributes(struct inode *inode, const struct member *member)
{
	inode->uid = member->field[FIELD_UID];
	inode->gid = member->field[FIELD_GID];
	inode->mtime_ns = (int64_t)member->field[FIELD_MTIME] * 1000000000;
	if (!S_ISLNK(inode->mode))
		inode->mode = (inode->mode & S_IFMT) | (member->field[FIELD_MODE] & 07777);
}

/* What is there of that name gives way, as later archives override earlier ones. */
static int make_way(struct path_walk *walk, uint32_t mode)
{
	struct dentry *old = walk->child;

	if (!old || S_ISDIR(mode))
		return 0;
	if (S_ISDIR(old->inode->mode))
		return -EISDIR;
	inode_link_drop(old->inode);
	dentry_unlink(old);
	dentry_put(old);
	walk->child = NULL;
	return 0;
}

static struct inode *many_named_find(const struct archive *archive, const struct member *member)
{
	for (struct many_named *m = archive->many_named; m; m = m->next)
		if (m->number == member->field[FIELD_INODE] &&
		    m->device_major == member->field[FIELD_DEVICE_MAJOR] &&
		    m->device_minor == member->field[FIELD_DEVICE_MINOR])
			return m->inode;
	return NULL;
}

static int many_named_add(struct archive *archive, const struct member *member, struct inode *inode)
{
	struct many_named *m = kmem_alloc(sizeof(*m));

	if (!m)
		return -ENOMEM;
	*m = (struct many_named){archive->many_named, member->field[FIELD_INODE],
				 member->field[FIELD_DEVICE_MAJOR],
				 member->field[FIELD_DEVICE_MINOR], inode};
	inode_get(inode);
	archive->many_named = m;
	return 0;
}

/* An archive ends, and with it what its inode numbers mean. */
static void many_named_forget(struct archive *archive)
{
	while (archive->many_named) {
		struct many_named *m = archive->many_named;

		archive->many_named = m->next;
		inode_put(m->inode);
		kmem_free(m, sizeof(*m));
	}
}

static int make_regular(struct archive *archive, struct path_walk *walk,
			const struct member *member, struct dentry **made)
{
	struct inode *inode = NULL;

	if (member->field[FIELD_LINKS] > 1)
		inode = many_named_find(archive, member);
	if (inode)
		return name_add(walk, inode, made);
	int err = name_make(walk, member->field[FIELD_MODE] & (S_IFMT | 07777), 0, made);
	if (!err && member->field[FIELD_LINKS] > 1) {
		err = many_named_add(archive, member, (*made)->inode);
		if (err)
			dentry_put(*made);
	}
	return err;
}

static int make_member(struct archive *archive, struct path_walk *walk, const struct member *member,
		       struct dentry **made)
{
	uint32_t mode = member->field[FIELD_MODE];
	uint64_t device =
		abi_device(member->field[FIELD_SPECIAL_MAJOR], member->field[FIELD_SPECIAL_MINOR]);

	if (walk->child && S_ISDIR(mode) && S_ISDIR(walk->child->inode->mode)) {
		*made = walk->child;
		dentry_get(*made);
		return 0;
	}
	int err = make_way(walk, mode);
	if (err)
		return err;
	if (S_ISLNK(mode))
		return make_link(walk, member, made);
	if (S_ISREG(mode))
		return make_regular(archive, walk, member, made);
	return name_make(walk, mode & (S_IFMT | 07777), device, made);
}

static int unpack_member(struct archive *archive, const struct member *member)
{
	struct path_walk walk;
	struct dentry *made = NULL;
	int err = path_walk_kernel(&walk, member->name,
				   WALK_MISSING_OK | WALK_EXCLUSIVE | WALK_ENTRY);

	if (err)
		return err;
	if (walk.last == WALK_LAST_NAME)
		err = make_member(archive, &walk, member, &made);
	if (err)
		made = NULL;
	path_walk_done(&walk);
	if (!made)
		return err; /* "." is the root: nothing to make */
	if (S_ISREG(made->inode->mode) && member->field[FIELD_SIZE])
		err = fill(made, member);
	set_attributes(made->inode, member);
	dentry_put(made);
	return err;
}

/* 0; -EINVAL: damaged; or what making a member gave, with its name in the log. */
int initramfs_unpack(const void *archive_start, size_t size_bytes)
{
	struct archive archive = {archive_start, size_bytes, 0, NULL};
	struct member member;
	int err = 0;

	while (archive.left_bytes) {
		if (!*archive.at) { /* padding between archives, or at the end */
			(void)advance(&archive, 1);
			continue;
		}
		align(&archive);
		err = member_next(&archive, &member);
		if (err) {
			log_line("initial file system: damaged at byte %llu",
				 (unsigned long long)archive.done_bytes);
			break;
		}
		if (!strcmp(member.name, "TRAILER!!!")) {
			many_named_forget(&archive);
			continue;
		}
		err = unpack_member(&archive, &member);
		if (err) {
			log_line("initial file system: %s: error %d", member.name, -err);
			break;
		}
	}
	many_named_forget(&archive);
	return err;
}
