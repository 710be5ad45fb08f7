// SPDX-License-Identifier: MIT
/*
 * Shows: the bounded buffer, a ring of ten slots in shared memory. Each item
 * has a header and as much data as it needs.
 *
 *	spin   one producer and one consumer that wait by looking again and again
 *	       at the number of free or filled slots. (The textbook's plain
 *	       counters lose updates, since both sides change both: they are
 *	       atomic here.)
 *	sleep  any number of both: semaphores that sleep count the slots, and a
 *	       process-shared mutex guards each end of the ring
 *
 *	buffer spin [ITEMS]
 *	buffer sleep [PRODUCERS [CONSUMERS [ITEMS]]]    ITEMS of each producer
 *
 * Every item must arrive exactly once and whole. Exit status 0, else 1.
 */

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "demo.h"

#define SLOTS         10
#define DATA_MAX      200
#define PRODUCERS_MAX 16
#define ITEMS_MAX     10000
#define PRODUCER_END  (-1) /* in header.producer: no more items, for the consumer that takes it */

struct header {
	int producer;
	int number;
	unsigned length; /* of the data, bytes */
	unsigned sum;    /* of the data's bytes */
};

struct item {
	struct header header;
	unsigned char data[]; /* header.length bytes */
};

/* A slot is large enough for the largest item. */
union slot {
	struct item item;
	unsigned char room[sizeof(struct header) + DATA_MAX];
};

struct buffer {
	/* spin */
	atomic_int empty_slots, filled_slots;
	/* sleep */
	sem_t empty, filled;
	pthread_mutex_t write_lock, read_lock;
	/* both */
	unsigned write_at; /* write_lock, or the one producer */
	unsigned read_at;  /* read_lock, or the one consumer */
	atomic_int received, broken;
	union slot slots[SLOTS];
	atomic_uchar seen[PRODUCERS_MAX][ITEMS_MAX];
};

static void lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(lock, &attributes);
}

static struct buffer *buffer_create(void)
{
	struct buffer *buffer = attach_private(sizeof(*buffer));

	atomic_init(&buffer->empty_slots, SLOTS);
	if (sem_init(&buffer->empty, 1, SLOTS) || sem_init(&buffer->filled, 1, 0))
		die("sem_init");
	lock_init(&buffer->write_lock);
	lock_init(&buffer->read_lock);
	return buffer;
}

static size_t item_bytes(const struct item *item)
{
	return sizeof(item->header) + item->header.length;
}

static void put(struct buffer *buffer, const struct item *item)
{
	memcpy(&buffer->slots[buffer->write_at], item, item_bytes(item));
	buffer->write_at = (buffer->write_at + 1) % SLOTS;
}

static void take(struct buffer *buffer, union slot *copy)
{
	const struct item *item = &buffer->slots[buffer->read_at].item;

	memcpy(copy, item, item_bytes(item));
	buffer->read_at = (buffer->read_at + 1) % SLOTS;
}

/* ---- waiting by looking ---- */

static void send_spinning(struct buffer *buffer, const struct item *item)
{
	while (atomic_load(&buffer->empty_slots) == 0)
		; /* no free slot */
	atomic_fetch_sub(&buffer->empty_slots, 1);
	put(buffer, item);
	atomic_fetch_add(&buffer->filled_slots, 1);
}

static void receive_spinning(struct buffer *buffer, union slot *copy)
{
	while (atomic_load(&buffer->filled_slots) == 0)
		; /* nothing to take */
	atomic_fetch_sub(&buffer->filled_slots, 1);
	take(buffer, copy);
	atomic_fetch_add(&buffer->empty_slots, 1);
}

/* ---- waiting asleep ---- */

static void send_sleeping(struct buffer *buffer, const struct item *item)
{
	sem_wait(&buffer->empty);
	pthread_mutex_lock(&buffer->write_lock);
	put(buffer, item);
	pthread_mutex_unlock(&buffer->write_lock);
	sem_post(&buffer->filled);
}

static void receive_sleeping(struct buffer *buffer, union slot *copy)
{
	sem_wait(&buffer->filled);
	pthread_mutex_lock(&buffer->read_lock);
	take(buffer, copy);
	pthread_mutex_unlock(&buffer->read_lock);
	sem_post(&buffer->empty);
}

/* ---- the two sides ---- */

struct way {
	const char *name;
	void (*send)(struct buffer *buffer, const struct item *item);
	void (*receive)(struct buffer *buffer, union slot *copy);
};

static const struct way ways[] = {
	{"spin", send_spinning, receive_spinning},
	{"sleep", send_sleeping, receive_sleeping},
};

static unsigned sum_of(const struct item *item)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < item->header.length; i++)
		sum = sum * 31 + item->data[i];
	return sum;
}

static void produce(const struct way *way, struct buffer *buffer, int producer, int items)
{
	union slot slot;
	struct item *item = &slot.item;

	for (int number = 0; number < items; number++) {
		item->header.producer = producer;
		item->header.number = number;
		item->header.length = (unsigned)(producer * 37 + number * 11) % (DATA_MAX + 1);
		memset(item->data, 'a' + number % 26, item->header.length);
		item->header.sum = sum_of(item);
		way->send(buffer, item);
	}
}

static void consume(const struct way *way, struct buffer *buffer)
{
	union slot slot;
	const struct item *item = &slot.item;

	for (;;) {
		way->receive(buffer, &slot);
		const struct header *header = &item->header;
		if (header->producer == PRODUCER_END)
			return;
		if (header->sum != sum_of(item) ||
		    atomic_exchange(&buffer->seen[header->producer][header->number], 1))
			atomic_fetch_add(&buffer->broken, 1);
		atomic_fetch_add(&buffer->received, 1);
	}
}

static int run(const struct way *way, int producers, int consumers, int items)
{
	const struct item end = {.header = {.producer = PRODUCER_END}};
	struct buffer *buffer = buffer_create();
	int expected = producers * items, bad = 0, status;

	for (int i = 0; i < consumers; i++) {
		if (start_child() == 0) {
			consume(way, buffer);
			_exit(0);
		}
	}
	for (int i = 0; i < producers; i++) {
		if (start_child() == 0) {
			produce(way, buffer, i, items);
			_exit(0);
		}
	}
	/* When as many children have ended as there are producers, those were the producers. */
	for (int i = 0; i < producers; i++) {
		if (wait(&status) < 0 || status)
			bad++;
	}
	for (int i = 0; i < consumers; i++)
		way->send(buffer, &end);
	bad += wait_children();

	printf("buffer, %s: %d producer%s, %d consumer%s: %d of %d items arrived, %d broken\n",
	       way->name, producers, producers > 1 ? "s" : "", consumers, consumers > 1 ? "s" : "",
	       buffer->received, expected, buffer->broken);
	bad += buffer->received != expected || buffer->broken;
	if (shmdt(buffer))
		die("shmdt");
	return bad ? 1 : 0;
}

static int number_argument(int argc, char **argv, int i, int otherwise, int most)
{
	int value = argc > i ? atoi(argv[i]) : otherwise;

	if (value < 1 || value > most) {
		fprintf(stderr, "buffer: '%s' is not between 1 and %d\n", argv[i], most);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "spin"))
		return run(&ways[0], 1, 1, number_argument(argc, argv, 2, 200, ITEMS_MAX));
	if (argc > 1 && !strcmp(argv[1], "sleep")) {
		int producers = number_argument(argc, argv, 2, 1, PRODUCERS_MAX);
		int consumers = number_argument(argc, argv, 3, 1, PRODUCERS_MAX);
		return run(&ways[1], producers, consumers,
			   number_argument(argc, argv, 4, 1000, ITEMS_MAX));
	}
	fprintf(stderr, "usage: buffer spin [ITEMS]\n"
			"       buffer sleep [PRODUCERS [CONSUMERS [ITEMS]]]\n");
	return 2;
}
