// SPDX-License-Identifier: MIT
/*
 * fork(2)'s copy of a space. Own pages become common to both, read-only until
 * one of them writes. Pieces of objects are noted and nothing else: their pages
 * come by faults, whole spans at a time. The child is unborn, so its lock is
 * not taken; the parent's lock keeps everything in the parent as it is.
 */

#include "kernel/mm/area.h"

#include "abi/errno.h"
#include "kernel/file/file.h"
#include "kernel/lib/string.h"
#include "kernel/mm/flush.h"
#include "kernel/mm/guard.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/pagetable.h"
#include "kernel/process/process.h"

static void layout_copy(struct space *child, const struct space *parent)
{
	child->brk_start = parent->brk_start;
	child->brk_end = parent->brk_end;
	child->stack_start = parent->stack_start;
	child->map_top = parent->map_top;
	child->arguments_start = parent->arguments_start;
	child->arguments_end = parent->arguments_end;
	child->environment_start = parent->environment_start;
	child->environment_end = parent->environment_end;
	child->executable = parent->executable;
	if (child->executable)
		file_get(child->executable);
	memcpy(child->auxv, parent->auxv, sizeof(child->auxv));
}

struct fork {
	struct space *parent, *child;
	bool flush; /* entries of the parent lost their write permission */
};

/* One area's own record in the child, not in its tree yet. 0; -ENOMEM: nothing of it is there. */
static int area_fork(struct fork *fork, const struct area *from, struct area **made)
{
	struct area *area = kmem_alloc(sizeof(*area));

	if (!area)
		return -ENOMEM;
	*area = *from;
	area->flags &= ~AREA_LOCK_MASK; /* mlock(2): not inherited */
	area->own_pages = 0;
	area->piece.mapping = NULL;
	if (from->piece.mapping && shm_piece_fork(&fork->child->shm, &area->piece, &from->piece,
						  process_current()->pid) != 0) {
		kmem_free(area, sizeof(*area));
		return -ENOMEM;
	}
	if (area->file)
		area_file_get(area);
	if (area->flags & AREA_CHARGED)
		fork->child->committed_pages += area_pages(area);
	*made = area;
	return 0;
}

/* The area's own pages, which the child shows too, and its guards. 0; -ENOMEM. */
static int pages_fork(struct fork *fork, const struct area *from, struct area *area)
{
	uint64_t before = fork->child->own_pages;
	int err = 0;

	if (from->flags & AREA_WIPEONFORK)
		return 0;
	if (from->flags & AREA_GUARDED)
		err = guards_fork(fork->parent, fork->child, from->start, from->end);
	if (err || !from->own_pages)
		return err;
	err = pagetable_fork(fork->parent, fork->child, from->start, from->end, from->own_pages,
			     &fork->flush);
	area->own_pages = fork->child->own_pages - before;
	return err;
}

/*
 * The subtree below `from` again, under `parent` at *link: the same shape, the
 * same summaries, nothing searched or balanced. When it fails midway, the tree
 * is still one of search and in the list, good enough to be taken apart.
 */
static int tree_fork(struct fork *fork, const struct rb_node *from, struct rb_node *parent,
		     struct rb_node **link)
{
	struct area *source = container_of(from, struct area, node), *area;
	int err = area_fork(fork, source, &area);

	if (err)
		return err;
	rb_clone(&area->node, from, parent, link);
	if (from->left)
		err = tree_fork(fork, from->left, &area->node, &area->node.left);
	area_list(fork->child, area, NULL);
	if (!err)
		err = pages_fork(fork, source, area);
	if (!err && from->right)
		err = tree_fork(fork, from->right, &area->node, &area->node.right);
	return err;
}

/* The same, area by area, without those that the child must not have. */
static int areas_fork(struct fork *fork)
{
	struct area *from = fork->parent->lowest, *area;

	for (; from; from = area_next(from)) {
		if (from->flags & AREA_DONTFORK)
			continue;

		int err = area_fork(fork, from, &area);

		if (err)
			return err;
		area_insert(fork->child, area, NULL);
		err = pages_fork(fork, from, area);
		if (err)
			return err;
	}
	return 0;
}

/* Areas and own pages. What was promised for areas that are not there is taken back. */
static int contents_fork(struct fork *fork)
{
	struct space *parent = fork->parent, *child = fork->child;
	uint64_t promised = parent->committed_pages;
	int err;

	if (commit_reserve(promised) != 0)
		return -ENOMEM;
	areas_settle(parent);
	if (parent->fork_skips || !parent->areas.node) {
		err = areas_fork(fork);
	} else {
		err = tree_fork(fork, parent->areas.node, NULL, &child->areas.node);
		child->area_count = parent->area_count;
		child->mapped_pages = parent->mapped_pages;
	}
	if (promised != child->committed_pages)
		commit_release(promised - child->committed_pages);
	return err;
}

int space_fork(struct space *parent, struct space **made)
{
	struct fork fork = {.parent = parent};
	int err = space_create(&fork.child);

	if (err)
		return err;
	fork.child->unborn = true; /* nobody sees it before the first piece is in */
	space_lock(parent, true);
	layout_copy(fork.child, parent);
	err = contents_fork(&fork);
	if (fork.flush)
		flush_range(parent, 0, mmu_user_end, false);
	/* Release: who finds it born finds it whole. */
	__atomic_store_n(&fork.child->unborn, false, __ATOMIC_RELEASE);
	space_unlock(parent, true);
	if (err) {
		space_put(fork.child);
		return err;
	}
	*made = fork.child;
	return 0;
}
