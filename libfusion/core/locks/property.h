/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Property: exclusive use of something, leased for a moment or purchased for
 * long
 *
 * State, owner and levels are one 64-bit word.  property_steps[] (property.c)
 * says what each request does in each state.  The commit of each is one CAS.
 *
 * A thread announces the property in thread_rec.properties before the CAS that
 * may take it, and strikes it out after the wake that it may owe.  So recovery
 * reads the announcements of the dead thread and no other list:
 *   word == dead     available, wake all
 *   else             wake all: the dead thread may have owed a wake
 *
 * Waiters set WAIT in the word, then sleep on seq.  An owner that gives the
 * property back while WAIT is set adds 1 to seq and wakes all waiters.  Each of
 * them decides anew, since the next owner may have purchased it.
 */
#ifndef FUSION_CORE_PROPERTY_H
#define FUSION_CORE_PROPERTY_H

#include <errno.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/wait.h"
#include "libfusion/core/names/table.h"

#define PROPERTY_WAIT 0x80000000ull
#define PROPERTY_PURCHASED (1ull << 63)
#define PROPERTY_LEVEL (1ull << 32)
#define PROPERTY_LEVELS_MAX 0x7fffffffu

#define PROPERTY_OWNER(word) ((uint32_t)(word)&TOKEN_MASK)
#define PROPERTY_LEVELS(word) ((uint32_t)((word) >> 32) & PROPERTY_LEVELS_MAX)

#define PROPERTY_LEASE_WINDOW_NS 100000000LL
#define PROPERTY_PURCHASE_WINDOW_NS 1000000000LL

/*
 * Invariant: the word has levels if and only if it names an owner.  Dead owner:
 * property_recover() frees the word.
 */
struct property {
	struct entry e;
	uint8_t pad0[32];

	uint64_t word; /* atomic: PURCHASED, levels, WAIT, owner's token */
	uint32_t id;   /* atomic: e.id, 0 once destroyed */
	uint32_t seq;  /* atomic, futex: +1 when waiters must try again */
	/* Atomic, CLOCK_MONOTONIC: since when it is owned; 0 it is not, or its
	 * owner has taken it this very moment. */
	uint64_t since_ns;
	/* How long a lease or a purchase waits for another's purchase, before
	 * it returns -EBUSY. */
	int64_t lease_window_ns, purchase_window_ns;
	/* Owner only: how often it was leased, and purchased. */
	uint64_t leased, purchased;
	uint32_t recovered; /* atomic: owners that died */
	uint8_t pad1[68];
};
static_assert(sizeof(struct property) == ENTRY_SIZE, "ABI: bump FORMAT");
static_assert(offsetof(struct property, word) == 128, "ABI: bump FORMAT");

enum property_request { PROPERTY_LEASE, PROPERTY_PURCHASE, PROPERTY_CEDE };

struct property_windows {
	int64_t lease_ns, purchase_ns;
};

/* Create a property called @name, or a nameless one if @name is NULL.  0 and
 * *ret; or the errors of table_add(). */
int property_create(struct view *v, struct thread_rec *me, const char *name,
		    const struct property_windows *windows, uint32_t creator,
		    struct property **ret);
/*
 * Destroy @p.  Threads that wait for it get -EIDRM.
 * 0; -EIDRM it is destroyed already; else as table_remove().
 */
int property_destroy(struct view *v, struct thread_rec *me, struct property *p);

/*
 * Lease or purchase @p, waiting as @wait says.
 * 0.
 * -EBUSY the purchase of another thread outlasts the window.
 * -ETIMEDOUT, -EINTR.
 * -EDEADLK @me has it already, in the other way.
 * -ENOLCK @me announces THREAD_PROPERTIES already.
 * -EOVERFLOW @me has PROPERTY_LEVELS_MAX levels already.
 * -EIDRM @p is destroyed.
 */
int property_take(struct view *v, struct thread_rec *me, struct property *p,
		  enum property_request what, struct wait *wait);
/*
 * Lease or purchase @p without waiting.  As property_take(), but -EAGAIN where
 * that waits: WAIT is set, so that the owner will add 1 to seq.
 */
int property_try(struct view *v, struct thread_rec *me, struct property *p,
		 enum property_request what);
/*
 * Give one level of @p back.
 * 0 done; 1 done, and waiters were woken.
 * -EPERM @me does not have it.
 * -EIDRM @p is destroyed.
 */
int property_cede(struct view *v, struct thread_rec *me, struct property *p);
/* Strike out what @me may announce of a property that was destroyed, whose
 * record @p another property has.  What @me has of that other one stays. */
void property_forget(struct view *v, struct thread_rec *me, struct property *p);

/* Copy the word, which the macros above read, and since when it is owned. */
uint64_t property_word(const struct property *p, int64_t *ret_since_ns);
/* Find the record of the owner that @word names, checked; NULL nobody. */
const struct thread_rec *property_owner(const struct view *v, uint64_t word);

/* Initialize a record: kind_ops.init(). */
void property_init(struct view *v, void *rec, const void *arg);
/* Turn the users of a removed record away: kind_ops.fini(). */
void property_fini(struct view *v, void *rec);

/* --- For the files of the property only ------------------------------------
 */

/* Make the property of @token available.  true: waiters were woken.  Killed
 * before the CAS: the word names a dead owner; after it: the dead thread still
 * announces the property. */
bool property_release(struct property *p, uint32_t token);
/* Add 1 to seq, and wake all waiters: each tries again. */
void property_tell_all(struct property *p);

/* Compute the index of @p in its table. */
static inline uint32_t property_index(const struct view *v,
				      const struct property *p)
{
	return (uint32_t)((view_off(v, p) - v->geo.tables[KIND_PROPERTY].off) /
			  ENTRY_SIZE);
}

#endif
