/* SPDX-License-Identifier: MIT */
#ifndef ABI_SOCKET_H
#define ABI_SOCKET_H

/* socket(2), unix(7), sendmsg(2), recvmsg(2), cmsg(3) as Linux has them. */

#include <stdint.h>

#define AF_UNSPEC 0
#define AF_UNIX   1

#define SOCK_STREAM    1
#define SOCK_DGRAM     2
#define SOCK_RAW       3
#define SOCK_SEQPACKET 5
#define SOCK_TYPE_MASK 0xf
#define SOCK_TYPE_MAX  11 /* types are below it */
#define SOCK_NONBLOCK  00004000
#define SOCK_CLOEXEC   02000000

#define SHUT_RD   0
#define SHUT_WR   1
#define SHUT_RDWR 2

#define SOL_SOCKET 1

#define SO_REUSEADDR   2
#define SO_TYPE        3
#define SO_ERROR       4
#define SO_BROADCAST   6
#define SO_SNDBUF      7
#define SO_RCVBUF      8
#define SO_KEEPALIVE   9
#define SO_LINGER      13
#define SO_REUSEPORT   15
#define SO_PASSCRED    16
#define SO_PEERCRED    17
#define SO_RCVLOWAT    18
#define SO_SNDLOWAT    19
#define SO_RCVTIMEO    20
#define SO_SNDTIMEO    21
#define SO_ACCEPTCONN  30
#define SO_SNDBUFFORCE 32
#define SO_RCVBUFFORCE 33
#define SO_PROTOCOL    38
#define SO_DOMAIN      39

#define SCM_RIGHTS      1
#define SCM_CREDENTIALS 2
#define SCM_MAX_FD      253

#define MSG_OOB          0x1
#define MSG_PEEK         0x2
#define MSG_CTRUNC       0x8
#define MSG_TRUNC        0x20
#define MSG_DONTWAIT     0x40
#define MSG_WAITALL      0x100
#define MSG_NOSIGNAL     0x4000
#define MSG_WAITFORONE   0x10000
#define MSG_CMSG_CLOEXEC 0x40000000

#define SOMAXCONN 4096 /* Linux's default net.core.somaxconn */

#define SIOCINQ  0x541b /* FIONREAD */
#define SIOCOUTQ 0x5411 /* TIOCOUTQ */

#define UNIX_PATH_BYTES 108

struct abi_sockaddr_un {
	uint16_t sun_family;
	char sun_path[UNIX_PATH_BYTES];
};

struct abi_ucred {
	int32_t pid;
	uint32_t uid, gid;
};

struct abi_msghdr {
	uint64_t msg_name;
	uint32_t msg_namelen, pad0;
	uint64_t msg_iov, msg_iovlen;
	uint64_t msg_control, msg_controllen;
	uint32_t msg_flags, pad1;
};

struct abi_mmsghdr {
	struct abi_msghdr msg_hdr;
	uint32_t msg_len, pad;
};

struct abi_cmsghdr {
	uint64_t cmsg_len; /* with this header, without the padding after the data */
	int32_t cmsg_level, cmsg_type;
};

#define CMSG_ALIGN(bytes) (((bytes) + 7) & ~7ull)

_Static_assert(sizeof(struct abi_sockaddr_un) == 110, "struct sockaddr_un");
_Static_assert(sizeof(struct abi_msghdr) == 56, "struct msghdr");
_Static_assert(sizeof(struct abi_mmsghdr) == 64, "struct mmsghdr");

#endif
