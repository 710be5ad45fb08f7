/* SPDX-License-Identifier: MIT */
#ifndef SHM_SHM_H
#define SHM_SHM_H

/*
 * Shared memory for a kernel: what the host calls. What the host provides is
 * port.h. Read docs/design.md first for the one idea: an object's pages are a
 * piece of page table, and a space that maps the object links it.
 *
 *   object    pages without addresses (shm_object_*)
 *   mapping   one object in one space at one offset: addresses without pages.
 *             The host's areas that show it are its pieces (shm_piece_*)
 *   segment   System V's identity, permission and times around an object
 *   namespace ids, keys, limits of segments
 *
 * Errors are negative errno values. Sizes in pages are of SHM_PAGE_BYTES.
 * Locks: space -> namespace -> object -> segment -> the port's own; never two
 * spaces (but fork's unborn child), never two objects.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/shm.h"
#include "shm/port.h"

#define SHM_PAGE_SHIFT        12
#define SHM_PAGE_BYTES        4096ull
#define SHM_ENTRIES_PER_TABLE 512
#define SHM_SPAN_SHIFT        21 /* what one leaf covers: 2 MiB */
#define SHM_SPAN_BYTES        (1ull << SHM_SPAN_SHIFT)
#define SHM_MIDDLE_SHIFT      30 /* what one middle table covers: 1 GiB */
#define SHM_MIDDLE_BYTES      (1ull << SHM_MIDDLE_SHIFT)
#define SHM_INLINE_PAGES      16 /* objects up to 64 KiB hold their entries inline */

/* One instance of the subsystem. A kernel has one; a test may have several, one after another. */
struct shm {
	const struct shm_port *port; /* [I] */
	bool link;                   /* [I] spans may be linked (kernel argument shm.link) */
	bool trace;                  /* [I] log attach, detach, link, drop, fallback, removal */
	bool extended_ids; /* [I] set after shm_init: 24 bits of index in an id, not 15 (ipcmni_extend) */
	uint64_t next_serial; /* [a] of objects and spaces; never reused */
	struct shm_counters { /* [a] each */
		uint64_t objects, pages, leaves, mappings;
		uint64_t links, drops, fills, faults;
	} counters;
	struct shm_checked { /* [a] each: what check.c has walked, and what it left out since it was locked */
		uint64_t pieces, pieces_skipped, objects, objects_skipped;
		uint64_t segments, namespaces, namespaces_skipped;
	} checked;
	struct shm_mutex locked_lock; /* guards lockers */
	struct shm_locker *lockers;   /* users who have segments locked (locked.c) */
};

/*
 * The port of an instance. A host that has one port for all of them compiles shm with its name,
 * -DSHM_PORT=name: then link-time optimisation sees which function each call reaches.
 */
#ifdef SHM_PORT
extern const struct shm_port SHM_PORT;
static inline const struct shm_port *shm_port(const struct shm *shm)
{
	(void)shm;
	return &SHM_PORT;
}
#else
static inline const struct shm_port *shm_port(const struct shm *shm)
{
	return shm->port;
}
#endif

/* Set up an instance; `link` false forces private filling everywhere. Cannot fail. */
void shm_init(struct shm *shm, const struct shm_port *port, bool link, bool trace);

struct shm_creator;
struct shm_locker;
struct shm_segment;

/* Capabilities of a caller that shm asks for, as Linux numbers them: capabilities(7). */
#define SHM_CAP_IPC_LOCK  (1ull << 14)
#define SHM_CAP_IPC_OWNER (1ull << 15)
#define SHM_CAP_SYS_ADMIN (1ull << 21)

/* Who calls: data, not callbacks. Valid for the call only. */
struct shm_caller {
	struct shm_space *space; /* NULL when the call touches none */
	int32_t pid;             /* thread group id */
	uint32_t uid, gid;       /* effective: the owner of what it makes */
	uint32_t access_gid;     /* as whose member it may use something: Linux's fsgid */
	const uint32_t *groups;  /* supplementary */
	size_t group_count;
	uint64_t capabilities; /* effective; others than SHM_CAP_* do no harm */
	/* For shm_control only: */
	uint32_t real_uid; /* on whose account SHM_LOCK goes */
	uint64_t memlock_limit_bytes;
	/* For shm_get and shm_table_create only: the thread's, first NULL. NULL: it keeps none. */
	struct shm_creator **creators;
};

/* ---- objects: pages without addresses (object.c) ---- */

#define SHM_OBJECT_NORESERVE (1u << 0) /* not charged by shm_port.reserve */
/*
 * Its pages would be huge ones, of which there are none: it has a size in whole
 * huge pages and never a page, so each access is SHM_FAULT_BUS. With NORESERVE.
 */
#define SHM_OBJECT_HUGE_SPAN   (1u << 1) /* of SHM_SPAN_BYTES */
#define SHM_OBJECT_HUGE_MIDDLE (1u << 2) /* of SHM_MIDDLE_BYTES */
#define SHM_OBJECT_HUGE        (SHM_OBJECT_HUGE_SPAN | SHM_OBJECT_HUGE_MIDDLE)

/*
 * A new object of zero pages' content, one reference to the caller. Its size is
 * rounded up to whole pages of its kind.
 * 0; -ENOMEM; -EFBIG above 2^63 bytes, unless it is huge. No locks held.
 */
int shm_object_create(struct shm *shm, uint64_t size_pages, unsigned flags,
		      struct shm_object **object);
void shm_object_get(struct shm_object *object);
/* Drop a reference; the last one frees all pages. No object, leaf or port locks held. */
void shm_object_put(struct shm_object *object);

/* A limit that objects share, as the files of one file system do. Its owner reads and sets it. */
struct shm_quota {
	uint64_t used_pages; /* [a] of all its objects, present or elsewhere */
	uint64_t max_pages;  /* [a] 0: no limit. A page beyond is -ENOSPC, and SIGBUS for a fault */
};
/* The object has no page yet, and nobody else knows it. The quota outlives it. */
void shm_object_set_quota(struct shm_object *object, struct shm_quota *quota);

uint64_t shm_object_serial(const struct shm_object *object);
uint64_t shm_object_size_pages(const struct shm_object *object);
/* What it may be mapped and cut at: SHM_PAGE_BYTES, or its huge pages. */
uint64_t shm_object_page_bytes(const struct shm_object *object);
uint64_t shm_object_resident_pages(const struct shm_object *object);
uint64_t shm_object_swapped_pages(const struct shm_object *object);
/* How many mappings show it: one for each space and base. */
uint64_t shm_object_mapping_count(struct shm_object *object);
/* The alignment that lets a mapping of this object link: SHM_SPAN_BYTES, or a page. */
uint64_t shm_object_alignment_bytes(const struct shm_object *object);

/*
 * Grow or shrink, under live mappings: pages past a shrink are unmapped
 * everywhere, flushed, then freed. 0; -ENOMEM (growing); -EFBIG. No locks held.
 */
int shm_object_resize(struct shm_object *object, uint64_t size_pages);
/* Free pages [first, first + count), which read as zeros again. fallocate(2) PUNCH_HOLE. */
void shm_object_punch(struct shm_object *object, uint64_t first, uint64_t count);
/*
 * Make sure of the memory of pages: each that is not there is made, of zeros, but counts as touched
 * only when somebody gets to it. fallocate(2). 0; -ENOMEM, -ENOSPC: some may have been made;
 * -EFBIG: past the end; -EIO: poisoned. No locks held.
 */
int shm_object_preallocate(struct shm_object *object, uint64_t first, uint64_t count);
/*
 * Preallocated pages [first, end) of an object that nobody maps become those of another with the
 * same quota, where it has none; others are freed, as are those for which there is no memory.
 * They have never been aged or evicted. For what is kept beside a file, past its end. No locks held.
 */
void shm_object_move_pages(struct shm_object *from, struct shm_object *to, uint64_t first,
			   uint64_t end);
/* How many of the pages [first, first + count) a preallocation would make. No locks held. */
uint64_t shm_object_absent_pages(struct shm_object *object, uint64_t first, uint64_t count);
/*
 * Evict up to `count` present pages from `first` on: cleared everywhere, one
 * flush, written out, freed. Returns how many. Only tries locks. Needs swap.
 */
uint64_t shm_object_evict(struct shm_object *object, uint64_t first, uint64_t count);
/*
 * Make present pages from `first` on old: nobody can reach one without a
 * fault, which makes it young. For CPUs without an accessed bit: what is still
 * old later has not been used. Returns how many became old. Only tries locks.
 */
uint64_t shm_object_age(struct shm_object *object, uint64_t first, uint64_t count);

/*
 * The frame of one page, pinned: for read(2), write(2), private copies.
 * 0; -ENODATA: not there and `create` false (reads as zeros); -EFBIG: past the
 * end; -ENOMEM; -EIO: poisoned. The caller unpins. No object lock held.
 */
int shm_object_page_pin(struct shm_object *object, uint64_t index, bool create, uint64_t *frame);
void shm_object_page_unpin(struct shm_object *object, uint64_t frame);
/*
 * The next space that shows the object in a private mapping, for a host that
 * looks at its own copies there: that with the lowest serial from *serial on for which
 * `hold`, called with the object locked, takes a reference (it may refuse with false).
 * *serial becomes one more than the space's. NULL: no more. No locks held.
 */
struct shm_space *shm_object_private_space(struct shm_object *object, uint64_t *serial,
					   bool (*hold)(struct shm_space *space));
/*
 * Is the page in memory, and has somebody accessed it, or pinned it to be made, since it was?
 * For mincore(2), statistics.
 */
bool shm_object_page_touched(struct shm_object *object, uint64_t index);
/*
 * The first page from `index` on that has data, in memory or in swap, or UINT64_MAX: lseek(2)
 * SEEK_DATA; or with `data` false, the first that has none: SEEK_HOLE. A page that was only
 * preallocated has none. Holes of any size are one step.
 */
uint64_t shm_object_seek(struct shm_object *object, uint64_t index, bool data);

/* ---- mappings: objects in spaces (mapping.c) ---- */

/* Embedded in the host's address space. Fields are shm's. */
struct shm_space {
	struct shm *shm;              /* [I] */
	uint64_t serial;              /* [I] never reused */
	struct shm_mapping *mappings; /* space lock: all mappings of this space */
	uint64_t mapping_count;       /* [a] the host reads it: 0 means flush_shared need not ask */
	uint64_t link_count;     /* [a] slots that are links now; 0: shm_place has nothing to do */
	struct shm_table *table; /* space lock: the per-process table, or NULL */
};

/* How a piece shows its object. */
#define SHM_PIECE_PRIVATE                                                                          \
	(1u << 0) /* copy on write: never linked; copies are the host's, marked own */
#define SHM_PIECE_SEGMENT (1u << 1) /* counts in nattch: made by shmat */

/*
 * Embedded in each area of the host that shows an object. The host may read
 * all, and writes only what it copies when it splits an area. start and end
 * are those of the area: shm_piece_* keeps them. All fields change only under
 * the exclusive space lock.
 */
struct shm_piece {
	struct shm_mapping *mapping; /* NULL: the area shows no object */
	uint64_t start, end;         /* bytes, page aligned */
	unsigned protection;         /* SHM_READ | ... */
	unsigned flags;              /* SHM_PIECE_* */
	uint64_t attach; /* which one of the segment: shm_piece_attach; 0: its base says it */
};

void shm_space_init(struct shm_space *space, struct shm *shm);
/* All areas are unmapped already; drops the per-process table. */
void shm_space_release(struct shm_space *space);

/*
 * The host is about to insert, move, grow or reprotect an area of any kind
 * (brk, stack growth, mmap, MAP_FIXED) in [start, end): the links in the spans
 * that it touches are dropped and flushed. Space lock exclusive. Cannot fail.
 */
void shm_place_links(struct shm_space *space, uint64_t start, uint64_t end);
static inline void shm_place(struct shm_space *space, uint64_t start, uint64_t end)
{
	if (__atomic_load_n(&space->link_count, __ATOMIC_RELAXED))
		shm_place_links(space, start, end);
}

/*
 * Show object pages from `index` on at [start, end). Fills in *piece, which
 * the caller then inserts into its areas without unlocking. Takes an object
 * reference for the mapping. shm_place has been called. For SHM_PIECE_SEGMENT
 * counts an attachment; `pid`, here and below, is who is named by its lpid then.
 * 0; -ENOMEM with nothing changed. Space lock exclusive.
 */
int shm_piece_map(struct shm_space *space, struct shm_piece *piece, struct shm_object *object,
		  uint64_t start, uint64_t end, uint64_t index, unsigned protection, unsigned flags,
		  int32_t pid);
/*
 * Fill what can be had without a fault: small objects into the private leaf,
 * so that they never fault when resident. After the area is inserted. Cannot
 * fail: what it cannot do, a fault does later. Space lock exclusive.
 */
void shm_piece_settle(struct shm_space *space, struct shm_piece *piece);
/*
 * The area is cut at `at`: low keeps [start, at), high becomes [at, end). Cannot fail. Of a segment:
 * `pid` did it (lpid, atime). 0: it is not sure that the parts remain; one may join its other neighbour,
 * and then only a border has moved, which is nobody's doing; else shm_piece_split_told says whose.
 */
void shm_piece_split(struct shm_space *space, struct shm_piece *low, struct shm_piece *high,
		     uint64_t at, int32_t pid);
void shm_piece_split_told(const struct shm_piece *piece, int32_t pid);
/*
 * Two neighbouring areas of one object become one: low takes high's end. Of a segment: one
 * attachment fewer, but nobody has detached anything.
 */
void shm_piece_merge(struct shm_space *space, struct shm_piece *low, struct shm_piece *high);
/*
 * shmdt takes all pieces of one attach at one base. As long as none was moved
 * or grew, the base alone tells attaches of a segment apart. Before that, and
 * before a piece is mapped that shows another part of the same attach, the host
 * asks here: all pieces that the attach has get a name of their own, which is
 * the result (0: no segment's piece), and which the host puts into the new piece
 * (its field attach) when that is mapped. Looks at the areas where the attach
 * began. Space lock exclusive.
 */
uint64_t shm_piece_attach(struct shm_space *space, struct shm_piece *piece);
/* Are both of one attach? They show the same segment. */
bool shm_piece_same_attach(const struct shm_piece *a, const struct shm_piece *b);
/*
 * The piece's segment, held until shm_segment_unhold: `going` of its pieces are about to go, to be
 * mapped otherwise. NULL: it goes with them, since it was removed. Space lock exclusive.
 */
struct shm_segment *shm_piece_hold(const struct shm_piece *piece, uint64_t going);
/* A hold ends; as with the last detach, the segment may go. No namespace lock. */
void shm_segment_unhold(struct shm_segment *segment);
/* The area grew in place to new_end (mremap). shm_place has been called for the new part. */
void shm_piece_extend(struct shm_space *space, struct shm_piece *piece, uint64_t new_end);
/*
 * The area goes. Its translations are cleared, flushed, and the object's
 * reference and attachment given back; a removed segment's last one frees it.
 * Entries marked own (private copies) must be gone already. Cannot fail.
 * Space lock exclusive; piece->mapping is NULL afterwards.
 */
void shm_piece_unmap(struct shm_space *space, struct shm_piece *piece, int32_t pid);
/* The area's protection changes as a whole (split first). Entries marked own are the host's. */
void shm_piece_protect(struct shm_space *space, struct shm_piece *piece, unsigned protection);
/* fork(2): *child is a copy of *parent in the child's space; no pages, no tables. 0; -ENOMEM. */
int shm_piece_fork(struct shm_space *child_space, struct shm_piece *child,
		   const struct shm_piece *parent, int32_t pid);

/* What shm_fault says. */
enum shm_fault_result {
	SHM_FAULT_DONE,   /* retry the access */
	SHM_FAULT_DENIED, /* the piece's protection forbids it: SIGSEGV, SEGV_ACCERR */
	SHM_FAULT_BUS,    /* past the object's end, or its contents are lost: SIGBUS, BUS_ADRERR */
	SHM_FAULT_MEMORY, /* no memory for a shared page or table: the host decides, by default SIGBUS */
	SHM_FAULT_COPY, /* write to a private piece: the host makes its own copy */
};
/*
 * A fault in a piece. `access` is the kind of access, one of SHM_READ,
 * SHM_WRITE, SHM_EXEC. For SHM_FAULT_COPY the host pins the page
 * (shm_object_page_pin), copies it and enters the copy with the own mark.
 * Space lock shared at least. May sleep.
 */
enum shm_fault_result shm_fault(struct shm_space *space, struct shm_piece *piece, uint64_t address,
				unsigned access);

struct shm_object *shm_piece_object(const struct shm_piece *piece);
/* The object's page that shows at an address of the piece. */
uint64_t shm_piece_index(const struct shm_piece *piece, uint64_t address);
/* A segment's piece: its shmid and key, as /proc/PID/maps names them; false for other objects. */
bool shm_piece_segment(const struct shm_piece *piece, int32_t *shmid, uint32_t *key);
/*
 * What the CPU finds at an address through a link: the entry of the object's page, or SHM_ENTRY_NONE:
 * there is no link, or no page. For /proc/PID/pagemap. Space lock shared at least.
 */
uint64_t shm_piece_linked_entry(const struct shm_piece *piece, uint64_t address);

/* ---- segments and namespaces: System V (sysv.c, namespace.c, segment.c) ---- */

struct shm_namespace;

/* /proc/sys/kernel/shm*: the settings of one namespace. */
struct shm_limits {
	uint64_t shmmax_bytes; /* shmmax */
	uint64_t shmall_pages; /* shmall */
	uint32_t shmmni;       /* number of segments */
	bool rmid_forced;      /* shm_rmid_forced */
	bool attach_removed;   /* shm_attach_removed: attach by id after IPC_RMID */
	int32_t next_id;       /* shm_next_id, -1: none */
};

/* 0; -ENOMEM. */
int shm_namespace_create(struct shm *shm, struct shm_namespace **ns);
void shm_namespace_get(struct shm_namespace *ns);
/* The last reference removes all segments. */
void shm_namespace_put(struct shm_namespace *ns);
void shm_namespace_limits(struct shm_namespace *ns, struct shm_limits *limits);
enum shm_limit {
	SHM_LIMIT_SHMMAX,
	SHM_LIMIT_SHMALL,
	SHM_LIMIT_SHMMNI,
	SHM_LIMIT_RMID_FORCED,
	SHM_LIMIT_ATTACH_REMOVED,
	SHM_LIMIT_NEXT_ID,
};
/*
 * One of them; others may be set at the same time, and next_id be used up. A negative next_id is
 * given as such. 0; -EINVAL where Linux refuses the value. No locks held.
 */
int shm_namespace_set_limit(struct shm_namespace *ns, enum shm_limit limit, uint64_t value);

/* shmget(2): the shmid, or EINVAL, ENOENT, EEXIST, EACCES, ENOSPC, ENOMEM, EPERM. No locks held. */
int32_t shm_get(struct shm_namespace *ns, const struct shm_caller *caller, int32_t key,
		uint64_t size_bytes, int flags);
/* shmat(2): 0 and the address. Takes the space lock of caller->space. No locks held. */
int shm_attach(struct shm_namespace *ns, const struct shm_caller *caller, int32_t shmid,
	       uint64_t address, int flags, uint64_t *attached);
/* shmdt(2). Takes the space lock of caller->space. No locks held. */
int shm_detach(struct shm_namespace *ns, const struct shm_caller *caller, uint64_t address);

/* The kernel-side buffer of shmctl(2), by command. */
union shm_control_data {
	struct abi_shmid_ds ds;
	struct abi_shminfo info;
	struct abi_shm_info totals;
};
/*
 * shmctl(2). IPC_SET reads data->ds; IPC_STAT, SHM_STAT, SHM_STAT_ANY write
 * it; IPC_INFO writes data->info, SHM_INFO data->totals; others ignore it.
 * The value that shmctl returns, or a negative errno. No locks held. The host
 * copies between data and the program (EFAULT is its business).
 */
long shm_control(struct shm_namespace *ns, const struct shm_caller *caller, int32_t shmid,
		 int command, union shm_control_data *data);

/*
 * A thread ends, or leaves its namespace for a new one: what it created in any
 * namespace is an orphan, which shm_rmid_forced destroys unless somebody is
 * attached. `creators` is what shm_caller pointed to. No locks held.
 */
void shm_creator_exit(struct shm_creator **creators);

/* ---- the per-process table of shared memory (table.c) ---- */

/*
 * A private segment of `pages` pages, held by caller->space until
 * shm_table_remove or the space's end, even with no attachment. It is found
 * from other processes by its shmid. 0; -EINVAL (0 pages); -ENOMEM; -ENOSPC.
 */
int shm_table_create(struct shm_namespace *ns, const struct shm_caller *caller, uint64_t pages,
		     struct shm_segment **segment);
/* Attach a held segment read-write, at *address or, if that is 0, where the host likes. */
int shm_table_attach(struct shm_namespace *ns, const struct shm_caller *caller,
		     struct shm_segment *segment, uint64_t *address);
/*
 * Unmap all attachments of the segment in this space and drop the hold.
 * False: the table does not hold it.
 */
bool shm_table_remove(const struct shm_caller *caller, struct shm_segment *segment);
/*
 * The held segment of this shmid; NULL: the table does not hold it. When other
 * threads may remove it meanwhile, only shm_table_attach and shm_table_remove
 * may be called with it: they look whether it is still held. No locks held.
 */
struct shm_segment *shm_table_find(struct shm_space *space, int32_t shmid);
/* What the table holds, up to `count` entries; returns how many. No locks held. */
struct shm_table_line {
	int32_t shmid;
	uint64_t size_bytes;
};
size_t shm_table_list(struct shm_space *space, struct shm_table_line *lines, size_t count);
size_t shm_table_len(struct shm_space *space);
bool shm_table_is_empty(struct shm_space *space);
uint64_t shm_segment_len(const struct shm_segment *segment); /* bytes */
bool shm_segment_is_empty(const struct shm_segment *segment);
int32_t shm_segment_id(const struct shm_segment *segment);

/* ---- views (report.c) ---- */

/*
 * One line of /proc/sysvipc/shm for the first segment whose table index is at
 * least *cursor; advances *cursor past it. Returns the line's length, 0 at the
 * end. The caller prints shm_report_header first.
 */
extern const char shm_report_header[];
size_t shm_report_line(struct shm_namespace *ns, uint32_t *cursor, char *line, size_t size_bytes);

/*
 * One line for the first attachment in the space that ends above *cursor, is of
 * a segment of this namespace and may be read by the caller; advances *cursor
 * past it. `pid` is whom the line names. Returns the length, 0 at the end. The
 * caller prints shm_report_attach_header first. Takes the space lock, shared.
 */
extern const char shm_report_attach_header[];
size_t shm_report_attach_line(struct shm_namespace *ns, const struct shm_caller *caller,
			      struct shm_space *space, int32_t pid, uint64_t *cursor, char *line,
			      size_t size_bytes);

/* ---- invariants (check.c) ---- */

/* Walk one object, one space: every rule of docs/design.md that can be seen. Fatal if broken. */
void shm_check_object(struct shm_object *object);
void shm_check_space(struct shm_space *space);
void shm_check_namespace(struct shm_namespace *ns);

#endif
