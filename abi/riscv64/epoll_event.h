/* SPDX-License-Identifier: MIT */
#ifndef ABI_ARCH_EPOLL_EVENT_H
#define ABI_ARCH_EPOLL_EVENT_H

#include <stdint.h>

struct abi_epoll_event {
	uint32_t events, pad;
	uint64_t data;
};

_Static_assert(sizeof(struct abi_epoll_event) == 16, "struct epoll_event");

#endif
