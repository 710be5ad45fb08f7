/* SPDX-License-Identifier: MIT */
#ifndef ABI_EPOLL_H
#define ABI_EPOLL_H

/* epoll(7), eventfd(2), timerfd_create(2). EPOLLIN and its kin are those of poll.h. */

#include <stdint.h>

#include <epoll_event.h> /* abi/ARCH: struct abi_epoll_event is packed on x86_64 only */

#define EPOLL_CLOEXEC 02000000

#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3

#define EPOLLEXCLUSIVE (1u << 28)
#define EPOLLWAKEUP    (1u << 29)
#define EPOLLONESHOT   (1u << 30)
#define EPOLLET        (1u << 31)

#define EFD_SEMAPHORE 1
#define EFD_NONBLOCK  04000
#define EFD_CLOEXEC   02000000

#define TFD_TIMER_ABSTIME       1
#define TFD_TIMER_CANCEL_ON_SET 2
#define TFD_NONBLOCK            04000
#define TFD_CLOEXEC             02000000

#endif
