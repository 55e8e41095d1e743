/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kinds: what each kind of named thing does with its records
 *
 * The code of tables lies below the kinds, so it calls them through these
 * functions.  recovery/kinds.c has a row for each kind.  Each of the last
 * functions belongs to one kind, and is called by rooms below that kind.
 */
#ifndef FUSION_CORE_KIND_H
#define FUSION_CORE_KIND_H

#include "libfusion/core/file/view.h"

struct reactor;
struct skirmish;

struct kind_ops {
	const char *name; /* in events */
	/* Initialize a record, all but its struct entry, whose id is set.  No
	 * other thread sees the record yet.  @arg is that of table_add(). */
	void (*init)(struct view *v, void *rec, const void *arg);
	/* Turn away the threads that still use a record: it has just been
	 * removed, and nobody finds it by name any more.  Under the table's
	 * lock.  Idempotent: recovery runs it again.  May be NULL. */
	void (*fini)(struct view *v, void *rec);
	/* Every record is called "#<id>", and its chain leads to that name. */
	bool nameless;
	/* Say whether creation and removal of a record log no event.  NULL:
	 * they log one. */
	bool (*quiet)(const void *rec);

	/* KIND_CALL: borrow @s from a thread that waits for the call which @me
	 * executes.  0; -EBUSY no such thread has it; -ENOLCK @me announces too
	 * many locks; -EOVERFLOW @me has too many levels; -ETIMEDOUT as
	 * core_lock(). */
	int (*borrow)(struct view *v, struct thread_rec *me,
		      struct skirmish *s);
	/* KIND_OBJECT: store that record @i has the reference @ref, an index
	 * + 1.  Called before the commit of the reference's record. */
	void (*has_ref)(const struct view *v, uint32_t i, uint32_t ref);
	/* KIND_OBJECT: announce that @me is about to commit @re, the reactor of
	 * an object. */
	void (*announce_reactor)(const struct view *v, struct thread_rec *me,
				 const struct reactor *re);
	/* KIND_OBJECT: note that the reference of record @i has fallen to zero.
	 * Does nothing if the record does not have @id any more. */
	void (*fallen)(const struct view *v, uint32_t i, uint32_t id);
};

extern const struct kind_ops kind_ops[N_KINDS];

#endif
