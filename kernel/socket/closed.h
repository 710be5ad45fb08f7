/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_SOCKET_CLOSED_H
#define KERNEL_SOCKET_CLOSED_H

/* What whoever closes a descriptor tells this room. */

#include <stdint.h>

extern uint32_t socket_flying_count; /* [a] sockets on their way to others */
void flights_collect(void);

/* After its file was put: sockets that only hold each other may be left over. */
static inline void socket_descriptor_closed(void)
{
	if (__builtin_expect(__atomic_load_n(&socket_flying_count, __ATOMIC_RELAXED), 0))
		flights_collect();
}

int socket_init(void); /* 0; -ENOMEM */

#endif
