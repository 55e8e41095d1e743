/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Property: exclusive use of something, leased for a moment or purchased for
 * long
 *
 * State, owner and levels are one 64-bit word; property_steps[] (property.c)
 * says what each request does in each state.  Commit of each: one CAS.
 *
 * Announced in thread_rec.properties before the CAS that may take it, struck
 * out after the wake that may be owed: recovery of a dead thread looks at what
 * it announced.  word == dead: available, wake all; else: wake all, it may have
 * owed a wake.
 *
 * Waiters set WAIT in the word, then sleep on seq; who gives the property back
 * with WAIT set adds one to seq and wakes them all: each decides anew, as what
 * they find may be a purchase.
 */
#ifndef FUSION_CORE_PROPERTY_H
#define FUSION_CORE_PROPERTY_H

#include <errno.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/checker.h"
#include "libfusion/core/names/table.h"

#define PROPERTY_WAIT 0x80000000ull
#define PROPERTY_PURCHASED (1ull << 63)
#define PROPERTY_LEVEL (1ull << 32)
#define PROPERTY_LEVELS_MAX 0x7fffffffu

#define PROPERTY_OWNER(word) ((uint32_t)(word)&TOKEN_MASK)
#define PROPERTY_LEVELS(word) ((uint32_t)((word) >> 32) & PROPERTY_LEVELS_MAX)

#define PROPERTY_LEASE_WINDOW_NS 100000000LL
#define PROPERTY_PURCHASE_WINDOW_NS 1000000000LL

struct property {
	struct entry e;
	uint8_t pad0[32];

	uint64_t word; /* atomic: PURCHASED, levels, WAIT, owner's token */
	uint32_t id;   /* atomic: e.id, 0 once destroyed */
	uint32_t seq;  /* atomic, futex: +1 when waiters are to look again */
	uint64_t since_ns; /* atomic, CLOCK_MONOTONIC; 0: this very moment */
	/* How long a purchase may last before others are told -EBUSY, and how
	 * long they wait for that. */
	int64_t lease_window_ns, purchase_window_ns;
	/* Owner only: how often. */
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

int property_create(struct view *v, struct thread_rec *me, const char *name,
		    const struct property_windows *windows, uint32_t creator,
		    struct property **ret);
/* Waiters get -EIDRM.  0, -EIDRM. */
int property_destroy(struct view *v, struct thread_rec *me, struct property *p);

/*
 * Lease or purchase, waiting until @deadline_ns (CLOCK_MONOTONIC, < 0 for
 * ever).  0, or -EBUSY another's purchase outlasts its window; -ETIMEDOUT;
 * -EDEADLK mine already, in the other way; -EMFILE; -EOVERFLOW; -EIDRM.
 */
int property_take(struct view *v, struct thread_rec *me, struct property *p,
		  enum property_request what, int64_t deadline_ns);
/* The same without waiting: -EAGAIN another has it, but may be waited for;
 * WAIT is set, so that its owner will tell (seq). */
int property_try(struct view *v, struct thread_rec *me, struct property *p,
		 enum property_request what);
/* 0, 1 and somebody was woken; -EPERM not mine; -EIDRM. */
int property_cede(struct view *v, struct thread_rec *me, struct property *p);

/* What it is now: a private copy, to be looked at with the macros above. */
uint64_t property_word(const struct property *p, int64_t *ret_since_ns);
/* The record of the thread that has it, checked; NULL nobody's. */
const struct thread_rec *property_owner(const struct view *v, uint64_t word);

/* The thread of @t is gone.  @me logs.  Idempotent; the number made
 * available. */
unsigned property_recover(struct view *v, struct thread_rec *t,
			  struct thread_rec *me);

void property_init(struct view *v, void *rec, const void *arg); /* kinds.c */
void property_fini(struct view *v, void *rec);

/* Faults of a quiet arena's properties. */
unsigned property_check(struct view *v, check_report_fn report, void *ctx);

/* As many announcements of @t are not of what it has. */
unsigned property_check_thread(const struct view *v,
			       const struct thread_rec *t);

static inline uint32_t property_index(const struct view *v,
				      const struct property *p)
{
	return (uint32_t)((view_off(v, p) - v->geo.tables[KIND_PROPERTY].off) /
			  ENTRY_SIZE);
}

#endif
