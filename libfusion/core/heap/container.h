/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Named containers: hashes, vectors and lists that have a name
 *
 * A container is a block of the heap, of the library's making
 * (libfusion/containers).  Core knows its beginning and where it counts, so
 * that the daemon can show a container that has a name.
 *
 * Each kind of container has a table (table.h).  A record leads to the
 * container, and the container leads to the record: container.link, which is
 * stored before the record's commit.  A record is removed before its container
 * is freed.  Invariant: what a record leads to is an allocated block.
 *
 * Dead owner: killed before the record's commit, the container leaks.  Killed
 * after the record's removal, the container has no name, and whoever has its
 * handle can still destroy it.
 */
#ifndef FUSION_CORE_CONTAINER_H
#define FUSION_CORE_CONTAINER_H

#include "libfusion/core/base/checker.h"
#include "libfusion/core/names/table.h"

/* A kind also stands for a layout: a library with another layout refuses the
 * handle. */
enum container_kind {
	CONTAINER_HASH = 0x68736104,
	CONTAINER_VECTOR = 0x76656303,
	CONTAINER_LIST = 0x6c736904,
};

/* Where the record of a container is, and the container's id. */
struct container_link {
	uint32_t entry; /* index + 1; 0: it has no name, and no record */
	uint32_t id;	/* of the record; without one, an id of its own */
};

/* Shared: every byte is ABI. */
struct container {
	union {
		struct {
			/* container_mark(); stored last at creation */
			uint32_t mark;
			uint16_t state; /* enum container_state */
			uint16_t flags; /* FUSION_CONTAINER_... */
		};
		uint64_t head; /* the three above, to be read at once */
	};
	void *lock; /* struct fusion_skirmish *; NULL: the program locks */
	uint32_t lock_id;
	struct container_link link;
	uint32_t pad;
};
static_assert(sizeof(struct container) == 32, "ABI: another kind");

/* The mark depends on the address, so a copy of a container is not valid. */
static inline uint32_t container_mark(const void *at, uint32_t kind)
{
	return kind ^ (uint32_t)((uintptr_t)at >> 4);
}

/* Two blocks, of which one is in use (libfusion/containers/twin.h). */
struct twin {
	void *block[2];
	uint32_t turns; /* block[turns % 2] is in use, NULL at first */
	uint32_t pad;
};
static_assert(sizeof(struct twin) == 24, "ABI: another kind");

/* How the block of a hash and of a vector begins: with the number of entries;
 * of a vector these are the low 32 bits. */
struct twin_head {
	uint32_t mark, size;
	uint64_t n;
};
static_assert(sizeof(struct twin_head) == 16, "ABI: another kind");

/* Where a list counts. */
#define CONTAINER_LIST_N 64

/* A record of a named container. */
struct container_rec {
	struct entry e;
	uint64_t addr;	/* of the container, in members */
	uint32_t flags; /* FUSION_CONTAINER_... */
	uint32_t keys;	/* of a hash: enum fusion_key_type, else 0 */
	uint8_t pad[144];
};
static_assert(sizeof(struct container_rec) == ENTRY_SIZE,
	      "ABI: bump FUSION_FORMAT");

/*
 * Give the container @c, whose keys are of the type @keys, the name @name.
 * 0.
 * -EINVAL, -ENAMETOOLONG, -EEXIST, -ENOSPC, -ENOMEM, -EIO, -ETIMEDOUT as
 * table_add().
 */
int container_name(struct view *v, struct thread_rec *me, enum entry_kind kind,
		   const char *name, struct container *c, uint32_t keys,
		   uint32_t creator);

/* Initialize a record: kind_ops.init(). */
void container_init(struct view *v, void *rec, const void *arg);

/* Check the named containers of a quiet arena.  Returns the number of faults.
 */
unsigned container_check(const struct view *v, check_report_fn report,
			 void *ctx);

#endif
