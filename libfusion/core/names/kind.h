/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kinds: what each kind of named thing does with its records
 *
 * The tables lie below the kinds, so they reach them through these functions.
 * recovery/kinds.c has a row for each kind.
 */
#ifndef FUSION_CORE_KIND_H
#define FUSION_CORE_KIND_H

#include "libfusion/core/file/view.h"

struct reactor;
struct skirmish;

struct kind_ops {
	const char *name; /* in events */
	/* Make a record new, all but its struct entry, whose id is set.  Not
	 * visible to anybody yet.  May be run again by nobody. */
	void (*init)(struct view *v, void *rec, const void *arg);
	/* It has just been removed, nobody finds it by name any more: turn
	 * away who still uses it.  Under the table's lock.  Idempotent:
	 * recovery runs it again.  May be NULL. */
	void (*fini)(struct view *v, void *rec);
	/* All are called "#<id>", and so are found by that. */
	bool nameless;
	/* Nothing is said of its coming and going.  May be NULL. */
	bool (*quiet)(const void *rec);

	/* What rooms below a kind have to tell it.  Only the kind that is named
	 * has it. */

	/* KIND_CALL: @me executes a call.  Borrow @s from a thread that waits
	 * for that call.  0; -EBUSY none has it; -EMFILE, -EOVERFLOW;
	 * -ETIMEDOUT. */
	int (*borrow)(struct view *v, struct thread_rec *me,
		      struct skirmish *s);
	/* KIND_OBJECT: record @i has reference @ref, an index + 1.  Before the
	 * commit of the reference's record. */
	void (*has_ref)(const struct view *v, uint32_t i, uint32_t ref);
	/* KIND_OBJECT: @me is about to commit @re, an object's reactor. */
	void (*announce_reactor)(const struct view *v, struct thread_rec *me,
				 const struct reactor *re);
	/* KIND_OBJECT: the reference of record @i has fallen to zero.  Ignored
	 * if the record does not have @id any more. */
	void (*fallen)(const struct view *v, uint32_t i, uint32_t id);
};

extern const struct kind_ops kind_ops[N_KINDS];

#endif
