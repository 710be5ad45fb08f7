/* SPDX-License-Identifier: MIT */
#ifndef BENCH_RING_H
#define BENCH_RING_H

/*
 * Turns and a ring in memory that two processes share, with a futex for whoever must wait. One
 * sender, one receiver.
 */

#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_BYTES (1ul << 20)

static inline void futex_wake(uint32_t *word)
{
	syscall(SYS_futex, word, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
}

static inline void futex_wait(uint32_t *word, uint32_t expected)
{
	syscall(SYS_futex, word, 0 /* FUTEX_WAIT */, expected, NULL, NULL, 0);
}

static inline void turn_pass(uint32_t *mine, uint32_t *theirs)
{
	__atomic_store_n(mine, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(theirs, 1, __ATOMIC_SEQ_CST);
	futex_wake(theirs);
}

static inline void turn_await(uint32_t *mine)
{
	while (!__atomic_load_n(mine, __ATOMIC_SEQ_CST))
		futex_wait(mine, 0);
}

struct ring {
	_Alignas(64) uint32_t sent; /* bytes, modulo 2^32 */
	_Alignas(64) uint32_t received;
	_Alignas(64) uint32_t sleepers; /* somebody waits for sent or received */
	_Alignas(64) char data[RING_BYTES];
};

/* Waits until *word is no longer `seen`. */
static inline void ring_wait(struct ring *ring, uint32_t *word, uint32_t seen)
{
	__atomic_fetch_add(&ring->sleepers, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == seen)
		futex_wait(word, seen);
	__atomic_fetch_sub(&ring->sleepers, 1, __ATOMIC_SEQ_CST);
}

static inline void ring_advance(struct ring *ring, uint32_t *word, uint32_t size_bytes)
{
	__atomic_fetch_add(word, size_bytes, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring->sleepers, __ATOMIC_SEQ_CST))
		futex_wake(word);
}

/* size_bytes divides RING_BYTES. */
static inline void ring_put(struct ring *ring, const char *data, uint32_t size_bytes)
{
	uint32_t received = __atomic_load_n(&ring->received, __ATOMIC_ACQUIRE);

	while (ring->sent - received > RING_BYTES - size_bytes) {
		ring_wait(ring, &ring->received, received);
		received = __atomic_load_n(&ring->received, __ATOMIC_ACQUIRE);
	}
	memcpy(&ring->data[ring->sent % RING_BYTES], data, size_bytes);
	ring_advance(ring, &ring->sent, size_bytes);
}

static inline void ring_get(struct ring *ring, char *data, uint32_t size_bytes)
{
	uint32_t sent = __atomic_load_n(&ring->sent, __ATOMIC_ACQUIRE);

	while (sent - ring->received < size_bytes) {
		ring_wait(ring, &ring->sent, sent);
		sent = __atomic_load_n(&ring->sent, __ATOMIC_ACQUIRE);
	}
	memcpy(data, &ring->data[ring->received % RING_BYTES], size_bytes);
	ring_advance(ring, &ring->received, size_bytes);
}

#endif
