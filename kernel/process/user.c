// SPDX-License-Identifier: MIT
/*
 * Users, in a hash table. Credentials hold their real user; a user whom no
 * credentials name is gone. Who counts a thread holds its credentials, so that no
 * count is lost, and giving one back needs no look-up.
 */

#include "kernel/process/user.h"

#include <stddef.h>

#include "kernel/lib/spinlock.h"
#include "kernel/mm/kmem.h"

#define BUCKETS 256

struct user user_root = {.references = 1};

static struct spinlock users_lock = SPINLOCK_INIT(RANK_USERS);
static struct user *buckets[BUCKETS] = {&user_root};

static struct user **bucket_of(uint32_t uid)
{
	return &buckets[uid % BUCKETS];
}

/* With a reference; NULL: there is none. Users lock held. */
static struct user *find_locked(uint32_t uid)
{
	for (struct user *user = *bucket_of(uid); user; user = user->next) {
		if (user->uid == uid) {
			user->references++;
			return user;
		}
	}
	return NULL;
}

struct user *user_find(uint32_t uid)
{
	spin_lock(&users_lock);
	struct user *user = find_locked(uid);
	spin_unlock(&users_lock);
	if (user)
		return user;

	struct user *fresh = kmem_alloc(sizeof(*fresh));
	if (!fresh)
		return NULL;
	spin_lock(&users_lock);
	user = find_locked(uid);
	if (!user) {
		*fresh = (struct user){.next = *bucket_of(uid), .uid = uid, .references = 1};
		*bucket_of(uid) = user = fresh;
		fresh = NULL;
	}
	spin_unlock(&users_lock);
	kmem_free(fresh, sizeof(*fresh));
	return user;
}

struct user *user_get(struct user *user)
{
	spin_lock(&users_lock);
	user->references++;
	spin_unlock(&users_lock);
	return user;
}

void user_put(struct user *user)
{
	spin_lock(&users_lock);
	bool last = --user->references == 0;
	struct user **at = bucket_of(user->uid);
	while (last && *at != user)
		at = &(*at)->next;
	if (last)
		*at = user->next;
	spin_unlock(&users_lock);
	if (last)
		kmem_free(user, sizeof(*user));
}

uint64_t user_thread_count_locked(void)
{
	uint64_t count = 0;

	spin_lock(&users_lock);
	for (unsigned i = 0; i < BUCKETS; i++)
		for (const struct user *user = buckets[i]; user; user = user->next)
			count += user->thread_count;
	spin_unlock(&users_lock);
	return count;
}
