/* SPDX-License-Identifier: MIT */
#ifndef ABI_FCNTL_H
#define ABI_FCNTL_H

/* open(2), fcntl(2), the *at calls, lseek(2), fallocate(2), memfd_create(2) as Linux has them. */

#include <stdint.h>

#define O_ACCMODE     00000003
#define O_RDONLY      00000000
#define O_WRONLY      00000001
#define O_RDWR        00000002
#define O_CREAT       00000100
#define O_EXCL        00000200
#define O_NOCTTY      00000400
#define O_TRUNC       00001000
#define O_APPEND      00002000
#define O_NONBLOCK    00004000
#define O_DSYNC       00010000
#define O_ASYNC       00020000
#define O_NOATIME     01000000
#define O_CLOEXEC     02000000
#define O_SYNC        04010000
#define O_PATH        010000000
#define O_TMPFILE     (020000000 | O_DIRECTORY)
#define O_TMPFILE_BIT 020000000
#define O_LARGEFILE   00100000

/* The three that another architecture may number otherwise. */
#include <open_flags.h>

#define F_DUPFD         0
#define F_GETFD         1
#define F_SETFD         2
#define F_GETFL         3
#define F_SETFL         4
#define F_GETLK         5
#define F_SETLK         6
#define F_SETLKW        7
#define F_SETOWN        8
#define F_GETOWN        9
#define F_OFD_GETLK     36
#define F_OFD_SETLK     37
#define F_OFD_SETLKW    38
#define F_DUPFD_CLOEXEC 1030
#define F_SETPIPE_SZ    1031
#define F_GETPIPE_SZ    1032
#define F_ADD_SEALS     1033
#define F_GET_SEALS     1034

#define FD_CLOEXEC 1

#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2

#define F_SEAL_SEAL         0x01
#define F_SEAL_SHRINK       0x02
#define F_SEAL_GROW         0x04
#define F_SEAL_WRITE        0x08
#define F_SEAL_FUTURE_WRITE 0x10
#define F_SEAL_EXEC         0x20

#define LOCK_SH 1
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_UN 8

#define AT_FDCWD            (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_EACCESS          0x200 /* faccessat2 */
#define AT_REMOVEDIR        0x200 /* unlinkat */
#define AT_SYMLINK_FOLLOW   0x400
#define AT_NO_AUTOMOUNT     0x800
#define AT_EMPTY_PATH       0x1000
#define AT_STATX_SYNC_TYPE  0x6000

#define SEEK_SET  0
#define SEEK_CUR  1
#define SEEK_END  2
#define SEEK_DATA 3
#define SEEK_HOLE 4

#define FALLOC_FL_KEEP_SIZE  0x01
#define FALLOC_FL_PUNCH_HOLE 0x02
#define FALLOC_FL_ZERO_RANGE 0x10

#define SYNC_FILE_RANGE_ALL 7u /* the flags that there are */

#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE  2

#define MFD_CLOEXEC       0x0001u
#define MFD_ALLOW_SEALING 0x0002u
#define MFD_HUGETLB       0x0004u
#define MFD_NOEXEC_SEAL   0x0008u
#define MFD_EXEC          0x0010u

#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_CLOEXEC 4u

#define ACCESS_EXECUTE 1 /* X_OK */
#define ACCESS_WRITE   2 /* W_OK */
#define ACCESS_READ    4 /* R_OK */

struct abi_flock {
	int16_t l_type, l_whence;
	uint32_t pad;
	int64_t l_start, l_len;
	int32_t l_pid;
	uint32_t pad_end;
};

struct abi_open_how {
	uint64_t flags, mode, resolve;
};

#define RESOLVE_NO_XDEV       0x01
#define RESOLVE_NO_MAGICLINKS 0x02
#define RESOLVE_NO_SYMLINKS   0x04
#define RESOLVE_BENEATH       0x08
#define RESOLVE_IN_ROOT       0x10

_Static_assert(sizeof(struct abi_flock) == 32, "struct flock");

#endif
